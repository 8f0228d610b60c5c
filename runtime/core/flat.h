// Columns of many texts in a row, as Apache Arrow lays out lists: values one after another, and where each row ends.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analysis.h"

namespace posmoe {

// Strings one after another in UTF-8; string i is [ends[i], ends[i + 1]).
struct FlatStrings {
  std::vector<int32_t> ends{0};
  std::string bytes;
  void push_back(std::string_view text);  // throws std::length_error past 2 GiB
};

// A row is a text or, by sentence, a sentence. Offsets count code points of the text, from `offset` on.
struct Flat {
  std::vector<int32_t> rows{0};  // row r has the words [rows[r], rows[r + 1])
  FlatStrings forms;             // per word, as all up to `deprels`
  std::vector<int64_t> starts, ends;
  std::vector<int32_t> sentences, ids;  // its sentence in the text, from 0; its place there, from 1
  std::vector<int32_t> upos, heads, deprels;
  FlatStrings texts;  // per sentence, where that is a row
  std::vector<int64_t> text_starts, text_ends;

  // Appends a row, or one for every sentence. Throws std::length_error past 2^31 - 1 words.
  void add(const Analysis& analysis, bool by_sentence, int64_t offset);
  void add_row();  // ends a row
};

}  // namespace posmoe
