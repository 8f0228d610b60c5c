// Relations of the arcs of a tree, from scores that another engine computed; the native network has a kernel of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace posmoe {

struct Bundle;
class SafeTensors;

// Holds copies. Immutable: any number of threads may share one.
class Labeller {
 public:
  Labeller(const Bundle& bundle, const SafeTensors& tensors);

  size_t rank() const { return rank_; }

  // The best relation of every word of a sentence: dependents [words, rank], heads [words + 1, rank] (row 0 the root).
  // The relation `root` goes to the root's child and to no other word. Of equal ones the first.
  void operator()(const float* dependents, const float* heads, size_t words, const int32_t* tags, const int32_t* tree,
                  int32_t* out) const;

 private:
  size_t rank_, tags_, labels_;
  int64_t root_;
  std::vector<float> weight_, bias_, pair_;  // [rank, labels], [labels], [2 (tags + 1)^2, labels]
};

}  // namespace posmoe
