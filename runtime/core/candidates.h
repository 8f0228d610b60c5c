// One sentence's scored arcs after checking, and the arc type that all searches share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace posmoe {

// Scores that give no tree. `word` counts from 1; 0 where no single word is to blame.
struct DecodeError : std::invalid_argument {
  DecodeError(size_t word, const std::string& what) : std::invalid_argument(what), word(word) {}
  size_t word;
};

inline constexpr char kNoTree[] = "the candidates hold no tree with a single root";

// An arc into `word` (1..n) from `head` (0 is the root, -1: there is no such arc).
struct Arc {
  int32_t head = -1, word = -1;
  double score = 0;
};

// Word w (1..n) has the arcs (w - 1) * width .. w * width. Buffers are reused.
class Candidates {
 public:
  // Copies and checks. Drops heads below 0, the word itself and scores of -inf.
  // Throws DecodeError on NaN, +inf, a head past `words` and a word without candidates.
  template <typename Head>
  void assign(const float* scores, const Head* heads, size_t words, size_t width);

  // Throws DecodeError where a sentence is too long for the searches' 32-bit indices.
  static void check_length(size_t words);

  size_t words() const { return words_; }
  size_t width() const { return width_; }
  size_t reach() const { return reach_; }  // the largest distance of a word from a head that is not the root
  double score(size_t arc) const { return scores_[arc]; }
  int32_t head(size_t arc) const { return heads_[arc]; }  // -1: dropped
  size_t begin(int32_t word) const { return static_cast<size_t>(word - 1) * width_; }
  size_t end(int32_t word) const { return static_cast<size_t>(word) * width_; }

  void set_score(size_t arc, double score) { scores_[arc] = score; }
  void set_head(size_t arc, int32_t head) { heads_[arc] = head; }
  void drop(size_t arc) { heads_[arc] = -1; }

  // The best arc into a word from a head in least..most; of equal scores the smaller head.
  Arc best(int32_t word, int32_t least, int32_t most = INT32_MAX) const;

  size_t memory() const { return scores_.capacity() * sizeof(double) + heads_.capacity() * sizeof(int32_t); }

 private:
  size_t words_ = 0, width_ = 0, reach_ = 0;
  std::vector<double> scores_;
  std::vector<int32_t> heads_;
};

}  // namespace posmoe
