#include "tokenizer_atoms.h"

#include "characters.h"
#include "tokenizer_hash.h"
#include "utf8.h"

namespace posmoe {
namespace {

constexpr uint32_t kJoiner = 0x200D, kEmojiStyle = 0xFE0F, kKeycap = 0x20E3;

// Reads code points of one atom and keeps its hash.
class Reader {
 public:
  Reader(std::string_view text, size_t at, size_t end)
      : text_(text), end_(end), atom_{static_cast<uint32_t>(at), static_cast<uint32_t>(at), 0, 1, 0, kNone} {}

  bool at_end() const { return atom_.end >= end_; }
  uint32_t peek(size_t skip = 0) const {  // the code point `skip` places ahead, 0 at the end
    size_t at = atom_.end;
    for (; skip > 0 && at < end_; --skip) decode(text_.data(), at);
    return at < end_ ? decode(text_.data(), at) : 0;
  }
  void take() {
    size_t at = atom_.end;
    const uint32_t point = decode(text_.data(), at);
    atom_.end = static_cast<uint32_t>(at);
    atom_.hash = extend_hash(atom_.hash, fold(point));
    atom_.power *= kBase;
    ++atom_.points;
  }
  // Takes what belongs to the character before: marks, joiners and, behind a joiner, the emoji that it joins.
  // Returns true if what was taken makes an emoji of the character.
  bool take_extensions() {
    bool picture = false;
    while (!at_end()) {
      const uint32_t point = peek();
      if (char_class(point) != Char::extend) break;
      take();
      picture |= point == kEmojiStyle || point == kKeycap;
      if (point == kJoiner && !at_end()) {
        const uint32_t joined = peek();
        if (char_class(joined) == Char::picture || (joined >= 0x2190 && joined <= 0x2BFF)) take();
      }
    }
    return picture;
  }
  // True at a digit, # or * that a keycap mark follows.
  bool at_keycap() const {
    const uint32_t next = peek(1);
    return next == kKeycap || (next == kEmojiStyle && peek(2) == kKeycap);
  }
  Atom done(uint32_t look) {
    atom_.look = look;
    return atom_;
  }

 private:
  std::string_view text_;
  size_t end_;
  Atom atom_;
};

Atom letters(Reader& reader) {
  const bool first_upper = char_class(reader.peek()) == Char::upper;
  uint32_t upper = 0, lower = 0, other = 0;
  for (; !reader.at_end(); reader.take()) {
    const Char c = char_class(reader.peek());
    if (c == Char::upper) ++upper;
    else if (c == Char::lower) ++lower;
    else if (c == Char::letter) ++other;
    else if (c != Char::extend) break;
  }
  if (upper == 0) return reader.done(lower > 0 ? kLower : kLetters);
  if (lower + other == 0) return reader.done(upper == 1 ? kInitial : kCapitals);
  return reader.done(first_upper && upper == 1 ? kCapital : kMixed);
}

Atom digits(Reader& reader) {
  bool keycap = reader.at_keycap();
  do {
    reader.take();
    keycap |= reader.take_extensions();
  } while (!keycap && !reader.at_end() && char_class(reader.peek()) == Char::digit && !reader.at_keycap());
  return reader.done(keycap ? kPicture : kDigits);
}

// The atom at `at` if it and what follows it are ASCII: most of them. Else one with start = end.
Atom ascii_atom(std::string_view text, size_t at, size_t end) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  Atom atom{static_cast<uint32_t>(at), static_cast<uint32_t>(at), 0, 1, 0, kNone};
  const auto take_while = [&](auto belongs) {
    size_t i = at;
    for (; i < end && byte(i) < 0x80 && belongs(kAscii.classes[byte(i)]); ++i) {
      atom.hash = extend_hash(atom.hash, kAscii.folds[byte(i)]);
      atom.power *= kBase;
    }
    if (i < end && byte(i) >= 0x80) return false;
    atom.end = static_cast<uint32_t>(i);
    atom.points = static_cast<uint32_t>(i - at);
    return true;
  };
  if (byte(at) >= 0x80) return atom;
  uint32_t upper = 0;
  switch (kAscii.classes[byte(at)]) {
    case Char::lower:
    case Char::upper:
      if (take_while([&](Char c) {
            upper += c == Char::upper;
            return c == Char::lower || c == Char::upper;
          })) {
        const bool capital = kAscii.classes[byte(at)] == Char::upper;
        atom.look = upper == 0 ? kLower : upper == atom.points ? (upper == 1 ? kInitial : kCapitals)
                    : capital && upper == 1 ? kCapital : kMixed;
      }
      break;
    case Char::digit:
      if (take_while([](Char c) { return c == Char::digit; })) atom.look = kDigits;
      break;
    default:
      if (at + 1 < end && byte(at + 1) >= 0x80) break;
      atom.end = static_cast<uint32_t>(at + 1);
      atom.hash = extend_hash(0, kAscii.folds[byte(at)]);
      atom.power = kBase;
      atom.points = 1;
      atom.look = kSign + byte(at);
  }
  return atom;
}

}  // namespace

Atom next_atom(std::string_view text, size_t at, size_t end) {
  const Atom ascii = ascii_atom(text, at, end);
  if (ascii.end > ascii.start) return ascii;
  Reader reader(text, at, end);
  const uint32_t point = reader.peek();
  const Char c = char_class(point);
  if (is_letter(c)) return letters(reader);
  if (c == Char::digit) return digits(reader);
  reader.take();
  if (c == Char::flag && !reader.at_end() && char_class(reader.peek()) == Char::flag) reader.take();
  const bool picture = reader.take_extensions() || c == Char::picture || c == Char::flag;
  return reader.done(picture ? kPicture : c == Char::ideograph ? kIdeograph : kSign + point);
}

namespace {

constexpr uint32_t sign(char c) { return kSign + static_cast<unsigned char>(c); }

bool is_wordlike(const Atom& atom) { return atom.look < kSign && atom.look != kPicture; }

bool is_one_of(uint32_t look, std::string_view signs) {
  return look >= kSign && look < kSign + 0x80 && signs.find(static_cast<char>(look - kSign)) != std::string_view::npos;
}

bool is_www(std::string_view text, const Atom& atom) {
  if (atom.points != 3 || atom.end - atom.start != 3) return false;
  for (uint32_t i = atom.start; i < atom.end; ++i) {
    if ((text[i] | 0x20) != 'w') return false;
  }
  return true;
}

// The first atom of a URL at or behind `from`, or the number of atoms.
size_t find_url(std::string_view text, const std::vector<Atom>& atoms, size_t from) {
  for (size_t i = from; i + 2 < atoms.size(); ++i) {
    if (!is_wordlike(atoms[i])) continue;
    if (atoms[i + 1].look == sign(':') && i + 3 < atoms.size() && atoms[i + 2].look == sign('/') &&
        atoms[i + 3].look == sign('/')) {
      return i;
    }
    if (is_www(text, atoms[i]) && atoms[i + 1].look == sign('.') && is_wordlike(atoms[i + 2])) return i;
  }
  return atoms.size();
}

// One past the last atom of the URL that begins at `first`: up to < > or a quote, less closing punctuation.
size_t url_end(const std::vector<Atom>& atoms, size_t first) {
  size_t end = first;
  bool bracket = false;
  for (; end < atoms.size() && !is_one_of(atoms[end].look, "<>\"") && atoms[end].look != kPicture; ++end) {
    bracket |= atoms[end].look == sign('(');
  }
  while (end > first + 1) {
    const uint32_t look = atoms[end - 1].look;
    const bool closing = is_one_of(look, ".,;:!?'*]}|") || look >= kSign + 0x2010 || look == kSign + 0xBB;
    if (!closing && !(look == sign(')') && !bracket)) break;
    --end;
  }
  return end;
}

void join(std::vector<uint8_t>& joined, size_t first, size_t end) {
  for (size_t i = first; i + 1 < end; ++i) joined[i] = 1;
}

void mark_emails(const std::vector<Atom>& atoms, std::vector<uint8_t>& joined) {
  size_t done = 0;  // atoms before belong to an earlier address: no atom is read twice to the left
  for (size_t at = 1; at + 1 < atoms.size(); ++at) {
    if (atoms[at].look != sign('@') || !is_wordlike(atoms[at + 1])) continue;
    size_t first = at, end = at + 1;
    while (first > done && (is_wordlike(atoms[first - 1]) || is_one_of(atoms[first - 1].look, "._-+"))) --first;
    while (first < at && !is_wordlike(atoms[first])) ++first;
    bool dot = false;
    while (end < atoms.size() && (is_wordlike(atoms[end]) || is_one_of(atoms[end].look, ".-_"))) ++end;
    while (!is_wordlike(atoms[end - 1])) --end;
    for (size_t i = at; i < end; ++i) dot |= atoms[i].look == sign('.');
    if (dot && first < at) join(joined, first, end);
    done = end;
    at = end - 1;
  }
}

}  // namespace

void mark_addresses(std::string_view text, const std::vector<Atom>& atoms, std::vector<uint8_t>& joined) {
  joined.assign(atoms.size(), 0);
  if (atoms.size() < 4) return;
  bool at_sign = false, dot_or_colon = false;
  for (const Atom& atom : atoms) {
    at_sign |= atom.look == sign('@');
    dot_or_colon |= atom.look == sign('.') || atom.look == sign(':');
  }
  if (at_sign) mark_emails(atoms, joined);
  if (!dot_or_colon) return;
  for (size_t first = find_url(text, atoms, 0); first < atoms.size();) {
    const size_t end = url_end(atoms, first);
    join(joined, first, end);
    first = find_url(text, atoms, end > first ? end : first + 1);
  }
}

}  // namespace posmoe
