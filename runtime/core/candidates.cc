#include "candidates.h"

#include <cmath>
#include <limits>

namespace posmoe {

template <typename Head>
void Candidates::assign(const float* scores, const Head* heads, size_t words, size_t width) {
  words_ = words;
  width_ = width;
  scores_.assign(scores, scores + words * width);
  heads_.resize(words * width);
  const auto last = static_cast<int64_t>(words);
  for (size_t word = 1; word <= words; ++word) {
    for (size_t arc = (word - 1) * width; arc < word * width; ++arc) {
      const auto head = static_cast<int64_t>(heads[arc]);
      heads_[arc] = -1;
      if (head < 0) continue;
      if (head > last) {
        throw DecodeError(word, "word " + std::to_string(word) + ": head " + std::to_string(head) + " of a sentence of " +
                                    std::to_string(words) + " words");
      }
      const float score = scores[arc];
      if (!(score < std::numeric_limits<float>::infinity())) {
        throw DecodeError(word, "word " + std::to_string(word) + ": the score of head " + std::to_string(head) + " is " +
                                    (std::isnan(score) ? "NaN" : "infinite"));
      }
      if (static_cast<size_t>(head) != word && score > -std::numeric_limits<float>::infinity()) {
        heads_[arc] = static_cast<int32_t>(head);
      }
    }
  }
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
