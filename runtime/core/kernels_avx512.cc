// The kernels with AVX-512; CMake gives this file its compiler options on x86.
#if defined(__AVX512F__)
#include "kernels.inc"
#else
#include "kernels.h"
#endif

namespace posmoe {

const Kernels* avx512_kernels() {
#if defined(__AVX512F__)
  static constexpr Kernels kernels = table("avx512");
  return &kernels;
#else
  return nullptr;
#endif
}

}  // namespace posmoe
