// The kernels with NEON's dot products of bytes; CMake gives this file its compiler option on ARM.
#if defined(__ARM_FEATURE_DOTPROD)
#include "kernels.inc"
#else
#include "kernels.h"
#endif

namespace posmoe {

const Kernels* neon_kernels() {
#if defined(__ARM_FEATURE_DOTPROD)
  static constexpr Kernels kernels = table("neon");
  return &kernels;
#else
  return nullptr;
#endif
}

}  // namespace posmoe
