// The kernels with WebAssembly's vectors of 128 bits; CMake gives this file its compiler option there.
#if defined(__wasm_simd128__)
#include "kernels.inc"
#else
#include "kernels.h"
#endif

namespace posmoe {

const Kernels* wasm_kernels() {
#if defined(__wasm_simd128__)
  static constexpr Kernels kernels = table("wasm");
  return &kernels;
#else
  return nullptr;
#endif
}

}  // namespace posmoe
