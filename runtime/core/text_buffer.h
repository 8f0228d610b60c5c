// Text that grows at its end: room is made once for many small pieces, which are then put without a check.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace posmoe {

class TextBuffer {
 public:
  // Makes room for that many bytes more; what is put after it may take no more than them.
  void room(size_t bytes) {
    if (capacity_ - size() >= bytes) return;
    const size_t kept = size();
    capacity_ = std::max(2 * capacity_, kept + bytes);
    std::unique_ptr<char[]> larger(new char[capacity_]);
    if (kept) std::memcpy(larger.get(), memory_.get(), kept);
    memory_ = std::move(larger);
    end_ = memory_.get() + kept;
  }

  void put(char c) { *end_++ = c; }
  void put(std::string_view text) {
    std::memcpy(end_, text.data(), text.size());
    end_ += text.size();
  }
  template <size_t N>
  void put(const char (&literal)[N]) {
    std::memcpy(end_, literal, N - 1);
    end_ += N - 1;
  }
  void put(uint64_t number) { end_ = std::to_chars(end_, end_ + kDigits, number).ptr; }

  // Removes what is at or behind `end`.
  void cut(const char* end) { end_ = memory_.get() + (end - memory_.get()); }

  char* end() { return end_; }
  const char* data() const { return memory_.get(); }
  size_t size() const { return static_cast<size_t>(end_ - memory_.get()); }

  static constexpr size_t kDigits = 20;  // of the largest number

 private:
  std::unique_ptr<char[]> memory_;
  char* end_ = nullptr;
  size_t capacity_ = 0;
};

}  // namespace posmoe
