// The manifest's specifications of tokeniser, features and network.
#include <algorithm>
#include <limits>

#include "bundle.h"
#include "json.h"
#include "utf8.h"

namespace posmoe {
namespace {

// Refuses entries that are not among `known`.
void refuse_unknown(const Json& spec, const std::vector<std::string_view>& known, const std::string& what) {
  for (const auto& member : spec.members) {
    if (std::find(known.begin(), known.end(), member.first) != known.end()) continue;
    throw BundleError(what + ": the specification has the unknown entry '" + member.first.substr(0, 80) + "'.");
  }
}

void require_version(const Json& spec, const std::string& what) {
  const Json* version = spec.find("version");
  if (version && version->integer() == 1) return;
  throw BundleError(what + ": expected version 1, got " + (version ? canonical(*version).substr(0, 40) : "none") +
                    ". Export the bundle again.");
}

// The entries of a tokeniser's specification; what is missing or of another type is named.
class Fields {
 public:
  Fields(const Json& spec, std::string what) : spec_(spec), what_(std::move(what)) {}

  const Json& get(const char* key, Json::Kind kind) const {
    const Json* value = spec_.find(key);
    if (!value) throw BundleError(what_ + ": the specification lacks '" + key + "'.");
    if (value->kind != kind) wrong(key);
    return *value;
  }
  template <typename T>
  T number(const char* key) const {
    return number_of<T>(get(key, Json::Kind::number), key);
  }
  std::vector<std::string> strings(const char* key) const { return strings_of(get(key, Json::Kind::array), key); }
  std::vector<uint32_t> numbers(const char* key) const {
    std::vector<uint32_t> result;
    for (const Json& item : get(key, Json::Kind::array).items) result.push_back(number_of<uint32_t>(item, key));
    return result;
  }
  std::vector<SplitRule> rules(const char* key) const {
    std::vector<SplitRule> result;
    for (const auto& [form, words] : get(key, Json::Kind::object).members) {
      if (words.kind != Json::Kind::array) wrong(key);
      result.emplace_back(form, strings_of(words, key));
    }
    return result;
  }
  LinearSpec linear(const char* key, size_t features) const {
    const Fields table(get(key, Json::Kind::object), what_ + ": table '" + key + "'");
    const size_t given = table.number<uint32_t>("features");
    if (given == features) return {table.number<uint32_t>("size"), table.number<int32_t>("bias")};
    throw BundleError(table.what_ + " was trained on " + std::to_string(given) + " features, this version has " +
                      std::to_string(features) + ": train it again.");
  }
  const std::string& what() const { return what_; }

 private:
  [[noreturn]] void wrong(const char* key) const {
    throw BundleError(what_ + ": the specification has a wrong value for '" + key + "'.");
  }
  template <typename T>
  T number_of(const Json& value, const char* key) const {
    const auto number = value.integer();
    using Limits = std::numeric_limits<T>;
    if (!number || *number < int64_t{Limits::min()} || *number > int64_t{Limits::max()}) wrong(key);
    return static_cast<T>(*number);
  }
  std::vector<std::string> strings_of(const Json& list, const char* key) const {
    std::vector<std::string> result;
    for (const Json& item : list.items) {
      if (item.kind != Json::Kind::string) wrong(key);
      result.push_back(item.text);
    }
    return result;
  }

  const Json& spec_;
  std::string what_;
};

// A constant and what it may be; the first is meant where it is missing and `known` says so.
struct Constant {
  const char* name;
  std::vector<const char*> known;
  bool optional;
};
const Constant kKnown[] = {
    {"scorer", {"linear"}, false},
    {"similarity", {"dot"}, false},
    {"router", {"cnn", "linear"}, false},
    {"geometry", {"hyperbolic", "euclidean"}, false},
    {"arithmetic", {"float32", "int8"}, true},
    {"context", {"recurrence"}, true},
    {"gates", {"table"}, true},
    {"bigrams", {"0"}, true},
    {"pair_tags", {"1"}, true},
};

bool is(const Json& constants, const char* name, const char* value) {
  const Json* found = constants.find(name);
  return found && found->text == value;
}

}  // namespace

TokenizerSpec tokenizer_spec(const Json& spec, const std::string& where) {
  const Fields fields(spec, where + ": tokenizer");
  require_version(spec, fields.what());
  refuse_unknown(spec, {"version", "max_sentence", "grouped_digits", "abbreviations", "endings", "multiwords", "ambiguous",
                        "suffixes", "closed", "tables"}, fields.what());
  TokenizerSpec result;
  result.max_sentence = fields.number<uint32_t>("max_sentence");
  if (result.max_sentence < 1) throw BundleError(fields.what() + ": expected max_sentence to be at least 1, got 0.");
  result.grouped_digits = fields.get("grouped_digits", Json::Kind::boolean).truth;
  result.abbreviations = fields.strings("abbreviations");
  result.endings = fields.strings("endings");
  result.multiwords = fields.rules("multiwords");
  result.ambiguous = fields.rules("ambiguous");
  result.suffixes = fields.rules("suffixes");
  result.closed = fields.numbers("closed");
  const Json& tables = fields.get("tables", Json::Kind::object);
  refuse_unknown(tables, {"cut", "multiword", "boundary"}, fields.what());
  const Fields linear(tables, fields.what());
  result.cut = linear.linear("cut", kCutFeatures);
  result.multiword = linear.linear("multiword", kMultiwordFeatures);
  result.boundary = linear.linear("boundary", kBoundaryFeatures);
  return result;
}

FeatureSizes feature_sizes(const Json& spec, const std::string& where) {
  const std::string what = where + ": features";
  require_version(spec, what);
  refuse_unknown(spec, {"version", "words", "remainder", "suffix2", "suffix3", "suffix4", "prefix3", "shape"}, what);
  const auto size = [&](const char* name) {
    const Json* value = spec.find(name);
    const auto rows = value ? value->integer() : std::nullopt;
    if (rows && *rows >= 0 && *rows < int64_t{1} << 31) return static_cast<uint32_t>(*rows);
    throw BundleError(what + ": expected '" + name + "' to be a number of rows.");
  };
  return {size("words"), size("remainder"), size("suffix2"), size("suffix3"), size("suffix4"), size("prefix3"), size("shape")};
}

std::string refusal_of(const Json& constants) {
  for (const Constant& constant : kKnown) {
    const Json* value = constants.find(constant.name);
    if (!value && constant.optional) continue;
    const auto& known = constant.known;
    const bool fits = value && std::any_of(known.begin(), known.end(), [&](const char* k) { return value->text == k; });
    if (fits) continue;
    std::string message = std::string("it computes networks with ") + constant.name;
    for (const char* k : known) message += (k == known.front() ? " " : " or ") + std::string(k);
    return message + ", the bundle has " + (value ? canonical(*value).substr(0, 40) : "none");
  }
  return {};
}

NetworkShape network_shape(const Json& constants, const std::string& where) {
  NetworkShape shape{};
  const auto read = [&](const char* name, size_t& to) {
    const Json* value = constants.find(name);
    const auto size = value ? value->integer() : std::nullopt;
    if (!size || *size < 0 || *size >= int64_t{1} << 31) {
      throw BundleError(where + ": expected the constant '" + name + "' to be a size.");
    }
    to = static_cast<size_t>(*size);
  };
  read("lexical_dim", shape.lexical_dim), read("context_dim", shape.context_dim);
  read("trunk_dim", shape.trunk_dim), read("trunk_layers", shape.trunk_layers);
  read("router_dim", shape.router_dim), read("experts", shape.experts), read("expert_dim", shape.expert_dim);
  read("k", shape.k), read("expert_context_dim", shape.expert_context_dim);
  read("rank", shape.rank), read("left", shape.left), read("right", shape.right), read("hubs", shape.hubs);
  read("hub_window", shape.hub_window), read("label_rank", shape.label_rank);
  shape.cnn = is(constants, "router", "cnn");
  shape.hyperbolic = is(constants, "geometry", "hyperbolic");
  shape.int8 = is(constants, "arithmetic", "int8");
  return shape;
}

}  // namespace posmoe
