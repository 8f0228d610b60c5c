// What the tokeniser knows about a character: its class, and its folded form.
#pragma once

#include <cstdint>

namespace posmoe {

enum class Char : uint8_t {
  space,      // Unicode White_Space
  lower,      // letters with case, by the ranges of fold()
  upper,
  letter,     // every other letter, and whatever isn't listed below
  ideograph,  // scripts without spaces: every character may be a token
  digit,
  sign,       // punctuation, symbols, controls
  extend,     // combining marks, joiners, variation selectors, format characters: belong to what is before
  picture,    // emoji: always a token of their own
  flag,       // regional indicators: two of them are one flag
};

Char char_class(uint32_t point);

// Whether the class may stand in a run of letters.
constexpr bool is_letter(Char c) {
  return c == Char::lower || c == Char::upper || c == Char::letter || c == Char::extend;
}

// Per code point below 0x80.
struct AsciiTables {
  Char classes[128];
  uint8_t folds[128];
  AsciiTables();
};
extern const AsciiTables kAscii;

// Lower case by fixed ranges (ASCII, Latin-1, Latin Extended-A, Greek, Cyrillic); apostrophe-like signs become '.
uint32_t fold(uint32_t point);

}  // namespace posmoe
