#include "tree_search.h"

namespace posmoe {

// Heads so near that lists are faster than heaps, in words.
constexpr size_t kNear = 256;

bool has_cycle(const int32_t* heads, size_t words, std::vector<int32_t>& mark) {
  mark.assign(words + 1, 0);
  for (size_t start = 1; start <= words; ++start) {
    auto node = static_cast<int32_t>(start);
    while (node != 0 && mark[node] == 0) {
      mark[node] = static_cast<int32_t>(start);
      node = heads[node - 1];
    }
    if (node != 0 && mark[node] == static_cast<int32_t>(start)) return true;
  }
  return false;
}

// Returns the number of root arcs in the best tree, or -1 where there is none. With `root_last` it is the best of the
// trees with the fewest root arcs: root arcs then rank below all others, as if an infinite cost were taken off them.
int TreeSearch::search(const Candidates& candidates, bool heaps, bool root_last) {
  forest_.reset(candidates.words());
  if (heaps) {
    heaps_.reset(candidates, best_, forest_, root_last);
    return span(forest_, heaps_, path_);
  }
  lists_.reset(candidates, best_, forest_, root_last);
  return span(forest_, lists_, path_);
}

bool TreeSearch::find(const Candidates& candidates, int32_t* out, Search kind) {
  const size_t words = candidates.words(), width = candidates.width();
  best_.resize(words + 1);
  size_t roots = 0;
  for (size_t word = 1; word <= words; ++word) {
    best_[word] = candidates.best(static_cast<int32_t>(word), 0);
    if (best_[word].head < 0) return false;
    out[word - 1] = best_[word].head;
    roots += best_[word].head == 0;
  }
  if (words == 0 || (roots == 1 && !has_cycle(out, words, mark_))) return true;

  const bool fits = words * width <= INT32_MAX;  // the heaps count candidates in 32 bits
  const bool heaps = fits && (kind == Search::heaps || (kind == Search::automatic && candidates.reach() > kNear));
  // Several best heads at the root all stay there in the best tree of any number of roots: it needn't be looked for.
  int found = roots > 1 ? 2 : search(candidates, heaps, false);
  if (found > 1) found = search(candidates, heaps, true);
  if (found != 1) return false;
  forest_.expand(out);
  return true;
}

size_t TreeSearch::memory() const {
  return forest_.memory() + lists_.memory() + heaps_.memory() + best_.capacity() * sizeof(Arc) +
         (path_.capacity() + mark_.capacity()) * sizeof(int32_t);
}

}  // namespace posmoe
