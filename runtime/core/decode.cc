#include "decode.h"

#include <limits>

namespace posmoe {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The best head of a word; -1: it has none, -2: a candidate is at fault.
template <typename Head>
Head best_head(const float* scores, const Head* heads, size_t width, Head word, Head last) {
  float best = -kInfinity;
  Head found = -1;
  for (size_t i = 0; i < width; ++i) {
    const Head head = heads[i];
    const float score = scores[i];
    if (head < 0) continue;
    if (head > last || !(score < kInfinity)) return -2;
    if ((score > best || (score == best && head < found)) && head != word) {
      best = score;
      found = head;
    }
  }
  return found;
}

}  // namespace

template <typename Head>
bool Decoder::decode(const float* scores, const Head* heads, size_t words, size_t width, int32_t* out, Search kind) {
  Candidates::check_length(words);
  size_t roots = 0;
  for (size_t i = 0; i < words; ++i) {
    const Head head = best_head(scores + i * width, heads + i * width, width, static_cast<Head>(i + 1),
                                static_cast<Head>(words));
    if (head < 0) candidates_.assign(scores, heads, words, width);  // throws what is at fault
    out[i] = static_cast<int32_t>(head);
    roots += head == 0;
  }
  if (words == 0 || (roots == 1 && !has_cycle(out, words, mark_))) return false;
  search(scores, heads, words, width, out, kind);
  return true;
}

template <typename Head>
void Decoder::search(const float* scores, const Head* heads, size_t words, size_t width, int32_t* out, Search kind) {
  Candidates::check_length(words);
  candidates_.assign(scores, heads, words, width);
  if (!search_.find(candidates_, out, kind)) throw DecodeError(0, kNoTree);
}

template bool Decoder::decode(const float*, const int32_t*, size_t, size_t, int32_t*, Search);
template bool Decoder::decode(const float*, const int64_t*, size_t, size_t, int32_t*, Search);
template void Decoder::search(const float*, const int32_t*, size_t, size_t, int32_t*, Search);

}  // namespace posmoe
