// What fuzz targets share: bytes read piece by piece, and what must hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace fuzz {

// Ends the process, so that the fuzzer keeps the input.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "expected %s\n", what);
  std::abort();
}

// Bytes as numbers; past the end all are 0.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  template <typename T>
  T take() {
    unsigned char bytes[sizeof(T)] = {};
    const size_t count = size_ < sizeof(T) ? size_ : sizeof(T);
    if (count) std::memcpy(bytes, data_, count);
    data_ += count;
    size_ -= count;
    T value;
    std::memcpy(&value, bytes, sizeof(T));
    return value;
  }
  // A number from least to most.
  size_t within(size_t least, size_t most) { return least + take<uint8_t>() % (most - least + 1); }
  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  const uint8_t* data_;
  size_t size_;
};

}  // namespace fuzz
