// What the files of the Python extension share.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

// A NumPy array that owns `data`.
template <typename T, typename Shape, size_t N>
nanobind::ndarray<nanobind::numpy, T, Shape> owned(std::unique_ptr<T[]> data, const size_t (&shape)[N]) {
  T* const raw = data.release();
  nanobind::capsule owner(raw, [](void* p) noexcept { delete[] static_cast<T*>(p); });
  return {raw, N, shape, owner};
}

// A read-only NumPy array over a vector that `owner` keeps alive.
template <typename T>
nanobind::ndarray<nanobind::numpy, const T, nanobind::ndim<1>> column(const std::vector<T>& values,
                                                                     nanobind::handle owner) {
  static const T none{};  // NumPy takes an array at no address for one that may be written
  return {values.empty() ? &none : values.data(), {values.size()}, owner};
}

// A str or bytes as valid UTF-8: what is no character becomes U+FFFD; a str keeps its code-point offsets.
std::string utf8_of(nanobind::handle text);

void bind_words(nanobind::module_& m);     // Words
void bind_analysis(nanobind::module_& m);  // Analyser, Analysis
void bind_gather(nanobind::module_& m);    // Gathered
void bind_decode(nanobind::module_& m);    // decode, decode_batch, count_searches
void bind_ranking(nanobind::module_& m);   // k_best, log_partition
void bind_network(nanobind::module_& m);   // Network
void bind_kernels(nanobind::module_& m);   // Kernels
