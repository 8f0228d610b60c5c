// Where sentences end: a linear decision behind every token of a paragraph.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace posmoe {

enum class Gap : uint8_t { none, space, line, paragraph };  // what is behind a token; the text's end is a paragraph's

// What a token is to the boundary and multiword decisions. Looks up to kPicture mean the same as an atom's.
enum TokenLook : uint32_t {
  kNumber = 10,    // digits and signs
  kAlphanumeric,   // letters and digits
  kCompound,       // letters and signs
  kLowerPoint,     // etc.
  kInitialPoint,   // W.
  kCapitalPoint,   // Mr.
  kPoints,         // U.S.
  kAddress,        // URL, e-mail
  kSigns,          // several different signs, as emoticons
  kEllipsis,       // ... and other runs of points
  kTerminal,       // . ! ? and runs of them
  kComma,
  kSemicolon,
  kColon,
  kOpen,           // brackets
  kClose,
  kQuote,          // "
  kOpenQuote,
  kCloseQuote,
  kApostrophe,
  kDash,
  kBullet,         // * # > | and the like
  kOtherSign,
};

struct Token {
  uint32_t start, end;  // bytes
  uint32_t hash;        // of the folded code points
  uint8_t look;
  Gap gap;              // what follows
  uint16_t points;      // code points, at most 65,535
};

constexpr size_t kBoundaryFeatures = 32;
using BoundaryFeatures = std::array<uint32_t, kBoundaryFeatures>;

uint32_t sign_look(uint32_t point);  // of a token that is one sign

// Tells the kinds of places between two tokens apart: by both looks and the gap.
constexpr uint32_t kPlaces = 64 * 64 * 4;
inline uint32_t place_between(const Token& left, const Token& right) {
  return (left.look * 64u + right.look) * 4u + static_cast<uint32_t>(left.gap);
}

// Walks the tokens of one paragraph and gives the features of every place between two of them.
class BoundaryWalk {
 public:
  // Tokens first..end-1 are the paragraph.
  BoundaryWalk(const std::vector<Token>& tokens, size_t first, size_t end);

  // Takes in token i: must be called for every token, in order, before the other two are called for it.
  void advance(size_t i);

  // The features of the place behind token i, which is not the paragraph's last.
  void features(size_t i, BoundaryFeatures& to);

  // Says that token i ended a sentence.
  void boundary(size_t i);

 private:
  const std::vector<Token>& tokens_;
  size_t first_, end_;
  size_t sentence_;         // the first token of the sentence
  size_t line_;             // the first token of the line
  size_t terminal_;         // the next terminal at or behind the token after the place, or end_
  bool in_quotes_ = false;  // double quotes so far, since the paragraph's beginning
  uint32_t depth_ = 0;      // open brackets of the sentence
};

}  // namespace posmoe
