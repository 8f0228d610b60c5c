// Objects behind handles that C code holds: numbers that are never given out twice, so that a stale one is found out.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace posmoe {

// The next number, for handles of any kind; even, so that it is aligned as an address would be.
inline uintptr_t next_handle() {
  static std::atomic<uintptr_t> next{0};
  return next.fetch_add(2) + 2;
}

// Objects of one kind; thread-safe. An object lives while someone uses it, even when its handle is freed meanwhile.
template <typename Handle, typename T>
class Handles {
 public:
  Handle add(std::shared_ptr<T> object) { return put(reinterpret_cast<Handle>(next_handle()), std::move(object)); }

  // Under a handle of the caller's, such as the object's address, which nothing else has while the object lives.
  Handle put(Handle handle, std::shared_ptr<T> object) {
    const auto number = reinterpret_cast<uintptr_t>(handle);
    Shelf& shelf = shelf_of(number);
    const std::lock_guard<std::mutex> lock(shelf.mutex);
    shelf.objects.emplace(number, std::move(object));
    return handle;
  }

  // Null where the handle is unknown.
  std::shared_ptr<T> find(Handle handle) {
    const auto number = reinterpret_cast<uintptr_t>(handle);
    Shelf& shelf = shelf_of(number);
    const std::lock_guard<std::mutex> lock(shelf.mutex);
    const auto found = shelf.objects.find(number);
    return found == shelf.objects.end() ? nullptr : found->second;
  }

  // Takes the object out; null where the handle is unknown.
  std::shared_ptr<T> remove(Handle handle) {
    const auto number = reinterpret_cast<uintptr_t>(handle);
    Shelf& shelf = shelf_of(number);
    const std::lock_guard<std::mutex> lock(shelf.mutex);
    const auto found = shelf.objects.find(number);
    if (found == shelf.objects.end()) return nullptr;
    std::shared_ptr<T> object = std::move(found->second);
    shelf.objects.erase(found);
    return object;
  }

 private:
  struct Shelf {
    std::mutex mutex;
    std::unordered_map<uintptr_t, std::shared_ptr<T>> objects;
  };
  Shelf& shelf_of(uintptr_t number) { return shelves_[(number ^ number >> 5) / 2 % shelves_.size()]; }
  std::array<Shelf, 16> shelves_;
};

}  // namespace posmoe
