// Finds the arc of a best tree that costs least to give up: the branching step of k-best spanning trees.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "candidates.h"
#include "contraction.h"

namespace posmoe {

// The arc into `word` of a best tree, and what the best tree without it scores less. word -1: there is none.
struct Swap {
  int32_t word = -1;
  double loss = 0;
};

// Repeats the contraction that leads to a known best tree and, at every node whose arc stays in the tree, looks for
// the best other arc that starts outside the subtree below (Camerini, Fratta and Maffioli 1980). Every contracted cycle
// has a row with the two best arcs from every head. Scores must be whole numbers small enough to stay exact (see kbest.cc).
class SwapArcs {
 public:
  // The tree must be a best one, and the only one: its arcs' scores carry a bonus that breaks ties.
  void reset(const Candidates& candidates, const int32_t* tree, const Contraction& forest);

  // The cheapest swap that the contraction so far has met.
  const Swap& swap() const { return swap_; }

  // What span() asks for.
  Arc best(int32_t node);
  void contract(int32_t node, const int32_t* members, size_t count);
  void forget(int32_t node);

 private:
  struct Entry {
    double score;
    int32_t word;
  };
  struct Pair {
    Entry first, second;
  };

  static void insert(Pair& pair, Entry entry);
  bool below(int32_t node, int32_t word) const;
  bool in_tree(const Arc& arc) const { return tree_[arc.word - 1] == arc.head; }
  void number_tree();
  int32_t take_row();

  const Candidates* candidates_ = nullptr;
  const int32_t* tree_ = nullptr;
  const Contraction* forest_ = nullptr;
  Swap swap_;
  size_t stride_ = 0;
  std::vector<Pair> rows_;
  std::vector<int32_t> row_of_, free_;
  std::vector<int32_t> enter_, leave_, child_, sibling_, stack_;  // the tree in depth-first order
};

}  // namespace posmoe
