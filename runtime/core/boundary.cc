#include "boundary.h"

#include <algorithm>

#include "tokenizer_atoms.h"
#include "tokenizer_hash.h"

namespace posmoe {
namespace {

constexpr Token kOutside{0, 0, 0, kNone, Gap::paragraph, 0};

uint32_t length_bucket(size_t length) {
  static constexpr uint32_t kBounds[] = {1, 2, 3, 4, 6, 8, 12, 18, 26, 40};
  uint32_t bucket = 0;
  for (const uint32_t bound : kBounds) bucket += length > bound;
  return bucket;
}

bool is_terminal(const Token& token) { return token.look == kTerminal || token.look == kEllipsis; }

}  // namespace

uint32_t sign_look(uint32_t point) {
  switch (point) {
    case '.': case '!': case '?': case 0x203C: case 0x3002: case 0xFF01: case 0xFF1F: case 0xFF0E: case 0x61F:
    case 0x6D4: case 0x964: case 0x965: case 0x589: case 0x1362: return kTerminal;
    case 0x2026: return kEllipsis;
    case ',': case 0x60C: case 0x3001: case 0xFF0C: return kComma;
    case ';': case 0x61B: case 0xFF1B: return kSemicolon;
    case ':': case 0xFF1A: return kColon;
    case '(': case '[': case '{': case 0xFF08: case 0x300C: case 0x3010: return kOpen;
    case ')': case ']': case '}': case 0xFF09: case 0x300D: case 0x3011: return kClose;
    case '"': case 0xFF02: return kQuote;
    case 0xAB: case 0x201C: case 0x201E: case 0x2039: return kOpenQuote;
    case 0xBB: case 0x201D: case 0x203A: return kCloseQuote;
    case '\'': case '`': case 0xB4: case 0x2018: case 0x2019: return kApostrophe;
    case '-': case 0x2010: case 0x2011: case 0x2012: case 0x2013: case 0x2014: case 0x2015: return kDash;
    case '*': case '#': case '>': case '<': case '|': case '=': case '_': case '~': case '+': case 0x2022:
    case 0xB7: case 0x25A0: case 0x25CF: return kBullet;
    default: return kOtherSign;
  }
}

BoundaryWalk::BoundaryWalk(const std::vector<Token>& tokens, size_t first, size_t end)
    : tokens_(tokens), first_(first), end_(end), sentence_(first), line_(first), terminal_(first) {}

void BoundaryWalk::boundary(size_t i) {
  sentence_ = i + 1;
  depth_ = 0;
}

void BoundaryWalk::advance(size_t i) {
  if (i > first_ && tokens_[i - 1].gap == Gap::line) line_ = i;
  switch (tokens_[i].look) {
    case kQuote: in_quotes_ = !in_quotes_; break;
    case kOpenQuote: in_quotes_ = true; break;
    case kCloseQuote: in_quotes_ = false; break;
    case kOpen: ++depth_; break;
    case kClose: depth_ -= depth_ > 0; break;
    default: break;
  }
}

void BoundaryWalk::features(size_t i, BoundaryFeatures& to) {
  // Indices before the paragraph wrap or fall short of first_, and so are outside.
  const auto token = [&](size_t k) -> const Token& { return k >= first_ && k < end_ ? tokens_[k] : kOutside; };
  const Token &l = tokens_[i], &r = tokens_[i + 1], &ll = token(i - 1), &lll = token(i - 2), &rr = token(i + 2),
              &rrr = token(i + 3);
  if (terminal_ <= i) {
    for (terminal_ = i + 1; terminal_ < end_ && !is_terminal(tokens_[terminal_]); ++terminal_) {
    }
  }
  const uint32_t gap = static_cast<uint32_t>(l.gap), nested = depth_ > 0, quoted = in_quotes_;
  const uint32_t length = length_bucket(i + 1 - sentence_);
  const uint32_t ahead = terminal_ == end_ ? 20 + length_bucket(end_ - 1 - i) : length_bucket(terminal_ - i);
  const uint32_t line = l.gap == Gap::line ? 1 + std::min<uint32_t>((l.end - tokens_[line_].start) / 8, 14) : 0;
  const uint32_t again = r.hash == tokens_[sentence_].hash;  // the token that began this sentence: a list's mark
  const uint32_t style = tokens_[first_].look + 64u * is_terminal(tokens_[end_ - 1]);
  const uint32_t opening = tokens_[sentence_].look;
  FeatureWriter<BoundaryFeatures> add(to);
  add(l.hash, gap);
  add(r.hash, r.look);
  add(l.hash, r.hash);
  add(l.look, r.look, gap);
  add(ll.look, l.look, r.look, rr.look);
  add(l.hash, r.look, gap);
  add(l.look, r.hash, r.look);
  add(ll.hash, l.hash);
  add(r.hash, rr.hash, r.look);
  add(ll.hash, l.look, r.look);
  add(l.look, r.hash, rr.look);
  add(length, l.look, r.look);
  add(length, l.hash);
  add(quoted, l.hash, r.look);
  add(nested, l.look, r.look);
  add(ahead, l.look, r.look);
  add(ahead, length, l.look == kTerminal, r.look);
  add(line, l.look, r.look);
  add(line, length, r.look);
  add(std::min<uint32_t>(l.points, 8), l.look, r.look);
  add(style, l.look, r.look);
  add(opening, length, l.look, r.look);
  add(l.look, r.look, rr.look, rrr.look);
  add(lll.look, ll.look, l.look, r.look);
  add(ll.hash, r.hash);
  add(again, l.look, r.look);
  add(l.look, r.look, rr.hash);
  add(quoted, ll.look, l.look, r.look, gap);
  add(r.look, length, std::min<size_t>(end_ - 1 - i, 6));
  add(l.look, std::min<size_t>(i + 1 - first_, 6), r.look);
  add(tokens_[sentence_].hash, length, r.look);
  add(gap, r.look, rr.look, l.look == kTerminal);
}

}  // namespace posmoe
