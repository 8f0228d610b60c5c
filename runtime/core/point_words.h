// Words with their offsets in code points, as Python counts them.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "words.h"

namespace posmoe {

struct PointWords {
  Words words;
  bool ascii = true;  // then bytes are code points, and the columns are the words' own
  std::vector<uint32_t> start, end, token_start, token_end;

  explicit PointWords(Words given = {});

  uint32_t word_start(size_t i) const { return ascii ? words.start[i] : start[i]; }
  uint32_t word_end(size_t i) const { return ascii ? words.end[i] : end[i]; }
  uint32_t surface_start(size_t token) const { return ascii ? words.token_start[token] : token_start[token]; }
  uint32_t surface_end(size_t token) const { return ascii ? words.token_end[token] : token_end[token]; }
};

}  // namespace posmoe
