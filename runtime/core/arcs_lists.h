// Best entering arcs by lists: every contracted cycle has a list of arcs from heads outside it, the best from each head.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "candidates.h"
#include "contraction.h"

namespace posmoe {

// O(width + heads near a cycle) time a word: fast where heads are near their words, or a sentence is short; at worst
// O(n^2). Buffers are reused.
class ListArcs {
 public:
  // `best`: per word, from 1, its best arc. `root_last`: a root arc is taken only where no other arc enters.
  void reset(const Candidates& candidates, const std::vector<Arc>& best, Contraction& forest, bool root_last);

  // The best arc into an outermost node from outside it; scores are relative to the arcs chosen inside.
  Arc best(int32_t node);

  // Learns that `members` became `node`; their chosen arcs form the cycle.
  void contract(int32_t node, const int32_t* members, size_t count);

  void forget(int32_t node);

  size_t memory() const;

 private:
  // Scores lack `shift`. Arcs may be there that a better one from the same head, or its contraction, has made useless.
  struct List {
    std::vector<Arc> arcs;
    double shift = 0;
  };

  int32_t take_list();
  void add(int32_t list, Arc arc);
  void remove(int32_t list, size_t place);
  Arc best_of(const List& list, size_t& place) const;

  const Candidates* candidates_ = nullptr;
  const std::vector<Arc>* best_ = nullptr;
  Contraction* forest_ = nullptr;
  bool root_last_ = false;
  std::vector<List> lists_;
  std::vector<int32_t> list_of_, free_;  // per node: its list, -1: none; lists that nobody needs
  std::vector<int32_t> owner_, place_;   // per head: the list that took it in last, and where it is there
};

}  // namespace posmoe
