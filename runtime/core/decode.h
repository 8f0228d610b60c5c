// Candidate heads to a tree: the highest-scoring spanning tree in which exactly one word hangs on the root.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "arcs_heaps.h"
#include "arcs_rows.h"
#include "candidates.h"
#include "contraction.h"

namespace posmoe {

// Which search runs where the best heads form no tree; both find a best tree.
enum class Search {
  automatic,
  rows,   // O(n^2 + n width) time, up to 6 n^2 bytes
  heaps,  // O(n width log(n width)) time, 24 bytes a candidate
};

// Holds the buffers: no allocation after warm-up. One object per thread.
class Decoder {
 public:
  // Writes the head of each word to out[0 .. words). Returns whether a search was needed: false where the best heads
  // form a tree. Of equal scores the smaller head is taken. Candidates with a head below 0, the word itself or a
  // score of -inf don't count; duplicates may occur. Throws DecodeError on NaN, +inf, a head past `words`, a word
  // without candidates, and where the candidates hold no tree with a single root.
  template <typename Head>
  bool decode(const float* scores, const Head* heads, size_t words, size_t width, int32_t* out,
              Search search = Search::automatic);

  // Bytes held by the buffers.
  size_t memory() const;

 private:
  template <typename Head>
  size_t take_best(const float* scores, const Head* heads, size_t words, size_t width, int32_t* out);
  bool has_cycle(const int32_t* heads, size_t words);
  int search(bool heaps, bool root_last);

  Candidates candidates_;
  std::vector<Arc> best_;  // per word, from 1
  std::vector<int32_t> path_, mark_;
  Contraction forest_;
  RowArcs rows_;
  HeapArcs heaps_;
};

}  // namespace posmoe
