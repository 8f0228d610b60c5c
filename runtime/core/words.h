// What the tokeniser gives: a text cut into words and sentences.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace posmoe {

// A text cut into words and sentences. Offsets are bytes into `text`.
struct Words {
  std::string text;
  std::vector<uint32_t> start, end;
  std::vector<uint32_t> token;
  std::vector<int32_t> form;
  std::vector<std::string> forms;
  std::vector<uint32_t> token_start, token_end;
  std::vector<uint8_t> space_after;
  std::vector<uint32_t> sentence;
  std::vector<uint8_t> split;
  std::string_view word(size_t i) const {
    return form[i] >= 0 ? std::string_view(forms[form[i]])
                        : std::string_view(text).substr(start[i], end[i] - start[i]);
  }
};

}  // namespace posmoe
