// How exceptions become statuses, and what the functions of the C API check first.
#pragma once

#define POSMOE_BUILD
#include "posmoe.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "candidates.h"
#include "errors.h"

namespace posmoe::c {

struct ArgumentError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};
struct HandleError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

inline std::string& last_error() {
  thread_local std::string message;
  return message;
}

inline posmoe_status failed(posmoe_status status, const char* message) noexcept {
  try {
    last_error() = message;
  } catch (...) {  // no memory for the message
    last_error().clear();
  }
  return status;
}

// Runs a function's body; what it throws becomes a status.
template <typename Body>
posmoe_status guarded(Body body) noexcept {
  try {
    body();
    return POSMOE_OK;
  } catch (const ArgumentError& error) {
    return failed(POSMOE_ERROR_ARGUMENT, error.what());
  } catch (const HandleError& error) {
    return failed(POSMOE_ERROR_HANDLE, error.what());
  } catch (const InputError& error) {
    return failed(POSMOE_ERROR_INPUT, error.what());
  } catch (const BundleError& error) {
    return failed(POSMOE_ERROR_BUNDLE, error.what());
  } catch (const EngineError& error) {
    return failed(POSMOE_ERROR_ENGINE, error.what());
  } catch (const DecodeError& error) {
    return failed(POSMOE_ERROR_DECODE, error.what());
  } catch (const std::bad_alloc&) {
    return failed(POSMOE_ERROR_MEMORY, "there is not enough memory");
  } catch (const std::length_error&) {
    return failed(POSMOE_ERROR_MEMORY, "there is not enough memory");
  } catch (const std::exception& error) {
    return failed(POSMOE_ERROR_INTERNAL, error.what());
  } catch (...) {
    return failed(POSMOE_ERROR_INTERNAL, "an exception of unknown type");
  }
}

inline void require(bool holds, const char* expected) {
  if (!holds) throw ArgumentError(expected);
}

constexpr const char* kStale = "a handle that is none or was freed";

template <typename All, typename Handle>
auto found(All& all, Handle handle, const char* what) {
  auto object = all.find(handle);
  if (!object) throw HandleError(std::string("expected ") + what + ", got " + (handle ? kStale : "null"));
  return object;
}

template <typename All, typename Handle>
posmoe_status freed(All& all, Handle handle, const char* what) noexcept {
  return guarded([&] {
    if (handle && !all.remove(handle)) throw HandleError(std::string("expected ") + what + ", got " + kStale);
  });
}

// Gives the caller as many bytes of a structure as it knows.
template <typename T>
void give(const T& value, T* to) {
  static_assert(std::is_trivially_copyable_v<T>);
  const size_t size = to->struct_size;
  require(size >= sizeof(size_t) && size <= 4096, "expected a structure that its _INIT has set");
  std::memcpy(static_cast<void*>(to), &value, std::min(size, sizeof(T)));
  to->struct_size = size;
}

}  // namespace posmoe::c
