// The part of Chu-Liu/Edmonds that all searches share: growing a path of best arcs and contracting its cycles.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "candidates.h"

namespace posmoe {

// The forest of contracted cycles over the nodes 0..n (words and root) and n+1.. (cycles). Buffers are reused.
class Contraction {
 public:
  void reset(size_t words);

  size_t words() const { return words_; }

  // The outermost node that holds `node`.
  int32_t find(int32_t node);

  // Makes one new node of `members`, which are outermost.
  int32_t contract(const int32_t* members, size_t count);

  // Every word's head after opening all cycles: out[word - 1]. No recursion.
  void expand(int32_t* out);

  // The words inside a node: first_word(node), then next_word(word) until last_word(node).
  int32_t first_word(int32_t node) const { return first_[node]; }
  int32_t last_word(int32_t node) const { return last_[node]; }
  int32_t next_word(int32_t word) const { return next_[word]; }
  bool is_word(int32_t node) const { return static_cast<size_t>(node) <= words_; }

  std::vector<Arc> chosen;    // per node: the arc taken into it
  std::vector<uint8_t> state;  // per node: kFresh, kOnPath, kDone

  static constexpr uint8_t kFresh = 0, kOnPath = 1, kDone = 2;

  size_t memory() const;

 private:
  size_t words_ = 0;
  std::vector<int32_t> parent_, set_, child_, sibling_, first_, last_, next_, stack_;
};

// Grows paths until every node is reached from the root. `arcs` gives the best arc into an outermost node from
// outside it, arcs.best(node), learns of contractions, arcs.contract(node, members, count), and of nodes that it won't
// be asked about again, arcs.forget(node).
// Returns the number of root arcs taken, or -1 where some node can't be reached.
template <typename Arcs>
int span(Contraction& forest, Arcs& arcs, std::vector<int32_t>& path) {
  int roots = 0;
  const auto words = static_cast<int32_t>(forest.words());
  for (int32_t start = 1; start <= words; ++start) {
    int32_t node = forest.find(start);
    if (forest.state[node] == Contraction::kDone) continue;
    path.clear();
    for (;;) {
      if (forest.state[node] == Contraction::kFresh) {
        forest.state[node] = Contraction::kOnPath;
        path.push_back(node);
      }
      const Arc arc = arcs.best(node);
      if (arc.head < 0) return -1;
      forest.chosen[node] = arc;
      roots += arc.head == 0;
      const int32_t from = forest.find(arc.head);
      if (forest.state[from] == Contraction::kDone) break;
      if (forest.state[from] == Contraction::kFresh) {
        node = from;
        continue;
      }
      size_t cycle = path.size() - 1;
      while (path[cycle] != from) --cycle;
      node = forest.contract(&path[cycle], path.size() - cycle);
      arcs.contract(node, &path[cycle], path.size() - cycle);
      path.resize(cycle);
    }
    for (const int32_t done : path) {
      forest.state[done] = Contraction::kDone;
      arcs.forget(done);
    }
  }
  return roots;
}

}  // namespace posmoe
