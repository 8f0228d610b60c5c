// The best spanning tree with a single root over checked candidates: Chu-Liu/Edmonds by contraction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "arcs_heaps.h"
#include "arcs_lists.h"
#include "candidates.h"
#include "contraction.h"

namespace posmoe {

// How a search holds the arcs into contracted cycles; both ways find a best tree.
enum class Search {
  automatic,
  lists,  // time and memory linear in the words if their heads are near, else O(n^2)
  heaps,  // O(n width log(n width)) time, 24 bytes a candidate
};

// Whether following the heads of words 1..n leads round in a circle. `mark` is scratch.
bool has_cycle(const int32_t* heads, size_t words, std::vector<int32_t>& mark);

// Holds the buffers: no allocation after warm-up. One object per thread.
class TreeSearch {
 public:
  // Writes the head of each word to out[0 .. words). Returns false where the candidates hold no tree.
  bool find(const Candidates& candidates, int32_t* out, Search kind = Search::automatic);

  size_t memory() const;

 private:
  int search(const Candidates& candidates, bool heaps, bool root_last);

  std::vector<Arc> best_;  // per word, from 1
  std::vector<int32_t> path_, mark_;
  Contraction forest_;
  ListArcs lists_;
  HeapArcs heaps_;
};

}  // namespace posmoe
