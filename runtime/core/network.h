// The network: feature rows to tags, heads and relations, or to the scores behind them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "arena.h"
#include "decode.h"
#include "kernels.h"
#include "network_weights.h"
#include "stages.h"
#include "word_cache.h"
#include "word_features.h"

namespace posmoe {

// Where scores of a padded batch go: float32 [batch, time, ...] as the graph has them, heads int64.
// The caller fills what lies past a sentence's length.
struct ScoreArrays {
  float *tags, *arcs;
  int64_t* heads;
  float *dependents, *label_heads;  // [batch, time, q], [batch, time + 1, q]
};

// What was done with a workspace since it was made.
struct Counts {
  uint64_t words = 0, cached = 0;        // words given as forms, and those whose row was kept
  uint64_t sentences = 0, searched = 0;  // and those whose best heads form no tree with a single root
};

// One per thread and at a time: buffers that are kept from call to call.
struct Workspace {
  Arena arena;
  Decoder decoder;
  WordCache cache;
  std::vector<int32_t> mark;
  Counts counts;
  StageClock clock;
  size_t memory() const { return arena.memory() + decoder.memory(); }  // less the cache, which is bounded
  void release() { arena = Arena(), decoder = Decoder(); }
};

// Rows may be read and written up to kLanes - 1 floats past their end by recurrences.
constexpr size_t roomy(size_t width) { return padded(width) + kLanes; }

// Words by their feature rows (`ids`, kFeatures a word) or by their forms.
struct WordsGiven {
  const int32_t* ids;
  const std::string_view* forms = nullptr;
  const Features* features = nullptr;
  WordsGiven from(size_t word) const {
    return ids ? WordsGiven{ids + word * kFeatures} : WordsGiven{nullptr, forms + word, features};
  }
};

// Immutable after construction: any number of threads may share one. Results depend neither on how many sentences are
// given at once nor on threads nor on the instruction set. Time and memory are linear in the words.
class Network {
 public:
  // Words that a block of sentences is filled up to, so that its numbers stay in the cache.
  static constexpr size_t kBlock = 192;

  // Bytes that every thread keeps rows of frequent words in, if its words come as forms.
  static constexpr size_t kCache = size_t{1} << 20;

  // Throws std::invalid_argument as Weights and kernels() do.
  Network(const NetworkShape& shape, const Tensors& tensors, const char* instruction_set = "", size_t cache = kCache);

  const char* instruction_set() const { return kernels_.name; }
  const NetworkShape& shape() const { return weights_.shape; }
  size_t candidates() const { return weights_.arcs.candidates(); }

  // Analyses sentences: sentence s has the words offsets[s] .. offsets[s + 1], `gold` (or null) known tags or -1. Writes index of the tag, head (0 the root, else from 1) and index of the relation a word.
  // Throws std::out_of_range where a row or tag is out of range, DecodeError where scores are not finite.
  void columns(const WordsGiven& words, const int64_t* offsets, size_t sentences, const int32_t* gold, int32_t* upos,
               int32_t* heads, int32_t* deprels, Workspace& space) const;

  // Scores one sentence, number `row` of a batch padded to `time` words.
  void scores(const int32_t* ids, size_t words, size_t row, size_t time, const ScoreArrays& out, Workspace& space) const;

 private:
  // Some sentences, word after word; the arrays lie in an arena.
  struct Block {
    WordsGiven given;
    const int64_t* offsets;  // from offsets[0] on
    size_t sentences, words;
    float* logits;
    size_t logits_stride;
    int32_t* tags;
    float* projected;
    size_t stride;
  };

  void run(Block& block, Workspace& space) const;
  // The stages that look at words one by one: their lexical channels, normed, to x; z[i] is word i's row of these and of
  // gates, through the sigmoid.
  void look_up(const WordsGiven& words, size_t count, float* x, size_t stride, const float** z, Workspace& space) const;
  void look_up_ids(const int32_t* ids, size_t count, float* rows, size_t row, const Rows& x) const;
  void trunk(const Block& block, float* x, size_t stride, Workspace& space) const;
  // Tags of the words begin .. begin + count, and what their experts make of them.
  void route(Block& block, size_t begin, size_t count, const Rows& seen, float* x, size_t stride, float* words, size_t word,
             Arena& arena) const;
  void mix_experts(const Rows& x, size_t count, const float* weight, const uint32_t* index, float* out, size_t out_stride,
                   Arena& arena) const;
  // x as the layer `next` reads it: itself, or room for its codes.
  Rows input(const Matrix& next, float* x, size_t stride, size_t words, size_t width, Arena& arena) const;
  // Both directions over every sentence: x and out hold those going forward, then those going backward, as do the gates
  // of word i from z[i] + column on.
  void recurrences(const Block& block, const float* forward, const float* backward, size_t stride, const float* const* z,
                   size_t column, size_t ahead, size_t behind, float* out, size_t out_stride) const;

  const Kernels& kernels_;
  Weights weights_;
  uint64_t id_;           // of this network alone
  size_t cache_entries_;
};

}  // namespace posmoe
