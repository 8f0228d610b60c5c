// Hashing of text and of features: 32-bit integer arithmetic that is the same on every platform.
#pragma once

#include <cstdint>

namespace posmoe {

// A text's hash is a polynomial in kBase over its folded code points, so that hashes of parts can be joined and cut.
constexpr uint32_t kBase = 0x01000193;

inline uint32_t extend_hash(uint32_t hash, uint32_t point) { return hash * kBase + point + 1; }

// One round of mixing: feature hashes take in their values one by one.
inline uint32_t mix(uint32_t hash, uint32_t value) {
  hash = (hash ^ value) * 0x9E3779B1u;
  return hash ^ hash >> 15;
}

// A hashed linear classifier: int8 weights, one slot for each feature; it says yes when the sum is not negative.
struct Linear {
  const int8_t* weights = nullptr;
  uint32_t size = 0;
  int32_t bias = 0;

  uint32_t slot(uint32_t hash) const {
    hash *= 0x85EBCA6Bu;
    hash ^= hash >> 13;
    return static_cast<uint32_t>(static_cast<uint64_t>(hash) * size >> 32);
  }

  template <typename Hashes>
  bool decide(const Hashes& hashes) const {
    if (size == 0) return bias >= 0;
    int32_t sum = bias;
    for (const uint32_t hash : hashes) sum += weights[slot(hash)];
    return sum >= 0;
  }
};

// Fills an array of feature hashes; every feature is seeded by its place in the array.
template <typename Array>
class FeatureWriter {
 public:
  explicit FeatureWriter(Array& to) : to_(to) {}

  template <typename... Values>
  void operator()(Values... values) {
    uint32_t hash = static_cast<uint32_t>(next_ + 1) * 0xC2B2AE35u;
    ((hash = mix(hash, static_cast<uint32_t>(values))), ...);
    to_[next_++] = hash;
  }

 private:
  Array& to_;
  size_t next_ = 0;
};

}  // namespace posmoe
