// The network's rows of frequent words, kept from sentence to sentence so that they are computed once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "arena.h"

namespace posmoe {

// A form of at most kMost bytes, so that comparing two takes three comparisons of numbers.
struct ShortForm {
  static constexpr size_t kMost = 16;

  uint64_t head = 0, tail = 0;
  size_t size = 0;

  // `form` must have at most kMost bytes.
  explicit ShortForm(std::string_view form);
  bool operator==(const ShortForm& other) const {
    return head == other.head && tail == other.tail && size == other.size;
  }
  uint32_t hash() const;
};

// Rows of floats by form, each on a cache line of its own and readable a line past its end. Bounded: what is full takes in no more. One object per thread.
class WordCache {
 public:
  static constexpr size_t kMostEntries = 1 << 15;

  // Empties it, unless it holds rows of this owner (a number that no other network has) already.
  void prepare(uint64_t owner, size_t entries, size_t width);

  // The row of a form, or null.
  const float* find(const ShortForm& form, uint32_t hash) const {
    for (size_t at = hash & mask_; index_[at] != 0; at = (at + 1) & mask_) {
      const size_t entry = index_[at] - size_t{1};
      if (forms_[entry] == form) return rows_ + entry * stride_;
    }
    return nullptr;
  }

  // Room for the row of a form that is not there; null where there is none.
  float* add(const ShortForm& form, uint32_t hash);

  bool full() const { return forms_.size() == entries_; }
  size_t memory() const {
    return memory_.memory() + forms_.capacity() * sizeof(ShortForm) + index_.capacity() * sizeof(uint16_t);
  }

 private:
  uint64_t owner_ = 0;
  size_t entries_ = 0, stride_ = 0, mask_ = 0;
  std::vector<uint16_t> index_;  // entry + 1; open addressing, at most a quarter full
  std::vector<ShortForm> forms_;
  Arena memory_;
  float* rows_ = nullptr;
};

}  // namespace posmoe
