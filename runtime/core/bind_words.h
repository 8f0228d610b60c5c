// What Python holds as Words, and its state for pickling.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "utf8.h"
#include "words.h"

namespace posmoe {

// Words with their offsets in code points, as Python counts. Shared by every array that looks into it.
struct PyWords {
  Words words;
  bool ascii = true;  // then bytes are code points, and the columns are the words' own
  std::vector<uint32_t> start, end, token_start, token_end;

  explicit PyWords(Words given) : words(std::move(given)) {
    ascii = is_ascii(words.text);
    if (ascii) return;
    token_start = code_point_offsets(words.text, words.token_start);
    token_end = code_point_offsets(words.text, words.token_end);
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

 private:
  uint32_t points(uint32_t from, uint32_t to) const {
    uint32_t count = 0;
    for (; from < to; ++from) count += (static_cast<unsigned char>(words.text[from]) & 0xC0) != 0x80;
    return count;
  }
};

// Calls `visit` with every column of Words, in a fixed order.
template <typename W, typename Visit>
void each_column(W& words, Visit visit) {
  visit(words.start);
  visit(words.end);
  visit(words.token);
  visit(words.form);
  visit(words.token_start);
  visit(words.token_end);
  visit(words.space_after);
  visit(words.sentence);
  visit(words.split);
}

// (text, forms, columns), each as bytes.
inline nanobind::tuple state_of(const Words& words) {
  nanobind::list forms, columns;
  for (const std::string& form : words.forms) forms.append(nanobind::bytes(form.data(), form.size()));
  each_column(words, [&](const auto& column) {
    columns.append(nanobind::bytes(column.data(), column.size() * sizeof(column[0])));
  });
  return nanobind::make_tuple(nanobind::bytes(words.text.data(), words.text.size()), forms, columns);
}

// The words of a state; throws where its columns don't fit together.
inline Words words_of(const nanobind::tuple& state) {
  const auto string = [](nanobind::handle value) {
    const auto bytes = nanobind::cast<nanobind::bytes>(value);
    return std::string(bytes.c_str(), bytes.size());
  };
  Words words;
  words.text = string(state[0]);
  for (nanobind::handle form : nanobind::cast<nanobind::list>(state[1])) words.forms.push_back(string(form));
  const auto columns = nanobind::cast<nanobind::list>(state[2]);
  size_t next = 0;
  each_column(words, [&](auto& column) {
    const std::string bytes = string(columns[next++]);
    column.resize(bytes.size() / sizeof(column[0]));
    if (!bytes.empty()) std::memcpy(column.data(), bytes.data(), column.size() * sizeof(column[0]));
  });
  const size_t n = words.size(), tokens = words.token_start.size();
  bool whole = words.end.size() == n && words.token.size() == n && words.form.size() == n;
  whole = whole && words.token_end.size() == tokens && words.space_after.size() == tokens;
  whole = whole && words.sentence.size() == words.split.size() + 1 && words.sentence.back() == n;
  if (!whole) throw std::invalid_argument("Words: the columns of the state don't fit together");
  return words;
}

}  // namespace posmoe
