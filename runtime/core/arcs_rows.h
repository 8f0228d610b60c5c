// Best entering arcs by rows: every contracted cycle has one row of scores, indexed by head.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "candidates.h"
#include "contraction.h"

namespace posmoe {

// O(n^2 + n width) time over a whole search, up to 6 n^2 bytes. Buffers are reused.
class RowArcs {
 public:
  // `best`: per word, from 1, its best arc. `root_last`: a root arc is taken only where no other arc enters.
  void reset(const Candidates& candidates, const std::vector<Arc>& best, const Contraction& forest, bool root_last);

  // The best arc into an outermost node from outside it; scores are relative to the arcs chosen inside.
  Arc best(int32_t node) const;

  // Learns that `members` became `node`; their chosen arcs form the cycle.
  void contract(int32_t node, const int32_t* members, size_t count);

  void forget(int32_t node);

  size_t memory() const;

 private:
  int32_t take_row();
  void add_word(size_t row, int32_t word, double cost);

  const Candidates* candidates_ = nullptr;
  const std::vector<Arc>* best_ = nullptr;
  const Contraction* forest_ = nullptr;
  bool root_last_ = false;
  size_t stride_ = 0;
  std::vector<double> scores_;  // rows of stride_: the best arc from each head, -inf where there is none
  std::vector<int32_t> words_;  // the word which that arc enters
  std::vector<int32_t> row_of_, free_;
};

}  // namespace posmoe
