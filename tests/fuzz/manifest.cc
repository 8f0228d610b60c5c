// Any bytes as JSON, as a safetensors file, or as a manifest's specifications: refused with an error, or sound.
#include <string>
#include <string_view>

#include "bundle.h"
#include "errors.h"
#include "input.h"
#include "json.h"

using fuzz::require;

namespace {

// What was read is written and read again without a loss.
void read_json(std::string_view text) {
  const std::string once = posmoe::canonical(posmoe::read_json(text));
  require(posmoe::canonical(posmoe::read_json(once)) == once, "the canonical form to be its own");
}

void read_tensors(std::string_view data) {
  const posmoe::SafeTensors tensors(data, "fuzz");
  size_t sum = 0;
  for (const auto& [name, entry] : tensors.entries()) {
    size_t size = 1;
    for (size_t dimension : entry.shape) size *= dimension;
    require(size == entry.size, "as many elements as the shape says");
    const auto* bytes = static_cast<const unsigned char*>(entry.data);
    for (size_t i = 0; i < entry.size; ++i) sum += bytes[i];  // a byte an element at least: all of it can be read
  }
  require(sum / 255 <= data.size(), "no byte twice");
}

void read_specifications(std::string_view text) {
  const posmoe::Json json = posmoe::read_json(text);
  const auto attempt = [](auto read) {
    try {
      read();
    } catch (const std::invalid_argument&) {  // of the parts that are built
    } catch (const posmoe::BundleError&) {
    }
  };
  attempt([&] {
    const posmoe::FeatureSizes sizes = posmoe::feature_sizes(json, "fuzz");
    const uint32_t key = 0;
    if (sizes.words <= 1) posmoe::Features(sizes, &key);
  });
  attempt([&] { posmoe::Tokenizer(posmoe::tokenizer_spec(json, "fuzz"), {})("Mr. A didn't gonna go: a.b.c, 10 000!"); });
  attempt([&] {
    if (posmoe::refusal_of(json).empty()) posmoe::network_shape(json, "fuzz");
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const uint8_t kind = input.take<uint8_t>() % 3;
  const std::string rest(reinterpret_cast<const char*>(input.data()), input.size());
  try {
    if (kind == 0) read_json(rest);
    if (kind == 1) read_tensors(rest);
    if (kind == 2) read_specifications(rest);
  } catch (const posmoe::JsonError&) {
  } catch (const posmoe::BundleError&) {
  }
  return 0;
}
