// Multiword tokens: which tokens are several words, and which words.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "boundary.h"

namespace posmoe {

constexpr size_t kMultiwordFeatures = 16;
using MultiwordFeatures = std::array<uint32_t, kMultiwordFeatures>;

using SplitRule = std::pair<std::string, std::vector<std::string>>;

// A set of folded texts with a value each, found by hash; built once, then read by any number of threads.
class FoldedTable {
 public:
  // The first of equal keys counts.
  void add(const std::string& key, uint32_t value);
  // The value of the key that is equal to the folded `text`, whose hash is given, or none().
  uint32_t find(std::string_view text, uint32_t hash) const {
    if (slots_.empty()) return none();
    for (size_t at = hash * 0x9E3779B1u >> shift_; slots_[at].key != none(); at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at].hash == hash && equal(text, keys_[slots_[at].key])) return values_[slots_[at].key];
    }
    return none();
  }
  bool contains(std::string_view text, uint32_t hash) const { return find(text, hash) != none(); }
  bool empty() const { return keys_.empty(); }
  static constexpr uint32_t none() { return 0xFFFFFFFF; }

 private:
  struct Slot {
    uint32_t hash = 0, key = none();
  };
  static bool equal(std::string_view text, const std::string& key);
  void put(uint32_t hash, uint32_t key);
  std::vector<Slot> slots_;  // a power of two, half of them empty or more
  std::vector<std::string> keys_;
  std::vector<uint32_t> values_;
  uint32_t shift_ = 32;
};

uint32_t folded_hash(std::string_view text);
std::string folded(std::string_view text);

// One word of a split token: its bytes inside the token, or its form where the token doesn't hold it.
struct Piece {
  uint32_t start, end;
  std::string form;  // empty: the token's bytes
};

enum class Split { no, yes, ask };  // ask: the form alone doesn't tell

class Multiwords {
 public:
  // `always` and `ambiguous` map whole folded tokens to words; `suffixes` map ends of tokens to words, of which the
  // first takes what is before the end. Throws std::invalid_argument for a rule of fewer than two words.
  Multiwords(const std::vector<SplitRule>& always, const std::vector<SplitRule>& ambiguous,
             const std::vector<SplitRule>& suffixes);

  // Finds a token's rule; `pieces` is filled unless there is none. `letters`: the token holds nothing else.
  Split find(std::string_view token, uint32_t hash, bool letters, std::vector<Piece>& pieces) const;

 private:
  void cut(std::string_view token, size_t stem, const SplitRule& rule, std::vector<Piece>& pieces) const;

  std::vector<SplitRule> rules_;
  size_t ambiguous_ = 0, suffixes_ = 0;  // where these begin among the rules
  FoldedTable whole_, ends_;
  std::vector<uint32_t> lengths_;  // of the suffixes in code points, descending
  bool any_letters_ = false;       // whether a suffix holds letters only
};

// The features of whether token i (of the paragraph first..end-1) is a multiword token.
void multiword_features(std::string_view text, const std::vector<Token>& tokens, size_t first, size_t end, size_t i,
                        MultiwordFeatures& to);

}  // namespace posmoe
