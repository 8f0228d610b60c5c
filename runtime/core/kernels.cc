// Choosing an instruction set when the program runs.
#include "kernels.h"

#include <cstdlib>
#include <stdexcept>
#include <string>

#if defined(_MSC_VER) && defined(_M_X64)
#include <immintrin.h>
#include <intrin.h>
#endif

namespace posmoe {
namespace {

#if defined(__x86_64__) && defined(__GNUC__)
bool has_avx2() { return __builtin_cpu_supports("avx2") != 0; }
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#elif defined(_MSC_VER) && defined(_M_X64)
// Bits of CPUID leaf 7, EBX, if the system saves the registers named by `state` (XCR0).
bool has(unsigned bits, unsigned long long state) {
  int leaf[4];
  __cpuid(leaf, 1);
  if (!(leaf[2] & (1 << 27)) || (_xgetbv(0) & state) != state) return false;
  __cpuidex(leaf, 7, 0);
  return (static_cast<unsigned>(leaf[1]) & bits) == bits;
}
bool has_avx2() { return has(1u << 5, 0x6); }
bool has_avx512() { return has(1u << 16 | 1u << 17 | 1u << 30 | 1u << 31, 0xE6); }
#else
bool has_avx2() { return false; }
bool has_avx512() { return false; }
#endif

}  // namespace

const Kernels& kernels(const char* name) {
  std::string wanted = name;
  const char* given = wanted.empty() ? std::getenv("POSMOE_ISA") : nullptr;
  if (given) wanted = given;
  const Kernels* const wide = has_avx512() ? avx512_kernels() : nullptr;
  const Kernels* const middle = has_avx2() ? avx2_kernels() : nullptr;
  const Kernels* const plain = plain_kernels();
  if (wanted.empty()) return wide ? *wide : middle ? *middle : *plain;
  std::string names;
  for (const Kernels* one : {plain, middle, wide}) {
    if (one && wanted == one->name) return *one;
    if (one) names += (names.empty() ? "" : ", ") + std::string(one->name);
  }
  throw std::invalid_argument("expected one of the instruction sets that this machine and build have, " + names +
                              ", got '" + wanted + "'");
}

}  // namespace posmoe
