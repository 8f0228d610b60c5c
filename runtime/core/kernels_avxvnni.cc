// The kernels with AVX2 and its dot products of bytes; CMake gives this file its compiler options on x86.
#if defined(__AVXVNNI__)
#include "kernels.inc"
#else
#include "kernels.h"
#endif

namespace posmoe {

const Kernels* avxvnni_kernels() {
#if defined(__AVXVNNI__)
  static constexpr Kernels kernels = table("avxvnni");
  return &kernels;
#else
  return nullptr;
#endif
}

}  // namespace posmoe
