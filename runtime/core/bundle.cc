#include "bundle.h"

#include <algorithm>

#include "json.h"
#include "sha256.h"

namespace posmoe {
namespace {

constexpr int64_t kFormat = 1;
constexpr uint64_t kMostManifest = 16 << 20;
constexpr size_t kQuadratic = 1024;  // words that a scorer of all pairs takes
constexpr const char* kWeights = "weights.safetensors";
constexpr const char* kGraph = "model.onnx";
// what the root of a later piece of a cut sentence is to that of the first one; the first that the model knows
constexpr const char* kJoining[] = {"parataxis", "list", "dep"};

const Json& part(const Json& manifest, const char* key, Json::Kind kind, const char* expected, const std::string& where) {
  const Json* value = manifest.find(key);
  if (!value || value->kind != kind) {
    throw BundleError(where + ": expected '" + key + "' in the manifest to be " + expected + ".");
  }
  return *value;
}

const std::string& string_of(const Json& manifest, const char* key, const std::string& where) {
  return part(manifest, key, Json::Kind::string, "a string", where).text;
}

Json read_manifest(BundleFiles& files) {
  const std::string& where = files.where();
  Json manifest;
  try {
    manifest = read_json(files.read("manifest.json", kMostManifest));
  } catch (const JsonError& error) {
    throw BundleError(where + ": manifest.json is no whole JSON (" + error.what() + "). Fetch or export it again.");
  }
  if (manifest.kind != Json::Kind::object) throw BundleError(where + ": expected a JSON object in manifest.json.");
  const Json* format = manifest.find("format");
  if (!format || format->integer() != kFormat) {
    throw BundleError(where + ": expected format 1, got " + (format ? canonical(*format).substr(0, 40) : "none") +
                      ". Export it again with this version's posmoe-export, or install the posmoe it was made for.");
  }
  std::string expected = string_of(manifest, "digest", where);
  std::transform(expected.begin(), expected.end(), expected.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (const std::string found = sha256(canonical(manifest, "digest")); found != expected) {
    throw BundleError(where + ": the content of manifest.json was altered: expected digest " + expected.substr(0, 64) +
                      ", got " + found + ". Fetch or export the bundle again.");
  }
  return manifest;
}

// Only plain file names: nothing may point out of the bundle.
void check_name(const std::string& name, const std::string& where) {
  const auto plain = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
  };
  const bool fits = !name.empty() && name[0] != '.' && name[0] != '-' && std::all_of(name.begin(), name.end(), plain);
  if (!fits) throw BundleError(where + ": '" + name.substr(0, 80) + "' is no plain file name. Don't use this bundle.");
}

// Checks every file that the manifest names; returns the weights.
std::string_view check_files(BundleFiles& files, const Json& manifest) {
  const std::string& where = files.where();
  const Json& recorded = part(manifest, "files", Json::Kind::object, "an object", where);
  for (const char* name : {kWeights, kGraph}) {
    if (!recorded.find(name)) {
      throw BundleError(where + ": expected " + name + " among the manifest's files, it is missing.");
    }
  }
  for (const auto& file : recorded.members) check_name(file.first, where);
  std::string_view weights;
  for (const auto& [name, record] : recorded.members) {
    const Json *size = record.find("bytes"), *digest = record.find("sha256");
    const auto bytes = size ? size->integer() : std::nullopt;
    if (!bytes || *bytes < 0 || !digest || digest->kind != Json::Kind::string) {
      throw BundleError(where + ": expected `bytes` and `sha256` for " + name + " in the manifest's files.");
    }
    if (name != kWeights && !files.has(name)) continue;
    const std::string_view content = files.checked(name, static_cast<uint64_t>(*bytes), digest->text);
    if (name == kWeights) weights = content;
  }
  return weights;
}

// Distinct names, as tags and labels are; they may not break a CoNLL-U line.
std::vector<std::string> names(const Json& manifest, const char* key, const std::string& where) {
  const Json& list = part(manifest, key, Json::Kind::array, "a list", where);
  std::vector<std::string> result;
  for (const Json& item : list.items) {
    const bool printable = std::all_of(item.text.begin(), item.text.end(), [](char c) { return c >= '!' && c <= '~'; });
    if (item.kind != Json::Kind::string || item.text.empty() || !printable) {
      throw BundleError(where + ": expected " + key + " to be names in printable ASCII without spaces.");
    }
    result.push_back(item.text);
  }
  if (result.empty()) throw BundleError(where + ": expected " + key + " to be names, got none.");
  std::vector<std::string> sorted = result;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
    throw BundleError(where + ": a name is twice among the " + key + ".");
  }
  return result;
}

int64_t index_of(const std::vector<std::string>& names, const char* name) {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? -1 : found - names.begin();
}

// Checks a tensor that is read here; a size of -1 may be any.
const SafeTensors::Entry& tensor(const SafeTensors& tensors, const char* name, const char* type,
                                 const std::vector<int64_t>& shape, const std::string& where) {
  const auto found = tensors.entries().find(name);
  std::string expected = std::string("expected tensor '") + name + "' to be " + type + " [";
  for (int64_t size : shape) {
    expected += (expected.back() == '[' ? "" : ", ") + (size < 0 ? std::string("any") : std::to_string(size));
  }
  expected = where + ": manifest and weights disagree: " + expected + "]";
  if (found == tensors.entries().end()) throw BundleError(expected + ", it is missing.");
  const SafeTensors::Entry& entry = found->second;
  bool fits = entry.type == type && entry.shape.size() == shape.size();
  for (size_t i = 0; fits && i < shape.size(); ++i) fits = shape[i] < 0 || entry.shape[i] == static_cast<size_t>(shape[i]);
  if (!fits) throw BundleError(expected + ", it is another.");
  return entry;
}

void check_tensors(const SafeTensors& tensors, Bundle& bundle) {
  const auto count = [](size_t n) { return static_cast<int64_t>(n); };
  const int64_t labels = count(bundle.labels.size()), tags = count(bundle.tags.size());
  tensor(tensors, "features.keys", "U32", {bundle.features.words}, bundle.where);
  tensor(tensors, "tokenizer.weights", "I8", {-1}, bundle.where);
  bundle.label_rank = tensor(tensors, "label.weight", "F32", {-1, labels}, bundle.where).shape[0];
  tensor(tensors, "label.bias", "F32", {labels}, bundle.where);
  tensor(tensors, "label.pair", "F32", {2 * (tags + 1) * (tags + 1), labels}, bundle.where);
}

}  // namespace

OpenBundle open_bundle(BundleFiles& files) {
  const Json manifest = read_manifest(files);
  Bundle bundle{};
  bundle.where = files.where();
  const std::string& where = bundle.where;
  bundle.name = string_of(manifest, "name", where);
  bundle.version = string_of(manifest, "version", where);
  bundle.language = string_of(manifest, "language", where);
  const Json& constants = part(manifest, "constants", Json::Kind::object, "an object", where);
  const std::string_view weights = check_files(files, manifest);
  bundle.tags = names(manifest, "tags", where);
  bundle.labels = names(manifest, "labels", where);
  bundle.features = feature_sizes(part(manifest, "features", Json::Kind::object, "an object", where), where);
  bundle.tokenizer = tokenizer_spec(part(manifest, "tokenizer", Json::Kind::object, "an object", where), where);
  bundle.root = index_of(bundle.labels, "root");
  for (const char* name : kJoining) {
    if (const int64_t index = index_of(bundle.labels, name); index >= 0) {
      bundle.joining = static_cast<int32_t>(index);
      break;
    }
  }
  const Json* scorer = constants.find("scorer");
  bundle.max_sentence = bundle.tokenizer.max_sentence;
  if (scorer && scorer->text == "biaffine") bundle.max_sentence = std::min(bundle.max_sentence, kQuadratic);
  SafeTensors tensors(weights, where + ": " + kWeights);
  check_tensors(tensors, bundle);
  bundle.refusal = refusal_of(constants);
  if (bundle.refusal.empty()) {
    bundle.network = network_shape(constants, where);
    const FeatureSizes& f = bundle.features;
    bundle.network.rows = size_t{2} + f.words + f.remainder + f.suffix2 + f.suffix3 + f.suffix4 + f.prefix3 + f.shape;
    bundle.network.tags = bundle.tags.size();
    bundle.network.labels = bundle.labels.size();
    bundle.network.root = bundle.root;
  }
  return {std::move(bundle), std::move(tensors)};
}

}  // namespace posmoe
