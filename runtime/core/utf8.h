// UTF-8: decoding, repair of invalid input, and byte offsets as code-point offsets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace posmoe {

constexpr uint32_t kReplacement = 0xFFFD;

// One code point at `at`, which must lie inside valid UTF-8; moves `at` behind it.
inline uint32_t decode(const char* text, size_t& at) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(text[i])); };
  const uint32_t first = byte(at);
  if (first < 0x80) {
    at += 1;
    return first;
  }
  if (first < 0xE0) {
    const uint32_t point = (first & 0x1F) << 6 | (byte(at + 1) & 0x3F);
    at += 2;
    return point;
  }
  if (first < 0xF0) {
    const uint32_t point = (first & 0x0F) << 12 | (byte(at + 1) & 0x3F) << 6 | (byte(at + 2) & 0x3F);
    at += 3;
    return point;
  }
  const uint32_t point =
      (first & 0x07) << 18 | (byte(at + 1) & 0x3F) << 12 | (byte(at + 2) & 0x3F) << 6 | (byte(at + 3) & 0x3F);
  at += 4;
  return point;
}

// Appends one code point (not a surrogate, at most 0x10FFFF).
void encode(uint32_t point, std::string& to);

// True if every byte is below 0x80.
bool is_ascii(std::string_view text);

// Bytes of the valid UTF-8 prefix of `text`: its size if all of it is valid.
size_t valid_prefix(std::string_view text);

// The text with every maximal invalid part replaced by U+FFFD (as Unicode 15, chapter 3.9, recommends).
std::string repair(std::string_view bytes);

// Replaces surrogates (three bytes each, ED A0..BF xx) by U+FFFD in place; the number of code points stays.
void replace_surrogates(std::string& text);

// Code-point offsets of the byte offsets, which must not decrease; one pass over the text.
std::vector<uint32_t> code_point_offsets(std::string_view text, const std::vector<uint32_t>& bytes);

}  // namespace posmoe
