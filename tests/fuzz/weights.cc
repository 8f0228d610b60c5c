// Networks whose sizes and tensors may be anything: refused with an error, or they parse.
#include <cmath>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "input.h"
#include "network.h"
#include "word_features.h"

using fuzz::require;

namespace {

using Shape = std::vector<size_t>;
constexpr size_t kMost = size_t{1} << 16;  // elements of a tensor; larger networks are left out

// The tensors of a network, as a bundle names them, with numbers made from the input.
class Bundle {
 public:
  Bundle(const posmoe::NetworkShape& s, fuzz::Input input) : int8_(s.int8), input_(input) {
    const size_t context = s.context_width(), word = s.word_dim(), width = s.width(), inner = s.expert_input();
    codes("lexicon.codes", {s.rows, s.row_dim()});
    floats("lexicon.scale", {s.rows});
    floats("lexical_norm.weight", {s.lexical_dim});
    floats("context_norm.weight", {context});
    floats("word_norm.weight", {word});
    if (s.trunk_dim) linear("mix", context, width);
    for (size_t i = 0; i < s.trunk_layers && i < 4; ++i) {
      const std::string name = "trunk." + std::to_string(i);
      floats(name + ".norm.weight", {width});
      linear(name + ".input", width, 2 * width);
      linear(name + ".output", width, width);
    }
    floats("router.depthwise.bias", {width});
    floats("router.depthwise.weight", {width, 1, 3});
    linear("router.pointwise", width, s.router_dim);
    linear("router.output", s.router_dim, s.tags);
    for (const char* name : {"experts.gate", "experts.value"}) {
      const size_t outputs = s.experts * s.expert_dim;
      if (int8_) {
        codes(std::string(name) + ".codes", {outputs, inner});
        floats(std::string(name) + ".multiplier", {outputs});
      } else {
        floats(name, {inner, outputs});
      }
    }
    floats("experts.step", {1});
    floats("experts.bias.bias", {s.experts, s.expert_dim});
    linear("arcs.dependent", word, s.rank);
    linear("arcs.head", word, s.rank);
    linear("label.dependent", word, s.label_rank);
    linear("label.head", word, s.label_rank);
    linear("arcs.head_bias", word, 1);
    linear("arcs.hub", word, 1);
    floats("root", {word});
    floats("arcs.pair.table", {(s.tags + 1) * (s.tags + 1) * 24});
    floats("label.weight", {s.label_rank, s.labels});
    floats("label.bias", {s.labels});
    floats("label.pair", {2 * (s.tags + 1) * (s.tags + 1), s.labels});
  }

  bool small() const { return small_; }
  posmoe::Tensors tensors;

 private:
  void linear(const std::string& name, size_t inputs, size_t outputs) {
    if (int8_) {
      codes(name + ".codes", {outputs, inputs});
      floats(name + ".multiplier", {outputs});
      floats(name + ".step", {1});
    } else {
      floats(name + ".weight", {inputs, outputs});
    }
    floats(name + ".bias", {outputs});
  }

  // Elements of a shape; past kMost the network is left out.
  size_t count(const Shape& shape) {
    size_t all = 1;
    for (size_t size : shape) {
      if (size > kMost || (all *= size) > kMost) {
        small_ = false;
        return 0;
      }
    }
    return all;
  }

  void floats(const std::string& name, Shape shape) {
    const size_t n = count(shape);
    std::vector<float>& data = floats_[name];
    data.assign(n, 0.03125f);
    const uint8_t kind = input_.take<uint8_t>();
    if (kind == 1) data.assign(n, input_.take<float>());
    if (kind == 2 && n) data[input_.take<uint8_t>() % n] = input_.take<float>();
    if (kind == 3) return;  // missing
    if (kind == 4) shape.push_back(1);
    tensors[name] = {data.data(), false, std::move(shape)};
  }

  void codes(const std::string& name, const Shape& shape) {
    std::vector<int8_t>& data = codes_[name];
    data.resize(count(shape));
    const uint8_t kind = input_.take<uint8_t>();
    for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<int8_t>(static_cast<int>((i * 37 + kind) % 255) - 127);
    if (kind == 255 && !data.empty()) data.back() = -128;
    tensors[name] = {data.data(), kind != 254, shape};
  }

  bool int8_, small_ = true;
  fuzz::Input input_;
  std::map<std::string, std::vector<float>> floats_;
  std::map<std::string, std::vector<int8_t>> codes_;
};

// Sizes of a small network; now and then one is anything.
posmoe::NetworkShape shape_of(fuzz::Input& input) {
  posmoe::NetworkShape s{};
  const uint8_t flags = input.take<uint8_t>();
  s.cnn = flags & 1, s.hyperbolic = flags & 2, s.int8 = flags & 4;
  s.rows = input.within(1, 40), s.tags = input.within(1, 6), s.labels = input.within(1, 5);
  s.root = static_cast<int64_t>(input.within(0, s.labels)) - 1;
  s.lexical_dim = input.within(1, 20), s.context_dim = input.within(1, s.lexical_dim);
  s.trunk_dim = flags & 8 ? input.within(1, 20) : 0, s.trunk_layers = s.trunk_dim ? input.within(0, 2) : 0;
  s.router_dim = input.within(1, 20), s.experts = input.within(1, s.tags), s.expert_dim = input.within(1, 20);
  s.k = input.within(1, s.experts), s.expert_context_dim = input.within(1, s.expert_dim);
  s.rank = input.within(1, 18), s.left = input.within(0, 4), s.right = input.within(0, 4);
  s.hub_window = input.within(1, 12), s.hubs = input.within(0, s.hub_window), s.label_rank = input.within(1, 18);
  if (flags & 128) {
    size_t* const sizes[] = {&s.rows, &s.tags, &s.labels, &s.lexical_dim, &s.context_dim, &s.trunk_dim, &s.trunk_layers,
                             &s.router_dim, &s.experts, &s.expert_dim, &s.k, &s.expert_context_dim, &s.rank, &s.left,
                             &s.right, &s.hubs, &s.hub_window, &s.label_rank};
    *sizes[input.within(0, 17)] = input.take<uint32_t>() % 70000;
  }
  return s;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const posmoe::NetworkShape shape = shape_of(input);
  const size_t lengths[] = {input.within(0, 3), input.within(1, 30), input.within(1, 4)};
  const Bundle bundle(shape, input);
  if (!bundle.small()) return 0;
  static posmoe::Workspace space;
  std::vector<int32_t> first;
  for (const char* isa : {"plain", ""}) {
    try {
      const posmoe::Network network(shape, bundle.tensors, isa);
      std::vector<int64_t> offsets{0};
      for (size_t length : lengths) offsets.push_back(offsets.back() + static_cast<int64_t>(length));
      const size_t words = static_cast<size_t>(offsets.back());
      std::vector<int32_t> ids(words * posmoe::kFeatures), columns(3 * words);
      for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int32_t>(i * 7 % shape.rows);
      network.columns({ids.data()}, offsets.data(), 3, nullptr, columns.data(), columns.data() + words,
                      columns.data() + 2 * words, space);
      for (size_t i = 0; i < words; ++i) {
        require(columns[i] >= 0 && static_cast<size_t>(columns[i]) < shape.tags, "tags of the network");
        require(columns[words + i] >= 0 && static_cast<size_t>(columns[words + i]) <= words, "heads in the sentence");
        const int32_t label = columns[2 * words + i];
        require(label >= 0 && static_cast<size_t>(label) < shape.labels, "labels of the network");
      }
      require(first.empty() || first == columns, "the same from every instruction set");
      first = columns;
    } catch (const std::invalid_argument&) {  // DecodeError, where scores are no numbers, is one too
      require(first.empty(), "the same error from every instruction set");
    }
  }
  return 0;
}
