#include "pieces.h"

#include <algorithm>

#include "words.h"

namespace posmoe {

uint32_t count_long(const Words& words, size_t limit) {
  uint32_t count = 0;
  size_t size = 0;
  for (size_t s = 0; s < words.split.size(); ++s) {
    size += words.sentence[s + 1] - words.sentence[s];
    if (words.split[s] && s + 1 < words.split.size()) continue;
    count += size > limit;
    size = 0;
  }
  return count;
}

void join_roots(int32_t* heads, int32_t* deprels, size_t words, size_t limit, int32_t joining) {
  if (words <= limit) return;
  const auto root_of = [heads](size_t begin, size_t end) {
    return static_cast<size_t>(std::find(heads + begin, heads + end, 0) - heads);
  };
  const int32_t root = static_cast<int32_t>(root_of(0, limit)) + 1;
  for (size_t begin = limit; begin < words; begin += limit) {
    const size_t end = std::min(begin + limit, words), place = root_of(begin, end);
    for (size_t i = begin; i < end; ++i) heads[i] += static_cast<int32_t>(begin);
    heads[place] = root;
    deprels[place] = joining;
  }
}

}  // namespace posmoe
