// Where a chunk is cut into tokens: a linear decision between every two atoms.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tokenizer_atoms.h"

namespace posmoe {

constexpr size_t kCutFeatures = 28;
using CutFeatures = std::array<uint32_t, kCutFeatures>;

// What is known around a chunk when it is cut.
struct ChunkContext {
  uint32_t before_form = 0, before_look = 0;  // the token before, 0 at the beginning of a paragraph
  uint32_t after = 0;                         // 0 at the end of a paragraph, else 1 + the class of the next character
};

// What the word lists say of a place between two atoms.
struct ListHints {
  bool abbreviation = false;  // with the point behind it, the token so far is a known abbreviation
  uint32_t ending = 0;        // of a name, as .com or .pdf: 1 before its point, 2 behind its point
};

// The feature hashes of the place between atoms i and i + 1. `first` is the first atom of the token that i belongs to,
// `prefix[k]` the hash of atoms 0..k-1.
void cut_features(const std::vector<Atom>& atoms, const std::vector<uint32_t>& prefix, size_t first, size_t i,
                  const ListHints& hints, const ChunkContext& context, CutFeatures& to);

}  // namespace posmoe
