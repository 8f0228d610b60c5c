// Choosing an instruction set when the program runs.
#include "kernels.h"

#include <cstdlib>
#include <stdexcept>
#include <string>

#if defined(_MSC_VER) && defined(_M_X64)
#include <immintrin.h>
#include <intrin.h>
#elif defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace posmoe {
namespace {

#if defined(__x86_64__) && defined(__GNUC__)
bool has_avx2() { return __builtin_cpu_supports("avx2") != 0; }
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vnni");
}
bool has_avxvnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return has_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 4);
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
bool has_avxvnni() { return false; }
#else
bool has_avx2() { return false; }
bool has_avx512() { return false; }
bool has_avxvnni() { return false; }
#endif

#if defined(__aarch64__) && defined(__linux__)
bool has_neon() { return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0; }
#elif defined(__aarch64__) && defined(__APPLE__)
bool has_neon() { return true; }
#else
bool has_neon() { return false; }
#endif

}  // namespace

const Kernels& kernels(const char* name) {
  std::string wanted = name;
  const char* given = wanted.empty() ? std::getenv("POSMOE_ISA") : nullptr;
  if (given) wanted = given;
  const Kernels* const found[] = {plain_kernels(),  // better ones behind
                                  wasm_kernels(),   // a module that holds them does not start where they are unknown
                                  has_neon() ? neon_kernels() : nullptr, has_avx2() ? avx2_kernels() : nullptr,
                                  has_avxvnni() ? avxvnni_kernels() : nullptr,
                                  has_avx512() ? avx512_kernels() : nullptr};
  const Kernels* best = nullptr;
  std::string names;
  for (const Kernels* one : found) {
    if (!one) continue;
    best = one;
    if (wanted == one->name) return *one;
    names += (names.empty() ? "" : ", ") + std::string(one->name);
  }
  if (wanted.empty()) return *best;
  throw std::invalid_argument("expected one of the instruction sets that this machine and build have, " + names +
                              ", got '" + wanted + "'");
}

}  // namespace posmoe
