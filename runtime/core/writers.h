// Analyses as text, the same bytes as runtime/posmoe/writers.py gives.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "analysis.h"
#include "text_buffer.h"

namespace posmoe {

// What the indices of an analysis stand for.
struct Names {
  std::vector<std::string_view> tags, labels;
};

// Where a text stands in what is written: the number of its first sentence, the code points before it in its source, and
// that one's name (nullptr: none is written).
struct Place {
  uint64_t first = 1, offset = 0;
  const std::string_view* source = nullptr;
};

// CoNLL-U; with a source a line before all sentences names it. Throws std::out_of_range for an index without a name.
void write_conllu(const Analysis& analysis, const Names& names, const Place& place, TextBuffer& out);

// A JSON object a line for every sentence. Throws std::out_of_range for an index without a name.
void write_jsonl(const Analysis& analysis, const Names& names, const Place& place, TextBuffer& out);

// The longest name: what has to be kept free for one.
inline size_t longest(const std::vector<std::string_view>& names) {
  size_t most = 0;
  for (std::string_view name : names) most = std::max(most, name.size());
  return most;
}

}  // namespace posmoe
