#include "safetensors.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "errors.h"
#include "json.h"

namespace posmoe {
namespace {

constexpr uint64_t kMostHeader = 16 << 20;
constexpr size_t kMostDimensions = 8;

struct Type {
  std::string_view name;
  uint64_t bytes;
};
constexpr Type kTypes[] = {{"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"U16", 2}, {"I16", 2},     {"U32", 4},    {"I32", 4}, {"U64", 8},
                           {"I64", 8},  {"F16", 2}, {"F32", 4}, {"F64", 8}, {"BF16", 2}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};

// Sizes or offsets: whole numbers from 0 to 2^53.
bool naturals(const Json* list, std::vector<uint64_t>& out) {
  if (!list || list->kind != Json::Kind::array) return false;
  for (const Json& item : list->items) {
    const auto value = item.integer();
    if (!value || *value < 0 || *value > int64_t{1} << 53) return false;
    out.push_back(static_cast<uint64_t>(*value));
  }
  return true;
}

// Where one tensor lies behind the header, by its own account.
struct Place {
  const std::string* name;
  const Type* type;
  std::vector<uint64_t> shape;
  uint64_t begin, end;
};

// Fills in a place; returns what is wrong, or nothing.
std::string read_place(const Json& value, Place& place) {
  if (value.kind != Json::Kind::object || value.members.size() != 3 || !value.find("dtype") || !value.find("shape") ||
      !value.find("data_offsets")) {
    return "expected the keys dtype, shape and data_offsets";
  }
  const Json& type = *value.find("dtype");
  const auto known = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const Type& t) { return t.name == type.text; });
  if (type.kind != Json::Kind::string || known == std::end(kTypes)) return "unknown type '" + type.text.substr(0, 40) + "'";
  place.type = known;
  if (!naturals(value.find("shape"), place.shape) || place.shape.size() > kMostDimensions) {
    return "the shape is no list of at most 8 sizes";
  }
  std::vector<uint64_t> offsets;
  if (!naturals(value.find("data_offsets"), offsets) || offsets.size() != 2) return "data_offsets is no pair of offsets";
  place.begin = offsets[0], place.end = offsets[1];
  uint64_t bytes = known->bytes;
  const bool empty = std::count(place.shape.begin(), place.shape.end(), 0u) > 0;
  for (uint64_t size : place.shape) {
    if (!empty && bytes > (uint64_t{1} << 56) / size) return "the shape is larger than any file";
    bytes = empty ? 0 : bytes * size;
  }
  if (place.end < place.begin || place.end - place.begin != bytes) {
    return "expected " + std::to_string(bytes) + " bytes, got the offsets " + std::to_string(place.begin) + " to " +
           std::to_string(place.end);
  }
  return {};
}

}  // namespace

SafeTensors::SafeTensors(std::string_view data, const std::string& name) {
  const auto refuse = [&](const std::string& why) -> BundleError {
    return BundleError(name + " is no whole safetensors file: " + why + ". Fetch or export the bundle again.");
  };
  if (data.size() < 8) throw refuse("expected at least 8 bytes, got " + std::to_string(data.size()));
  uint64_t header = 0;
  for (size_t i = 8; i-- > 0;) header = header << 8 | static_cast<unsigned char>(data[i]);
  const uint64_t rest = data.size() - 8;
  if (header > std::min(rest, kMostHeader)) {
    throw refuse("its header says " + std::to_string(header) + " bytes, " + std::to_string(rest) + " follow and " +
                 std::to_string(kMostHeader) + " are allowed");
  }
  Json content;
  try {
    content = read_json(data.substr(8, header));
  } catch (const JsonError& error) {
    throw refuse(std::string("its header is no JSON: ") + error.what());
  }
  if (content.kind != Json::Kind::object) throw refuse("its header is no JSON object");
  std::vector<Place> places;
  for (const auto& [key, value] : content.members) {
    if (key == "__metadata__") continue;
    places.push_back({&key, nullptr, {}, 0, 0});
    if (const std::string wrong = read_place(value, places.back()); !wrong.empty()) {
      throw refuse("tensor '" + key + "': " + wrong);
    }
  }
  std::sort(places.begin(), places.end(),
            [](const Place& a, const Place& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });
  uint64_t position = 0;
  for (const Place& place : places) {
    if (place.begin != position) {
      throw refuse("tensor '" + *place.name + "' begins at byte " + std::to_string(place.begin) + ", expected " +
                   std::to_string(position) + " (a gap or an overlap)");
    }
    position = place.end;
  }
  if (position != rest - header) {
    throw refuse("its tensors take " + std::to_string(position) + " bytes, the file has " + std::to_string(rest - header));
  }
  for (const Place& place : places) {
    const char* at = data.data() + 8 + header + place.begin;
    const size_t bytes = static_cast<size_t>(place.end - place.begin);
    if (reinterpret_cast<uintptr_t>(at) % place.type->bytes != 0) {
      copies_.emplace_back(new char[bytes + 1]);
      std::memcpy(copies_.back().get(), at, bytes);
      at = copies_.back().get();
    }
    entries_[*place.name] = {std::string(place.type->name), {place.shape.begin(), place.shape.end()}, at,
                             bytes / static_cast<size_t>(place.type->bytes)};
  }
}

}  // namespace posmoe
