// Scored candidate heads to a tree: the highest-scoring spanning tree in which exactly one word hangs on the root.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "candidates.h"
#include "tree_search.h"

namespace posmoe {

// Holds the buffers: no allocation after warm-up. One object per thread.
class Decoder {
 public:
  // Writes the head of each word to out[0 .. words). Returns whether a search was needed: false where the best heads
  // form a tree. Of equal scores the smaller head is taken. Candidates with a head below 0, the word itself or a
  // score of -inf don't count; duplicates may occur. Throws DecodeError on NaN, +inf, a head past `words`, a word
  // without candidates, and where the candidates hold no tree with a single root.
  template <typename Head>
  bool decode(const float* scores, const Head* heads, size_t words, size_t width, int32_t* out,
              Search kind = Search::automatic);

  // The same where it is known that the best heads form no tree.
  template <typename Head>
  void search(const float* scores, const Head* heads, size_t words, size_t width, int32_t* out,
              Search kind = Search::automatic);

  // Bytes held by the buffers.
  size_t memory() const { return candidates_.memory() + search_.memory() + mark_.capacity() * sizeof(int32_t); }

 private:
  Candidates candidates_;
  TreeSearch search_;
  std::vector<int32_t> mark_;
};

}  // namespace posmoe
