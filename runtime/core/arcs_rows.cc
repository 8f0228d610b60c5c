#include "arcs_rows.h"

#include <algorithm>
#include <limits>

namespace posmoe {
namespace {

constexpr double kNone = -std::numeric_limits<double>::infinity();

}  // namespace

void RowArcs::reset(const Candidates& candidates, const std::vector<Arc>& best, const Contraction& forest,
                    bool root_last) {
  candidates_ = &candidates;
  best_ = &best;
  forest_ = &forest;
  root_last_ = root_last;
  stride_ = candidates.words() + 1;
  row_of_.assign(stride_, -1);
  scores_.clear();
  words_.clear();
  free_.clear();
}

Arc RowArcs::best(int32_t node) const {
  if (forest_->is_word(node)) {
    const Arc& best = (*best_)[node];
    if (!root_last_ || best.head != 0) return best;
    const Arc other = candidates_->best(node, 1);
    return other.head < 0 ? best : other;
  }
  const size_t row = static_cast<size_t>(row_of_[node]) * stride_;
  const double* const scores = scores_.data() + row;
  size_t head = root_last_ ? 1 : 0;
  for (size_t i = head + 1; i < stride_; ++i) {
    if (scores[i] > scores[head]) head = i;
  }
  if (scores[head] == kNone) head = 0;
  if (scores[head] == kNone) return {};
  return {static_cast<int32_t>(head), words_[row + head], scores[head]};
}

int32_t RowArcs::take_row() {
  if (!free_.empty()) {
    const int32_t row = free_.back();
    free_.pop_back();
    std::fill_n(scores_.begin() + static_cast<ptrdiff_t>(static_cast<size_t>(row) * stride_), stride_, kNone);
    return row;
  }
  const auto row = static_cast<int32_t>(scores_.size() / stride_);
  scores_.resize(scores_.size() + stride_, kNone);
  words_.resize(words_.size() + stride_);
  return row;
}

void RowArcs::add_word(size_t row, int32_t word, double cost) {
  for (size_t arc = candidates_->begin(word); arc < candidates_->end(word); ++arc) {
    const int32_t head = candidates_->head(arc);
    if (head < 0) continue;
    const double score = candidates_->score(arc) - cost;
    const size_t at = row + static_cast<size_t>(head);
    if (score > scores_[at]) {
      scores_[at] = score;
      words_[at] = word;
    }
  }
}

void RowArcs::contract(int32_t node, const int32_t* members, size_t count) {
  int32_t target = -1;
  for (size_t i = 0; i < count && target < 0; ++i) target = row_of_[members[i]];
  const bool reused = target >= 0;
  if (!reused) target = take_row();
  const size_t row = static_cast<size_t>(target) * stride_;
  double* const scores = scores_.data() + row;
  if (reused) {
    for (size_t i = 0; i < count; ++i) {
      if (row_of_[members[i]] != target) continue;
      for (size_t head = 0; head < stride_; ++head) scores[head] -= forest_->chosen[members[i]].score;
    }
  }
  for (size_t i = 0; i < count; ++i) {
    const int32_t member = members[i];
    const double cost = forest_->chosen[member].score;
    if (row_of_[member] == target) continue;
    if (forest_->is_word(member)) {
      add_word(row, member, cost);
      continue;
    }
    const size_t other = static_cast<size_t>(row_of_[member]) * stride_;
    for (size_t head = 0; head < stride_; ++head) {
      const double score = scores_[other + head] - cost;
      if (score > scores[head]) {
        scores[head] = score;
        words_[row + head] = words_[other + head];
      }
    }
    free_.push_back(row_of_[member]);
  }
  for (int32_t word = forest_->first_word(node); word >= 0; word = forest_->next_word(word)) scores[word] = kNone;
  row_of_.push_back(target);
}

void RowArcs::forget(int32_t node) {
  if (row_of_[node] >= 0) free_.push_back(row_of_[node]);
}

size_t RowArcs::memory() const {
  return scores_.capacity() * sizeof(double) +
         (words_.capacity() + row_of_.capacity() + free_.capacity()) * sizeof(int32_t);
}

}  // namespace posmoe
