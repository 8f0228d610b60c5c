// Working memory that a thread keeps from call to call.
#pragma once

#include <cstddef>

namespace posmoe {

// This thread's Space, for the lifetime of the object; lets go of what an exceptionally long sentence has taken.
template <typename Space>
class Kept {
 public:
  ~Kept() {
    if (space().memory() > kMost) space().release();
  }
  Space& operator*() { return space(); }

 private:
  static constexpr size_t kMost = size_t{48} << 20;
  static Space& space() {
    thread_local Space space;
    return space;
  }
};

}  // namespace posmoe
