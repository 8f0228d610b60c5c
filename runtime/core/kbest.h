// The k best spanning trees with a single root, best first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "candidates.h"

namespace posmoe {

struct RankedTrees {
  std::vector<int32_t> heads;  // one tree after the other
  std::vector<double> scores;  // falling
};

// At most k distinct trees, fewer where fewer exist. O(k (n^2 + n width)) time, up to 12 n^2 bytes while a tree is
// looked for. Differences of a word's scores are resolved to 2^-36 of the largest one (10,000 words; 2^-45 for 20):
// mark what is no candidate by -inf or head -1, not by a large negative score. Within that, trees count
// as equal. Throws DecodeError where there is no tree. Reentrant.
RankedTrees k_best(const Candidates& candidates, size_t k);

}  // namespace posmoe
