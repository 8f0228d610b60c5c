// Whole texts: blocks of sentences through the network, then trees and relations.
#include <algorithm>
#include <stdexcept>
#include <string>

#include "network.h"

namespace posmoe {
namespace {

// Whether every word has a head, one word hangs on the root, and no heads lead round in a circle.
bool is_tree(const int32_t* heads, size_t words, std::vector<int32_t>& mark) {
  size_t roots = 0;
  bool whole = true;
  for (size_t i = 0; i < words; ++i) {
    roots += heads[i] == 0;
    whole &= heads[i] >= 0;
  }
  return whole && roots == 1 && !has_cycle(heads, words, mark);
}

}  // namespace

void Network::columns(const WordsGiven& given, const int64_t* offsets, size_t sentences, const int32_t* gold, int32_t* upos,
                      int32_t* heads, int32_t* deprels, Workspace& space) const {
  const NetworkShape& s = weights_.shape;
  const size_t width = weights_.arcs.row();
  for (size_t first = 0, end; first < sentences; first = end) {
    for (end = first + 1; end < sentences; ++end) {
      if (static_cast<size_t>(offsets[end + 1] - offsets[first]) > kBlock) break;
    }
    const size_t start = static_cast<size_t>(offsets[first]);
    const size_t words = static_cast<size_t>(offsets[end] - offsets[first]);
    if (words == 0) continue;
    space.arena.reset();
    Block block{given.from(start), offsets + first, end - first, words, nullptr, 0, nullptr, nullptr, 0};
    run(block, space);
    size_t longest = 0;
    for (size_t i = first; i < end; ++i) longest = std::max<size_t>(longest, offsets[i + 1] - offsets[i]);
    float* const scratch = space.arena.take<float>(weights_.arcs.scratch(longest));
    float* const total = space.arena.take<float>(2 * (weights_.labels.labels + s.label_rank));
    for (size_t i = first; i < end; ++i) {
      const size_t begin = static_cast<size_t>(offsets[i]), n = static_cast<size_t>(offsets[i + 1] - offsets[i]);
      if (n == 0) continue;
      const float* const projected = block.projected + (begin - start) * block.stride;
      int32_t* const tags = block.tags + (begin - start);
      const auto score = [&](float* scores, int32_t* candidates) {
        kernels_.arcs(weights_.arcs, weights_.columns, projected, block.stride, n, tags, scratch, scores, candidates,
                      heads + begin);
      };
      score(nullptr, nullptr);
      space.clock.mark(Stage::arcs);
      ++space.counts.sentences;
      if (!is_tree(heads + begin, n, space.mark)) {  // only now are the scores needed
        ++space.counts.searched;
        float* const scores = space.arena.take<float>(n * width);
        int32_t* const candidates = space.arena.take<int32_t>(n * width);
        score(scores, candidates);
        space.decoder.search(scores, candidates, n, width, heads + begin);
      }
      space.clock.mark(Stage::decode);
      for (size_t w = 0; w < n; ++w) {
        const int32_t known = gold ? gold[begin + w] : -1;
        if (known >= static_cast<int32_t>(s.tags)) {
          throw std::out_of_range("tag " + std::to_string(known) + " of " + std::to_string(s.tags));
        }
        upos[begin + w] = known >= 0 ? known : tags[w];
      }
      kernels_.label(weights_.labels, projected + weights_.label_dependent, projected + weights_.label_head,
                     block.stride, weights_.root_label, n, upos + begin, heads + begin, total, deprels + begin);
      space.clock.mark(Stage::labels);
    }
  }
}

}  // namespace posmoe
