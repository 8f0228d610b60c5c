// Where a chunk is cut into tokens: a linear decision between every two atoms.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tokenizer_atoms.h"

namespace posmoe {

constexpr size_t kCutFeatures = 26;
using CutFeatures = std::array<uint32_t, kCutFeatures>;

// What is known around a chunk when it is cut.
struct ChunkContext {
  uint32_t before_form = 0, before_look = 0;  // the token before, 0 at the beginning of a paragraph
  uint32_t after = 0;                         // 0 at the end of a paragraph, else 1 + the class of the next character
};

// The feature hashes of the place between atoms i and i + 1. `first` is the first atom of the token that i belongs to,
// `prefix[k]` the hash of atoms 0..k-1, `abbreviation` whether the token so far is a known abbreviation less its point.
void cut_features(const std::vector<Atom>& atoms, const std::vector<uint32_t>& prefix, size_t first, size_t i,
                  bool abbreviation, const ChunkContext& context, CutFeatures& to);

}  // namespace posmoe
