// Raw text to tokens, words and sentences in one pass; linear time in the text on any input.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "boundary.h"
#include "tokenizer_atoms.h"
#include "tokenizer_cuts.h"
#include "tokenizer_hash.h"
#include "tokenizer_multiwords.h"
#include "words.h"

namespace posmoe {

// A classifier's part of the weights and its bias, in units of a weight.
struct LinearSpec {
  uint32_t size = 0;
  int32_t bias = 0;
};

// Everything that depends on the language; docs/tokenizer.md says what the fields mean.
struct TokenizerSpec {
  uint32_t max_sentence = 10000;
  bool grouped_digits = false;  // 10 000 is one token
  std::vector<std::string> abbreviations, endings;
  std::vector<SplitRule> multiwords, ambiguous, suffixes;
  std::vector<uint32_t> closed;  // kinds of places (place_between) where no sentence ends
  LinearSpec cut, multiword, boundary;
};

// Gold decisions by byte: bits of a guide that training gives so that the tokeniser follows it.
enum GuideBit : uint8_t { kTokenStart = 1, kSentenceStart = 2, kMultiword = 4 };

// The decisions that were open while a guide was followed: features (slots of the table) row by row, and answers.
struct Examples {
  std::vector<uint32_t> features;
  std::vector<uint8_t> answers;
};
struct Lessons {
  Examples cut, multiword, boundary;
  std::vector<uint32_t> places;  // per boundary example, place_between
};

// Const and thread-safe after construction. Allocates the result alone after warm-up.
class Tokenizer {
 public:
  // `weights` holds the tables of cut, multiword and boundary one after another; throws std::invalid_argument if
  // its size isn't the sum of theirs.
  Tokenizer(const TokenizerSpec& spec, std::vector<int8_t> weights);

  // `text` must be valid UTF-8, under 4 GiB (std::invalid_argument). With `lines` every line is one sentence.
  Words operator()(std::string text, bool lines = false) const;

  // Follows a guide (one byte per byte of the text) and returns what could be learned from it.
  Lessons follow(const std::string& text, const std::vector<uint8_t>& guide) const;

 private:
  struct Run;
  struct Space;
  std::vector<int8_t> weights_;
  Linear cut_, multiword_, boundary_;
  uint32_t max_sentence_;
  bool grouped_digits_;
  std::vector<uint8_t> closed_;  // per kind of place
  FoldedTable abbreviations_, endings_;
  Multiwords multiwords_;
};

}  // namespace posmoe
