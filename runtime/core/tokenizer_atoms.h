// Atoms: the smallest pieces that the tokeniser never cuts. A chunk (what stands between white space) is a run of atoms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace posmoe {

// How an atom or a token looks. Signs (punctuation and symbols) are told apart by kSign + their code point.
enum Look : uint32_t {
  kNone = 0,  // no atom: before or behind the chunk
  kLower,     // word
  kInitial,   // W
  kCapital,   // Word
  kCapitals,  // WORD
  kMixed,     // wORd
  kLetters,   // letters without case
  kIdeograph,
  kDigits,
  kPicture,  // emoji
  kSign = 0x100,
};

struct Atom {
  uint32_t start, end;  // bytes
  uint32_t hash;        // of the folded code points
  uint32_t power;       // kBase to the number of code points
  uint32_t points;      // number of code points
  uint32_t look;

  uint32_t form() const {  // what features call the atom: digits by their number, signs and letters by themselves
    return look == kDigits ? 0x80 + (points < 6 ? points : 6) : look >= kSign ? look : hash;
  }
};

// The atom at byte `at` < end of `text`, which must not be white space. Grapheme clusters are never divided.
Atom next_atom(std::string_view text, size_t at, size_t end);

// Per atom: 1 if it and the next are of one URL or e-mail address, which is never cut.
void mark_addresses(std::string_view text, const std::vector<Atom>& atoms, std::vector<uint8_t>& joined);

}  // namespace posmoe
