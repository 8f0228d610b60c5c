// JSON, read strictly: what a manifest and the header of a safetensors file are made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posmoe {

// No JSON (RFC 8259), or JSON that is refused here; the message says at which byte.
struct JsonError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

struct Json {
  enum class Kind : uint8_t { null, boolean, number, string, array, object };

  Kind kind = Kind::null;
  bool truth = false;
  std::string text;         // a string's content in UTF-8; a number as it was written
  std::vector<Json> items;  // of an array
  std::vector<std::pair<std::string, Json>> members;  // of an object, in its order

  // The member of that name, or null.
  const Json* find(std::string_view name) const;
  // A whole number that was written without fraction and exponent.
  std::optional<int64_t> integer() const;
};

// Reads a whole text. Refused besides what is no JSON: invalid UTF-8, lone surrogates, a name twice in one object, and
// nesting beyond 64. Time and memory are linear in the text.
Json read_json(std::string_view text);

// Names sorted by code point at every level, no spaces, characters beyond ASCII as they are, numbers as they were written;
// the member `without` of the outermost object is left out. The bytes that Python's json.dumps gives.
std::string canonical(const Json& value, std::string_view without = {});

}  // namespace posmoe
