#include "word_features.h"

#include <array>
#include <stdexcept>

#include "words.h"

namespace posmoe {
namespace {

constexpr uint32_t kBasis = 0x811C9DC5u;
constexpr uint32_t kPrime = 0x01000193u;
constexpr unsigned kShapeLength = 12;  // code points read for the shape
constexpr unsigned kShapeRun = 2;

uint32_t fnv(uint32_t hash, uint8_t byte) { return (hash ^ byte) * kPrime; }

uint32_t fmix32(uint32_t h) {
  h ^= h >> 16;
  h *= 0x85EBCA6Bu;
  h ^= h >> 13;
  h *= 0xC2B2AE35u;
  return h ^ (h >> 16);
}

// The lower-case partner of an upper-case code point at or above U+0080, or the code point itself.
uint32_t lower(uint32_t c) {
  if (c < 0x100) return c >= 0xC0 && c <= 0xDE && c != 0xD7 ? c + 32 : c;
  if (c < 0x180) {
    if (c == 0x130) return 'i';
    if (c == 0x178) return 0xFF;
    const bool even = c <= 0x137 || (c >= 0x14A && c <= 0x177);
    const bool odd = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E);
    return (even && c % 2 == 0) || (odd && c % 2 == 1) ? c + 1 : c;
  }
  if (c >= 0x386 && c <= 0x3AB) {
    if (c == 0x386) return 0x3AC;
    if (c >= 0x388 && c <= 0x38A) return c + 37;
    if (c == 0x38C) return 0x3CC;
    if (c == 0x38E || c == 0x38F) return c + 63;
    return c >= 0x391 && c != 0x3A2 ? c + 32 : c;
  }
  if (c >= 0x400 && c <= 0x42F) return c < 0x410 ? c + 80 : c + 32;
  return c;
}

// Lower-case letters at or above U+0080 of the same ranges; `c` is no upper-case letter of them.
bool is_lower(uint32_t c) {
  return (c >= 0xDF && c <= 0x17F && c != 0xF7) || c == 0x390 || (c >= 0x3AC && c <= 0x3CE) ||
         (c >= 0x430 && c <= 0x45F);
}

struct Ascii {
  uint8_t normal, shape;
};

constexpr std::array<Ascii, 128> ascii_table() {
  std::array<Ascii, 128> table{};
  for (unsigned c = 0; c < 128; ++c) {
    const auto self = static_cast<uint8_t>(c);
    table[c] = {self, self};
    if (c >= 'A' && c <= 'Z') table[c] = {static_cast<uint8_t>(c + 32), 'X'};
    if (c >= 'a' && c <= 'z') table[c] = {self, 'x'};
    if (c >= '0' && c <= '9') table[c] = {'0', 'd'};
  }
  return table;
}

constexpr std::array<Ascii, 128> kAscii = ascii_table();

// One normalised code point: its UTF-8 bytes and its letter in the shape.
struct Normal {
  uint8_t bytes[4];
  uint8_t size, shape;
};

// Reads the code point at `p`, which is not ASCII, and moves past it.
Normal normalise(const uint8_t*& p, const uint8_t* end) {
  const size_t want = *p >= 0xF0 ? 4 : *p >= 0xE0 ? 3 : 2;
  const size_t left = static_cast<size_t>(end - p);
  const size_t size = want < left ? want : left;
  Normal normal{{}, static_cast<uint8_t>(size), 'o'};
  for (size_t i = 0; i < size; ++i) normal.bytes[i] = p[i];
  if (size == 2) {
    const uint32_t c = (p[0] & 31u) << 6 | (p[1] & 63u);
    const uint32_t small = lower(c);
    normal.shape = small != c ? 'X' : is_lower(c) ? 'x' : 'o';
    normal.size = small < 0x80 ? 1 : 2;
    normal.bytes[0] = static_cast<uint8_t>(small < 0x80 ? small : 0xC0 | small >> 6);
    normal.bytes[1] = static_cast<uint8_t>(0x80 | (small & 63));
  }
  p += size;
  return normal;
}

uint32_t fnv(uint32_t hash, const Normal& normal) {
  for (unsigned i = 0; i < normal.size; ++i) hash = fnv(hash, normal.bytes[i]);
  return hash;
}

bool continues(uint8_t byte) { return (byte & 0xC0) == 0x80; }

// Start of the code point that ends before `p`.
const uint8_t* previous(const uint8_t* p, const uint8_t* begin) {
  do {
    --p;
  } while (p > begin && continues(*p));
  return p;
}

// A suffix's hash: the whole form where it is shorter.
uint32_t hash_suffix(const uint8_t* p, const uint8_t* end, uint32_t hash) {
  while (p < end) {
    if (*p < 0x80) {
      hash = fnv(hash, kAscii[*p++].normal);
    } else {
      hash = fnv(hash, normalise(p, end));
    }
  }
  return fmix32(hash);
}

// The same for ASCII forms of at most kShapeLength characters, without branches but for the length: most words.
// Returns false, hashes unset, where the form is no such one.
bool hash_short_ascii(const uint8_t* form, size_t size, uint32_t hashes[kFeatures]) {
  if (size > kShapeLength) return false;
  uint8_t normal[4 + kShapeLength] = {};  // four bytes in front, so that every suffix starts inside
  uint32_t word = kBasis, shape = kBasis ^ 5;
  uint8_t before = 0, last = 0, all = 0;
  for (size_t i = 0; i < size; ++i) {
    all |= form[i];
    const Ascii ascii = kAscii[form[i] & 127];
    normal[4 + i] = ascii.normal;
    word = fnv(word, ascii.normal);
    const bool third = i >= 2 && ascii.shape == last && last == before;
    shape = third ? shape : fnv(shape, ascii.shape);
    before = last;
    last = ascii.shape;
  }
  if (all >= 0x80) return false;
  hashes[0] = fmix32(word);
  hashes[5] = fmix32(shape);
  for (size_t length = 2; length <= 4; ++length) {
    uint32_t hash = kBasis ^ static_cast<uint32_t>(length - 1);
    for (size_t back = length; back > 0; --back) {
      const uint32_t next = fnv(hash, normal[4 + size - back]);
      hash = back <= size ? next : hash;
    }
    hashes[length - 1] = fmix32(hash);
  }
  uint32_t prefix = kBasis ^ 4;
  for (size_t i = 0; i < 3; ++i) {
    const uint32_t next = fnv(prefix, normal[4 + i]);
    prefix = i < size ? next : prefix;
  }
  hashes[4] = fmix32(prefix);
  return true;
}

}  // namespace

void hash_form(std::string_view form, uint32_t hashes[kFeatures]) {
  if (hash_short_ascii(reinterpret_cast<const uint8_t*>(form.data()), form.size(), hashes)) return;
  const auto* const begin = reinterpret_cast<const uint8_t*>(form.data());
  const auto* const end = begin + form.size();
  uint32_t word = kBasis, prefix = kBasis ^ 4, shape = kBasis ^ 5;
  unsigned length = 0, run = 0;
  uint8_t last = 0;
  const uint8_t* p = begin;
  for (; p < end && length < kShapeLength; ++length) {
    uint8_t letter;
    if (*p < 0x80) {
      const Ascii ascii = kAscii[*p++];
      word = fnv(word, ascii.normal);
      if (length < 3) prefix = fnv(prefix, ascii.normal);
      letter = ascii.shape;
    } else {
      const Normal normal = normalise(p, end);
      word = fnv(word, normal);
      if (length < 3) prefix = fnv(prefix, normal);
      letter = normal.shape;
    }
    run = letter == last && length > 0 ? run + 1 : 1;
    last = letter;
    if (run <= kShapeRun) shape = fnv(shape, letter);
  }
  while (p < end) word = *p < 0x80 ? fnv(word, kAscii[*p++].normal) : fnv(word, normalise(p, end));
  hashes[0] = fmix32(word);
  hashes[4] = fmix32(prefix);
  hashes[5] = fmix32(shape);

  const uint8_t* suffix = end;
  for (unsigned size = 1; size <= 4; ++size) {
    if (suffix > begin) suffix = previous(suffix, begin);
    if (size >= 2) hashes[size - 1] = hash_suffix(suffix, end, kBasis ^ (size - 1));
  }
}

Features::Features(const FeatureSizes& sizes, const uint32_t* keys) {
  const uint32_t rows[kFeatures] = {sizes.remainder, sizes.suffix2, sizes.suffix3,
                                    sizes.suffix4,   sizes.prefix3, sizes.shape};
  uint64_t base = 2 + static_cast<uint64_t>(sizes.words);
  for (size_t i = 0; i < kFeatures; ++i) {
    if (rows[i] == 0) throw std::invalid_argument("features: every hashed part needs at least one row");
    parts_[i] = {static_cast<uint32_t>(base), rows[i]};
    base += rows[i];
    if (base > INT32_MAX) throw std::invalid_argument("features: the table passes 2147483647 rows");
  }
  rows_ = static_cast<uint32_t>(base);

  size_t capacity = 2;
  while (capacity < 2 * static_cast<size_t>(sizes.words)) capacity *= 2;
  slots_.assign(capacity, Slot{0, 0});
  mask_ = static_cast<uint32_t>(capacity - 1);
  for (uint32_t i = 0; i < sizes.words; ++i) {
    uint32_t at = keys[i] & mask_;
    while (slots_[at].row != 0 && slots_[at].key != keys[i]) at = (at + 1) & mask_;
    if (slots_[at].row == 0) slots_[at] = {keys[i], 2 + i};
  }
}

uint32_t Features::word_row(uint32_t hash) const {
  for (uint32_t at = hash & mask_; slots_[at].row != 0; at = (at + 1) & mask_) {
    if (slots_[at].key == hash) return slots_[at].row;
  }
  return parts_[0].base + static_cast<uint32_t>(static_cast<uint64_t>(hash) * parts_[0].rows >> 32);
}

void Features::ids(std::string_view form, int32_t out[kFeatures]) const {
  uint32_t hashes[kFeatures];
  hash_form(form, hashes);
  out[0] = static_cast<int32_t>(word_row(hashes[0]));
  for (size_t i = 1; i < kFeatures; ++i) {
    const Part& part = parts_[i];
    out[i] = static_cast<int32_t>(part.base + (static_cast<uint64_t>(hashes[i]) * part.rows >> 32));
  }
}

void Features::ids(const Words& words, int32_t* out) const {
  for (size_t i = 0; i < words.start.size(); ++i) ids(words.word(i), out + i * kFeatures);
}

}  // namespace posmoe
