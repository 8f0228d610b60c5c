#include "candidates.h"

#include <algorithm>
#include <cmath>

namespace posmoe {

[[noreturn]] static void fail(size_t word, const std::string& what) {
  throw DecodeError(word, "word " + std::to_string(word) + what);
}

void Candidates::check_length(size_t words) {
  if (words > INT32_MAX / 4) throw DecodeError(0, "a sentence of " + std::to_string(words) + " words is too long");
}

template <typename Head>
void Candidates::assign(const float* scores, const Head* heads, size_t words, size_t width) {
  check_length(words);
  words_ = words;
  width_ = width;
  int64_t reach = 0;
  scores_.assign(scores, scores + words * width);
  heads_.resize(words * width);
  for (size_t word = 1; word <= words; ++word) {
    bool empty = true;
    for (size_t arc = (word - 1) * width; arc < word * width; ++arc) {
      const auto head = static_cast<int64_t>(heads[arc]);
      const float score = scores[arc];
      heads_[arc] = -1;
      if (head < 0) continue;
      if (head > static_cast<int64_t>(words)) {
        fail(word, ": head " + std::to_string(head) + " of a sentence of " + std::to_string(words) + " words");
      }
      if (std::isnan(score)) fail(word, ": the score of head " + std::to_string(head) + " is NaN");
      if (std::isinf(score) && score > 0) fail(word, ": the score of head " + std::to_string(head) + " is infinite");
      if (static_cast<size_t>(head) == word || std::isinf(score)) continue;
      heads_[arc] = static_cast<int32_t>(head);
      const int64_t distance = head == 0 ? 0 : head - static_cast<int64_t>(word);
      reach = std::max({reach, distance, -distance});
      empty = false;
    }
    if (empty) fail(word, " has no candidate head");
  }
  reach_ = static_cast<size_t>(reach);
}

Arc Candidates::best(int32_t word, int32_t least, int32_t most) const {
  Arc best;
  best.word = word;
  for (size_t arc = begin(word); arc < end(word); ++arc) {
    const int32_t head = heads_[arc];
    if (head < least || head > most) continue;
    const double score = scores_[arc];
    if (best.head < 0 || score > best.score || (score == best.score && head < best.head)) {
      best.head = head;
      best.score = score;
    }
  }
  return best;
}

template void Candidates::assign(const float*, const int32_t*, size_t, size_t);
template void Candidates::assign(const float*, const int64_t*, size_t, size_t);

}  // namespace posmoe
