// What the files of the Python extension share.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <memory>
#include <string>

#include "network.h"

// A NumPy array that owns `data`.
template <typename T, typename Shape, size_t N>
nanobind::ndarray<nanobind::numpy, T, Shape> owned(std::unique_ptr<T[]> data, const size_t (&shape)[N]) {
  T* const raw = data.release();
  nanobind::capsule owner(raw, [](void* p) noexcept { delete[] static_cast<T*>(p); });
  return {raw, N, shape, owner};
}

// A str or bytes as valid UTF-8: what is no character becomes U+FFFD; a str keeps its code-point offsets.
std::string utf8_of(nanobind::handle text);

// The thread's buffers for the network; lets go of those of an exceptionally long sentence.
class ThreadWorkspace {
 public:
  ~ThreadWorkspace() {
    if (space().memory() > kKept) space() = posmoe::Workspace();
  }
  posmoe::Workspace& operator*() { return space(); }

 private:
  static constexpr size_t kKept = size_t{16} << 20;  // bytes kept between calls
  static posmoe::Workspace& space();
};

void bind_decode(nanobind::module_& m);   // decode, decode_batch, count_searches
void bind_ranking(nanobind::module_& m);  // k_best, log_partition
void bind_network(nanobind::module_& m);  // Network
void bind_kernels(nanobind::module_& m);  // Kernels
void bind_parse(nanobind::module_& m);    // parse
