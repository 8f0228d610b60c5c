// Any bytes through tokeniser, features and the CoNLL-U and JSON writers: every character in one token, offsets in order.
#include <algorithm>
#include <string>
#include <vector>

#include "analysis.h"
#include "characters.h"
#include "input.h"
#include "point_words.h"
#include "tokenizer.h"
#include "utf8.h"
#include "word_features.h"
#include "writers.h"

using fuzz::require;

namespace {

posmoe::TokenizerSpec spec_of(uint8_t kind) {
  posmoe::TokenizerSpec spec;
  spec.max_sentence = kind & 1 ? 5 : 10000;
  spec.grouped_digits = kind & 2;
  spec.abbreviations = {"Mr.", "etc.", "U.S."};
  spec.endings = {"com", "org", "pdf"};
  spec.multiwords = {{"gonna", {"gon", "na"}}, {"du", {"de", "le"}}, {"\u00ffx", {"\u00ff", "y", "x"}}};
  spec.ambiguous = {{"its", {"it", "s"}}, {"des", {"de", "les"}}};
  spec.suffixes = {{"n't", {"", "n't"}}, {"'s", {"", "'s"}}, {"lo", {"r", "lo"}}};
  spec.closed = {(1 * 64 + 1) * 4 + 1};
  spec.cut = spec.multiword = spec.boundary = {64, 0};
  return spec;
}

// Weights that decide at random, but always the same.
std::vector<int8_t> weights_of(uint8_t seed) {
  std::vector<int8_t> weights(3 * 64);
  uint32_t state = seed * 2654435761u + 1;
  for (int8_t& weight : weights) {
    state = state * 1664525u + 1013904223u;
    weight = static_cast<int8_t>(static_cast<int>(state >> 24) - 128);
  }
  return weights;
}

void check(const posmoe::Words& words) {
  const size_t tokens = words.token_start.size(), bytes = words.text.size();
  require(posmoe::valid_prefix(words.text) == bytes, "valid UTF-8");
  size_t at = 0;
  for (size_t t = 0; t < tokens; ++t) {
    require(words.token_start[t] >= at && words.token_end[t] > words.token_start[t], "tokens in order");
    at = words.token_end[t];
  }
  require(at <= bytes && words.space_after.size() == tokens, "tokens inside the text");
  require(words.sentence.front() == 0 && words.sentence.back() == words.size(), "sentences that hold all words");
  require(words.split.size() + 1 == words.sentence.size(), "a mark a sentence");
  require(std::is_sorted(words.sentence.begin(), words.sentence.end()), "sentences in order");
  for (size_t i = 0; i < words.size(); ++i) {
    require(words.token[i] < tokens && (i == 0 || words.token[i] >= words.token[i - 1]), "words of tokens");
    require(words.start[i] >= words.token_start[words.token[i]], "words inside their tokens");
    require(words.end[i] <= words.token_end[words.token[i]] && !words.word(i).empty(), "words with a form");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const uint8_t kind = input.take<uint8_t>(), seed = input.take<uint8_t>();
  const std::string text = posmoe::repair({reinterpret_cast<const char*>(input.data()), input.size()});
  const posmoe::Tokenizer tokenizer(spec_of(kind), weights_of(seed));
  posmoe::Words words = tokenizer(text, kind & 4);
  require(words.text == text, "the text as it was given");
  check(words);

  static const posmoe::Features features({0, 7, 7, 7, 7, 7, 7}, nullptr);
  std::vector<int32_t> ids(words.size() * posmoe::kFeatures);
  features.ids(words, ids.data());
  for (int32_t id : ids) require(id >= 2 && static_cast<uint32_t>(id) < features.rows(), "rows of the table");

  posmoe::Analysis analysis{posmoe::PointWords(std::move(words)), {}, {}, {}, 0};
  const posmoe::Words& all = analysis.text.words;
  analysis.upos.assign(all.size(), 0);
  analysis.deprels.assign(all.size(), 0);
  for (size_t s = 0; s + 1 < all.sentence.size(); ++s) {
    for (size_t i = all.sentence[s]; i < all.sentence[s + 1]; ++i) {
      analysis.heads.push_back(static_cast<int32_t>(i - all.sentence[s]));
    }
  }
  posmoe::TextBuffer out;
  posmoe::write_conllu(analysis, {{"X"}, {"dep"}}, {}, out);
  posmoe::write_jsonl(analysis, {{"X"}, {"dep"}}, {}, out);
  require(posmoe::valid_prefix({out.data(), out.size()}) == out.size(), "output that is valid UTF-8");
  return 0;
}
