// Best entering arcs by meldable heaps: every contracted cycle has one skew heap of candidates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "candidates.h"
#include "contraction.h"

namespace posmoe {

// O(n width log(n width)) time over a whole search, 24 bytes a candidate. Buffers are reused.
class HeapArcs {
 public:
  // As ListArcs.
  void reset(const Candidates& candidates, const std::vector<Arc>& best, Contraction& forest, bool root_last);
  Arc best(int32_t node);
  void contract(int32_t node, const int32_t* members, size_t count);

  void forget(int32_t) {}

  size_t memory() const;

 private:
  bool before(int32_t a, int32_t b) const;
  void push_down(int32_t item);
  int32_t build(int32_t word);
  int32_t meld(int32_t a, int32_t b);

  const Candidates* candidates_ = nullptr;
  const std::vector<Arc>* best_ = nullptr;
  Contraction* forest_ = nullptr;
  bool root_last_ = false;
  std::vector<double> keys_, adds_;  // per candidate: its score; what its children still have to add
  std::vector<int32_t> left_, right_;
  std::vector<int32_t> heap_of_;  // per node: the heap of its arcs from words, -1: empty
  std::vector<Arc> root_of_;      // per contracted node: its best arc from the root
  std::vector<int32_t> order_;
};

}  // namespace posmoe
