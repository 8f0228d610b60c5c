#include "arcs_swap.h"

#include <algorithm>
#include <limits>

namespace posmoe {
namespace {

constexpr double kNone = -std::numeric_limits<double>::infinity();

}  // namespace

void SwapArcs::reset(const Candidates& candidates, const int32_t* tree, const Contraction& forest) {
  candidates_ = &candidates;
  tree_ = tree;
  forest_ = &forest;
  swap_ = Swap{};
  stride_ = candidates.words() + 1;
  row_of_.assign(stride_, -1);
  rows_.clear();
  free_.clear();
  number_tree();
}

// Depth-first numbers: the subtree below w holds the nodes x with enter[w] <= enter[x] < leave[w].
void SwapArcs::number_tree() {
  enter_.assign(stride_, 0);
  leave_.assign(stride_, 0);
  child_.assign(stride_, -1);
  sibling_.assign(stride_, -1);
  for (auto word = static_cast<int32_t>(stride_) - 1; word > 0; --word) {
    sibling_[word] = child_[tree_[word - 1]];
    child_[tree_[word - 1]] = word;
  }
  int32_t number = 0;
  stack_.assign(1, 0);
  while (!stack_.empty()) {
    const int32_t node = stack_.back();
    if (leave_[node] == 0) {
      enter_[node] = number++;
      leave_[node] = -1;
      for (int32_t child = child_[node]; child >= 0; child = sibling_[child]) stack_.push_back(child);
    } else {
      leave_[node] = number;
      stack_.pop_back();
    }
  }
}

bool SwapArcs::below(int32_t node, int32_t word) const {
  return enter_[word] <= enter_[node] && enter_[node] < leave_[word];
}

Arc SwapArcs::best(int32_t node) {
  Arc best, other;
  const auto offer = [](Arc& arc, int32_t head, const Entry& entry) {
    if (entry.score > kNone && (arc.head < 0 || entry.score > arc.score)) arc = {head, entry.word, entry.score};
  };
  const auto scan = [&](auto&& visit) {
    if (forest_->is_word(node)) {
      for (size_t arc = candidates_->begin(node); arc < candidates_->end(node); ++arc) {
        if (candidates_->head(arc) >= 0) visit(candidates_->head(arc), Entry{candidates_->score(arc), node});
      }
      return;
    }
    const Pair* const row = rows_.data() + static_cast<size_t>(row_of_[node]) * stride_;
    for (size_t head = 0; head < stride_; ++head) {
      visit(static_cast<int32_t>(head), row[head].first);
      visit(static_cast<int32_t>(head), row[head].second);
    }
  };
  scan([&](int32_t head, const Entry& entry) { offer(best, head, entry); });
  if (best.head < 0 || !in_tree(best)) return best;
  scan([&](int32_t head, const Entry& entry) {
    if ((head != best.head || entry.word != best.word) && !below(head, best.word)) offer(other, head, entry);
  });
  if (other.head >= 0 && (swap_.word < 0 || best.score - other.score < swap_.loss)) {
    swap_ = {best.word, best.score - other.score};
  }
  return best;
}

void SwapArcs::insert(Pair& pair, Entry entry) {
  if (entry.score > pair.first.score) std::swap(entry, pair.first);
  if (entry.score > pair.second.score) pair.second = entry;
}

int32_t SwapArcs::take_row() {
  const Pair none{{kNone, 0}, {kNone, 0}};
  if (free_.empty()) {
    rows_.resize(rows_.size() + stride_, none);
    return static_cast<int32_t>(rows_.size() / stride_) - 1;
  }
  const int32_t row = free_.back();
  free_.pop_back();
  std::fill_n(rows_.begin() + static_cast<ptrdiff_t>(static_cast<size_t>(row) * stride_), stride_, none);
  return row;
}

void SwapArcs::contract(int32_t node, const int32_t* members, size_t count) {
  const int32_t target = take_row();
  Pair* const row = rows_.data() + static_cast<size_t>(target) * stride_;
  for (size_t i = 0; i < count; ++i) {
    const int32_t member = members[i];
    const double cost = forest_->chosen[member].score;
    if (forest_->is_word(member)) {
      for (size_t arc = candidates_->begin(member); arc < candidates_->end(member); ++arc) {
        const int32_t head = candidates_->head(arc);
        if (head >= 0) insert(row[head], {candidates_->score(arc) - cost, member});
      }
      continue;
    }
    const Pair* const other = rows_.data() + static_cast<size_t>(row_of_[member]) * stride_;
    for (size_t head = 0; head < stride_; ++head) {
      insert(row[head], {other[head].first.score - cost, other[head].first.word});
      insert(row[head], {other[head].second.score - cost, other[head].second.word});
    }
    free_.push_back(row_of_[member]);
  }
  for (int32_t word = forest_->first_word(node); word >= 0; word = forest_->next_word(word)) {
    row[word].first.score = row[word].second.score = kNone;
  }
  row_of_.push_back(target);
}

void SwapArcs::forget(int32_t node) {
  if (row_of_[node] >= 0) free_.push_back(row_of_[node]);
}

}  // namespace posmoe
