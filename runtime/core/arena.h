// Scratch memory that is taken piece by piece and given back at once: no allocation after warm-up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace posmoe {

// Pieces start on 64 bytes and hold what was there before. One object per thread.
class Arena {
 public:
  template <typename T>
  T* take(size_t count) {
    const size_t bytes = (count * sizeof(T) + kAlign - 1) / kAlign * kAlign;
    taken_ += bytes;
    if (used_ + bytes > size_) {  // this round comes from pieces of their own, the next one finds room
      more_.push_back(std::make_unique<unsigned char[]>(bytes + kAlign));
      return reinterpret_cast<T*>(aligned(more_.back().get()));
    }
    unsigned char* const piece = aligned(memory_.get()) + used_;
    used_ += bytes;
    return reinterpret_cast<T*>(piece);
  }

  // Gives all pieces back.
  void reset() {
    rewind({0, 0});
    if (most_ > size_) {
      memory_.reset();
      more_.clear();
      memory_.reset(new unsigned char[most_ + kAlign]);
      size_ = most_;
    }
  }

  // Gives back the pieces that were taken since a mark.
  struct Mark {
    size_t used, taken;
  };
  Mark mark() const { return {used_, taken_}; }
  void rewind(Mark mark) {
    most_ = taken_ > most_ ? taken_ : most_;
    used_ = mark.used;
    taken_ = mark.taken;
  }

  // Bytes held.
  size_t memory() const {
    const size_t most = taken_ > most_ ? taken_ : most_;
    return most > size_ ? most : size_;
  }

 private:
  static constexpr size_t kAlign = 64;
  static unsigned char* aligned(unsigned char* p) {
    return p + (kAlign - reinterpret_cast<uintptr_t>(p) % kAlign) % kAlign;
  }

  std::unique_ptr<unsigned char[]> memory_;
  std::vector<std::unique_ptr<unsigned char[]>> more_;
  size_t size_ = 0, used_ = 0, taken_ = 0, most_ = 0;  // taken_: also what came from pieces of their own
};

}  // namespace posmoe
