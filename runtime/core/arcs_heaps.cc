#include "arcs_heaps.h"

#include <algorithm>
#include <utility>

namespace posmoe {

void HeapArcs::reset(const Candidates& candidates, const std::vector<Arc>& best, Contraction& forest,
                     bool root_last) {
  candidates_ = &candidates;
  best_ = &best;
  forest_ = &forest;
  root_last_ = root_last;
  const size_t arcs = candidates.words() * candidates.width();
  keys_.resize(arcs);
  adds_.resize(arcs);
  left_.resize(arcs);
  right_.resize(arcs);
  heap_of_.assign(candidates.words() + 1, -1);
  root_of_.assign(candidates.words() + 1, Arc{});
}

bool HeapArcs::before(int32_t a, int32_t b) const {
  if (keys_[a] != keys_[b]) return keys_[a] > keys_[b];
  return candidates_->head(a) < candidates_->head(b);
}

void HeapArcs::push_down(int32_t item) {
  if (adds_[item] == 0) return;
  for (const int32_t child : {left_[item], right_[item]}) {
    if (child < 0) continue;
    keys_[child] += adds_[item];
    adds_[child] += adds_[item];
  }
  adds_[item] = 0;
}

int32_t HeapArcs::build(int32_t word) {
  order_.clear();
  for (size_t arc = candidates_->begin(word); arc < candidates_->end(word); ++arc) {
    if (candidates_->head(arc) <= 0) continue;
    keys_[arc] = candidates_->score(arc);
    adds_[arc] = 0;
    order_.push_back(static_cast<int32_t>(arc));
  }
  if (order_.empty()) return -1;
  std::make_heap(order_.begin(), order_.end(), [this](int32_t a, int32_t b) { return before(b, a); });
  for (size_t i = 0; i < order_.size(); ++i) {
    left_[order_[i]] = 2 * i + 1 < order_.size() ? order_[2 * i + 1] : -1;
    right_[order_[i]] = 2 * i + 2 < order_.size() ? order_[2 * i + 2] : -1;
  }
  return order_[0];
}

int32_t HeapArcs::meld(int32_t a, int32_t b) {
  int32_t top = -1;
  int32_t* link = &top;
  while (a >= 0 && b >= 0) {
    if (before(b, a)) std::swap(a, b);
    push_down(a);
    *link = a;
    const int32_t right = right_[a];
    right_[a] = left_[a];
    link = &left_[a];
    a = right;
  }
  *link = a >= 0 ? a : b;
  return top;
}

Arc HeapArcs::best(int32_t node) {
  if (forest_->is_word(node)) {
    const Arc& best = (*best_)[node];
    if (!root_last_ || best.head != 0) return best;
    const Arc other = candidates_->best(node, 1);
    return other.head < 0 ? best : other;
  }
  int32_t& top = heap_of_[node];
  while (top >= 0 && forest_->find(candidates_->head(top)) == node) {
    push_down(top);
    top = meld(left_[top], right_[top]);
  }
  const Arc& root = root_of_[node];
  if (top < 0) return root;
  if (!root_last_ && root.head == 0 && root.score >= keys_[top]) return root;
  const auto word = static_cast<int32_t>(top / candidates_->width()) + 1;
  return {candidates_->head(top), word, keys_[top]};
}

void HeapArcs::contract(int32_t, const int32_t* members, size_t count) {
  int32_t heap = -1;
  Arc root;
  for (size_t i = 0; i < count; ++i) {
    const int32_t member = members[i];
    const double cost = forest_->chosen[member].score;
    const bool word = forest_->is_word(member);
    const int32_t top = word ? build(member) : heap_of_[member];
    if (top >= 0) {
      keys_[top] -= cost;
      adds_[top] -= cost;
      heap = meld(heap, top);
    }
    Arc arc = word ? candidates_->best(member, 0, 0) : root_of_[member];
    arc.score -= cost;
    if (arc.head == 0 && (root.head < 0 || arc.score > root.score)) root = arc;
  }
  heap_of_.push_back(heap);
  root_of_.push_back(root);
}

size_t HeapArcs::memory() const {
  return (keys_.capacity() + adds_.capacity()) * sizeof(double) + root_of_.capacity() * sizeof(Arc) +
         (left_.capacity() + right_.capacity() + heap_of_.capacity() + order_.capacity()) * sizeof(int32_t);
}

}  // namespace posmoe
