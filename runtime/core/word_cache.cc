#include "word_cache.h"

#include <cstring>
#include <stdexcept>

#include "kernels.h"

namespace posmoe {
namespace {

template <typename T>
uint64_t load(const char* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

}  // namespace

// Two numbers that overlap where the form is shorter than both: with the size, no two forms give the same.
ShortForm::ShortForm(std::string_view form) : size(form.size()) {
  const char* const p = form.data();
  if (size >= 8) {
    head = load<uint64_t>(p);
    tail = load<uint64_t>(p + size - 8);
  } else if (size >= 4) {
    head = load<uint32_t>(p);
    tail = load<uint32_t>(p + size - 4);
  } else if (size > 0) {
    head = load<uint8_t>(p) | load<uint8_t>(p + size / 2) << 8;
    tail = load<uint8_t>(p + size - 1);
  }
}

uint32_t ShortForm::hash() const {
  const uint64_t mixed = (head + size) * 0x9E3779B97F4A7C15u ^ tail * 0xC2B2AE3D27D4EB4Fu;
  return static_cast<uint32_t>((mixed ^ mixed >> 29) * 0x9E3779B97F4A7C15u >> 32);
}

void WordCache::prepare(uint64_t owner, size_t entries, size_t width) {
  if (owner == owner_) return;
  if (entries > kMostEntries) throw std::invalid_argument("a cache of words holds at most 32,768");
  size_t places = 4;
  while (places < 4 * entries) places *= 2;
  index_.assign(places, 0);
  mask_ = places - 1;
  forms_.clear();
  forms_.reserve(entries);
  stride_ = padded(width);
  memory_ = Arena();
  rows_ = memory_.take<float>(entries * stride_ + kLanes);
  owner_ = owner;
  entries_ = entries;
}

float* WordCache::add(const ShortForm& form, uint32_t hash) {
  if (full()) return nullptr;
  size_t at = hash & mask_;
  while (index_[at] != 0) at = (at + 1) & mask_;
  forms_.push_back(form);
  index_[at] = static_cast<uint16_t>(forms_.size());
  return rows_ + (forms_.size() - 1) * stride_;
}

}  // namespace posmoe
