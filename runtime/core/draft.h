// Texts on their way through another engine's network: batches of feature rows out, scores in, trees at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "parser.h"

namespace posmoe {

// What a network says of a batch of B sentences, padded to T words: docs/bundle.md, "The graph".
struct Scores {
  const float *tags, *arcs;  // [B, T, tags], [B, T, candidates]
  const int64_t* heads;      // [B, T, candidates]
  const float *dependents, *label_heads;  // [B, T, rank], [B, T + 1, rank]
  size_t candidates;
};

// One thread at a time.
class Draft {
 public:
  struct Batch {
    size_t sentences = 0, length = 0;  // no sentences: all are scored
    std::vector<int32_t> features;     // [sentences, length, kFeatures], zero past a sentence's end
    std::vector<int64_t> lengths;      // [sentences], at least 1
  };

  // Texts whose words are there; `gold` is empty, or has for every text nothing, or a known tag or -1 a word.
  Draft(std::shared_ptr<const Parser> parser, std::vector<Analysis> texts, std::vector<std::vector<int32_t>> gold = {});

  // The next batch, of sentences of like length, at most kBudget padded words or one sentence; the same again until it is
  // scored.
  const Batch& next();
  // Whether there is a batch that `next` gave and that is not scored, and whether all are.
  bool open() const { return batch_.sentences > 0; }
  bool scored() const { return done_ == pieces_.size(); }
  // Takes the scores of the open batch. Throws DecodeError where they give no tree: the batch can be scored anew.
  void score(const Scores& scores);
  // The texts and their trees, once all are scored; the draft has none afterwards.
  std::vector<Analysis> finish();

 private:
  static constexpr size_t kBudget = 1024;
  struct Piece {  // a sentence, or a part of one that is longer than the model's bound
    size_t text, first, words;
  };

  std::shared_ptr<const Parser> parser_;
  std::vector<Analysis> texts_;
  std::vector<std::vector<int32_t>> gold_;
  std::vector<Piece> pieces_;  // by length
  size_t done_ = 0;            // pieces that are scored
  Batch batch_;
  Decoder decoder_;
};

}  // namespace posmoe
