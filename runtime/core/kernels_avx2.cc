// The kernels with AVX2; CMake gives this file its compiler option on x86.
#if defined(__AVX2__)
#include "kernels.inc"
#else
#include "kernels.h"
#endif

namespace posmoe {

const Kernels* avx2_kernels() {
#if defined(__AVX2__)
  static constexpr Kernels kernels = table("avx2");
  return &kernels;
#else
  return nullptr;
#endif
}

}  // namespace posmoe
