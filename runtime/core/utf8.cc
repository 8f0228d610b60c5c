#include "utf8.h"

#include <cstring>

namespace posmoe {
namespace {

// Length of the valid sequence at `at`, or 0 with `bad` set to the length of the maximal invalid part.
size_t sequence(std::string_view text, size_t at, size_t& bad) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return 1;
  bad = 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  const size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  unsigned char low = 0x80, high = 0xBF;
  if (first == 0xE0) low = 0xA0;
  if (first == 0xED) high = 0x9F;
  if (first == 0xF0) low = 0x90;
  if (first == 0xF4) high = 0x8F;
  for (size_t i = 1; i < length; ++i, low = 0x80, high = 0xBF) {
    if (at + i >= text.size() || byte(at + i) < low || byte(at + i) > high) {
      bad = i;
      return 0;
    }
  }
  return length;
}

}  // namespace

void encode(uint32_t point, std::string& to) {
  const auto put = [&](uint32_t byte) { to.push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | point >> 6);
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3F));
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  }
}

bool is_ascii(std::string_view text) {
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t eight;
    std::memcpy(&eight, text.data() + i, 8);
    if (eight & 0x8080808080808080u) return false;
  }
  for (; i < text.size(); ++i) {
    if (static_cast<unsigned char>(text[i]) >= 0x80) return false;
  }
  return true;
}

size_t valid_prefix(std::string_view text) {
  size_t at = 0, bad = 0;
  while (at < text.size()) {
    const size_t length = sequence(text, at, bad);
    if (length == 0) return at;
    at += length;
  }
  return at;
}

std::string repair(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  size_t at = 0, bad = 0;
  while (at < bytes.size()) {
    const size_t length = sequence(bytes, at, bad);
    if (length == 0) {
      encode(kReplacement, text);
      at += bad;
    } else {
      text.append(bytes, at, length);
      at += length;
    }
  }
  return text;
}

void replace_surrogates(std::string& text) {
  for (size_t at = 0; at + 2 < text.size(); ++at) {
    if (static_cast<unsigned char>(text[at]) == 0xED && static_cast<unsigned char>(text[at + 1]) >= 0xA0) {
      text.replace(at, 3, "\xEF\xBF\xBD");
    }
  }
}

std::vector<uint32_t> code_point_offsets(std::string_view text, const std::vector<uint32_t>& bytes) {
  std::vector<uint32_t> points;
  points.reserve(bytes.size());
  size_t at = 0;
  uint32_t count = 0;
  for (const uint32_t target : bytes) {
    for (; at < target; ++at) count += (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
    points.push_back(count);
  }
  return points;
}

}  // namespace posmoe
