// The sum over all spanning trees with a single root: it turns tree scores into probabilities.
#pragma once

#include "candidates.h"

namespace posmoe {

// log of the sum of exp(score) over all trees: a tree's log-probability is its score less this. O(n^3) time, 8 n^2
// bytes (matrix-tree theorem with one root, Koo et al. 2007). Throws DecodeError where there is no tree, and past
// kLongestPartition words. Reentrant.
double log_partition(const Candidates& candidates);

inline constexpr size_t kLongestPartition = 4096;

}  // namespace posmoe
