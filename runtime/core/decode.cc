#include "decode.h"

#include <limits>
#include <string>

namespace posmoe {

// Writes every word's best head; returns how many are the root.
template <typename Head>
size_t Decoder::take_best(const float* scores, const Head* heads, size_t words, size_t width, int32_t* out) {
  best_.resize(words + 1);
  size_t roots = 0;
  const auto last = static_cast<Head>(words);
  for (size_t word = 1; word <= words; ++word) {
    float best = -std::numeric_limits<float>::infinity();
    Head best_head = -1;
    for (size_t i = 0; i < width; ++i) {
      const Head head = heads[i];
      const float score = scores[i];
      if (head < 0) continue;
      if (head > last || !(score < std::numeric_limits<float>::infinity())) {
        candidates_.assign(scores - (word - 1) * width, heads - (word - 1) * width, words, width);  // throws
      }
      if ((score > best || (score == best && head < best_head)) && head != static_cast<Head>(word)) {
        best = score;
        best_head = head;
      }
    }
    if (best_head < 0) throw DecodeError(word, "word " + std::to_string(word) + " has no candidate head");
    best_[word] = {static_cast<int32_t>(best_head), static_cast<int32_t>(word), best};
    out[word - 1] = static_cast<int32_t>(best_head);
    roots += best_head == 0;
    scores += width;
    heads += width;
  }
  return roots;
}

bool Decoder::has_cycle(const int32_t* heads, size_t words) {
  mark_.assign(words + 1, 0);
  for (size_t start = 1; start <= words; ++start) {
    auto node = static_cast<int32_t>(start);
    while (node != 0 && mark_[node] == 0) {
      mark_[node] = static_cast<int32_t>(start);
      node = heads[node - 1];
    }
    if (node != 0 && mark_[node] == static_cast<int32_t>(start)) return true;
  }
  return false;
}

// Returns the number of root arcs in the best tree, or -1 where there is none. With `root_last` it is the best of the
// trees with the fewest root arcs: root arcs then rank below all others, as if an infinite cost were taken off them.
int Decoder::search(bool heaps, bool root_last) {
  forest_.reset(candidates_.words());
  if (heaps) {
    heaps_.reset(candidates_, best_, forest_, root_last);
    return span(forest_, heaps_, path_);
  }
  rows_.reset(candidates_, best_, forest_, root_last);
  return span(forest_, rows_, path_);
}

template <typename Head>
bool Decoder::decode(const float* scores, const Head* heads, size_t words, size_t width, int32_t* out, Search kind) {
  if (words > INT32_MAX / 4) throw DecodeError(0, "a sentence of " + std::to_string(words) + " words is too long");
  const size_t greedy_roots = take_best(scores, heads, words, width, out);
  if (words == 0 || (greedy_roots == 1 && !has_cycle(out, words))) return false;

  candidates_.assign(scores, heads, words, width);
  const bool fits = words * width <= INT32_MAX;
  const bool heaps = kind == Search::heaps || (kind == Search::automatic && words > 64 * width && fits);
  if (heaps && !fits) throw DecodeError(0, "too many candidates for a search with heaps");
  // Several best heads at the root stay there in the best tree of all, so that one needn't be looked for.
  int roots = greedy_roots > 1 ? 2 : search(heaps, false);
  if (roots > 1) roots = search(heaps, true);
  if (roots != 1) throw DecodeError(0, "the candidates hold no tree with a single root");
  forest_.expand(out);
  return true;
}

size_t Decoder::memory() const {
  return candidates_.memory() + forest_.memory() + rows_.memory() + heaps_.memory() + best_.capacity() * sizeof(Arc) +
         (path_.capacity() + mark_.capacity()) * sizeof(int32_t);
}

template bool Decoder::decode(const float*, const int32_t*, size_t, size_t, int32_t*, Search);
template bool Decoder::decode(const float*, const int64_t*, size_t, size_t, int32_t*, Search);

}  // namespace posmoe
