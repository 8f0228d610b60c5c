// What the files of the Python extension share.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <memory>

// A NumPy array that owns `data`.
template <typename T, typename Shape, size_t N>
nanobind::ndarray<nanobind::numpy, T, Shape> owned(std::unique_ptr<T[]> data, const size_t (&shape)[N]) {
  T* const raw = data.release();
  nanobind::capsule owner(raw, [](void* p) noexcept { delete[] static_cast<T*>(p); });
  return {raw, N, shape, owner};
}

void bind_decode(nanobind::module_& m);   // decode, decode_batch, count_searches
void bind_ranking(nanobind::module_& m);  // k_best, log_partition
void bind_network(nanobind::module_& m);  // Network
void bind_kernels(nanobind::module_& m);  // Kernels
