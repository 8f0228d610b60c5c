// The likeliest trees of a sentence, with their relations and probabilities.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "draft.h"
#include "parser.h"

namespace posmoe {

// What the parser's own network says of one sentence, as a batch of it alone.
struct SentenceScores {
  std::vector<float> tags, arcs, dependents, label_heads;
  std::vector<int64_t> heads;
  size_t candidates = 0;
  Scores view() const {
    return {tags.data(), arcs.data(), heads.data(), dependents.data(), label_heads.data(), candidates};
  }
};

// Throws EngineError where the core can't compute the parser's network.
SentenceScores score(const Parser& parser, const std::vector<std::string_view>& forms);

// Best first. Probabilities are those of whole trees: of all trees of the sentence they add up to 1.
struct Ranked {
  std::vector<int32_t> heads, deprels;  // [trees, words]
  std::vector<double> probabilities;    // [trees]
};

// At most k trees of one sentence, fewer where fewer exist. Relations are the best ones given the tree and the tags.
// Throws DecodeError as k_best and log_partition.
Ranked rank(const Labeller& labeller, const Scores& scores, size_t words, const int32_t* tags, size_t k);

}  // namespace posmoe
