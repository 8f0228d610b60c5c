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
  void add(const std::string& key, uint32_t value);
  // Calls found(value) for the key equal to the folded `text`, whose hash is given; returns whether there is one.
  template <typename Found>
  bool find(std::string_view text, uint32_t hash, Found found) const {
    if (slots_.empty()) return false;
    for (size_t at = hash * 0x9E3779B1u >> shift_; slots_[at].used; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at].hash == hash && equal(text, slots_[at].key)) return found(slots_[at].value), true;
    }
    return false;
  }
  bool contains(std::string_view text, uint32_t hash) const {
    return find(text, hash, [](uint32_t) {});
  }
  bool empty() const { return slots_.empty(); }

 private:
  struct Slot {
    bool used = false;
    uint32_t hash = 0, value = 0;
    std::string key;
  };
  static bool equal(std::string_view text, const std::string& key);
  void grow();
  std::vector<Slot> slots_;
  size_t size_ = 0;
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

  // Finds a token's rule; `pieces` is filled unless there is none.
  Split find(std::string_view token, uint32_t hash, std::vector<Piece>& pieces) const;

 private:
  void cut(std::string_view token, size_t stem, const SplitRule& rule, std::vector<Piece>& pieces) const;

  std::vector<SplitRule> rules_;
  size_t ambiguous_ = 0, suffixes_ = 0;  // where these begin among the rules
  FoldedTable whole_, ends_;
  std::vector<uint32_t> lengths_;  // of the suffixes in code points, descending
  std::array<bool, 256> last_byte_{};  // of the suffixes
};

// The features of whether token i (of the paragraph first..end-1) is a multiword token.
void multiword_features(std::string_view text, const std::vector<Token>& tokens, size_t first, size_t end, size_t i,
                        MultiwordFeatures& to);

}  // namespace posmoe
