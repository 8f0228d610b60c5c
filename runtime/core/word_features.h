// Words to table rows: six hashed identifiers a word. docs/features.md specifies every byte.
#pragma once  // (a file named features.h would hide the C library's)

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace posmoe {

struct Words;

inline constexpr size_t kFeatures = 6;

// Rows of each part of the table, in the table's order; padding and the dropped word come before them.
struct FeatureSizes {
  uint32_t words, remainder, suffix2, suffix3, suffix4, prefix3, shape;
};

// The 32-bit hashes of word, suffix2, suffix3, suffix4, prefix3, shape. Reads the form once, no allocation.
// Bytes that are not UTF-8 are safe, their hashes unspecified.
void hash_form(std::string_view form, uint32_t hashes[kFeatures]);

// Immutable after construction: any number of threads may share one.
class Features {
 public:
  // `keys`: `sizes.words` word hashes, the row of key i is 2 + i (of equal keys the first counts).
  // Throws std::invalid_argument where a hashed part has no rows or the table passes 2^31 - 1 rows.
  Features(const FeatureSizes& sizes, const uint32_t* keys);

  uint32_t rows() const { return rows_; }

  // Whether a form's first row says that it is one of the `most` first keys, the most frequent words.
  bool frequent(int32_t row, size_t most) const {
    return static_cast<size_t>(row) < 2 + most && static_cast<uint32_t>(row) < parts_[0].base;
  }

  // The rows of one form. About 25 ns for an English word.
  void ids(std::string_view form, int32_t out[kFeatures]) const;

  // The rows of every word; `out` holds kFeatures numbers a word.
  void ids(const Words& words, int32_t* out) const;

 private:
  struct Slot {
    uint32_t key, row;  // row 0: free
  };
  struct Part {
    uint32_t base, rows;
  };

  uint32_t word_row(uint32_t hash) const;

  std::vector<Slot> slots_;  // open addressing, linear probing, at most half full, a power of two long
  uint32_t mask_ = 0;
  uint32_t rows_ = 0;
  Part parts_[kFeatures];  // remainder, suffix2, suffix3, suffix4, prefix3, shape
};

}  // namespace posmoe
