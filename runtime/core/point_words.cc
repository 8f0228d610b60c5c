#include "point_words.h"

#include "utf8.h"

namespace posmoe {

PointWords::PointWords(Words given) : words(std::move(given)), ascii(is_ascii(words.text)) {
  if (ascii) return;
  token_start = code_point_offsets(words.text, words.token_start);
  token_end = code_point_offsets(words.text, words.token_end);
  const auto points = [this](uint32_t from, uint32_t to) {
    uint32_t count = 0;
    for (; from < to; ++from) count += (static_cast<unsigned char>(words.text[from]) & 0xC0) != 0x80;
    return count;
  };
  const size_t n = words.size();
  start.reserve(n);
  end.reserve(n);
  for (size_t i = 0; i < n; ++i) {  // a word lies inside its token: count from the token's beginning
    const uint32_t t = words.token[i], from = words.token_start[t];
    const bool whole = words.start[i] == from && words.end[i] == words.token_end[t];
    start.push_back(whole ? token_start[t] : token_start[t] + points(from, words.start[i]));
    end.push_back(whole ? token_end[t] : token_start[t] + points(from, words.end[i]));
  }
}

}  // namespace posmoe
