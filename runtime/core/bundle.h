// A bundle, checked: what docs/bundle.md promises, as the parts that compute take it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bundle_files.h"
#include "network_weights.h"
#include "safetensors.h"
#include "tokenizer.h"
#include "word_features.h"

namespace posmoe {

struct Json;

struct Bundle {
  std::string where;  // what messages call it
  std::string name, version, language;
  std::vector<std::string> tags, labels;
  TokenizerSpec tokenizer;
  FeatureSizes features;
  size_t max_sentence;  // words that the network takes at once
  int32_t joining;      // relation of a later piece's root to the first one's
  int64_t root;         // the relation of that name, -1: there is none
  size_t label_rank;
  NetworkShape network;  // where `refusal` is empty
  std::string refusal;   // why the core can't compute this network
};

// The tensors point into `files`. Throws BundleError as runtime/posmoe/bundle.py does.
struct OpenBundle {
  Bundle bundle;
  SafeTensors tensors;
};
OpenBundle open_bundle(BundleFiles& files);

// Parts of a manifest, in bundle_spec.cc; they throw BundleError.
TokenizerSpec tokenizer_spec(const Json& spec, const std::string& where);
FeatureSizes feature_sizes(const Json& spec, const std::string& where);
// Why the core can't compute a network with these constants, or nothing.
std::string refusal_of(const Json& constants);
NetworkShape network_shape(const Json& constants, const std::string& where);

}  // namespace posmoe
