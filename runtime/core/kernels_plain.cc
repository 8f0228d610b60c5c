// The kernels with what every machine of this architecture has.
#include "kernels.inc"

namespace posmoe {

const Kernels* plain_kernels() {
  static constexpr Kernels kernels = table("plain");
  return &kernels;
}

}  // namespace posmoe
