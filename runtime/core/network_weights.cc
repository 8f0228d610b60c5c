#include "network_weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace posmoe {
namespace {

std::string text(const std::vector<size_t>& shape) {
  std::string result = "[";
  for (size_t size : shape) result += (result.size() > 1 ? ", " : "") + std::to_string(size);
  return result + "]";
}

constexpr size_t kMostSummed = (size_t{1} << 24) / (127 * 127);  // inputs whose products a float holds exactly

}  // namespace

// Layers side by side in one matrix, while it is put together.
struct Weights::Draft {
  size_t inputs, outputs;  // outputs is padded
  std::vector<float> bias, weights, multiplier;
  std::vector<int8_t> codes;
  float step = 0.0f;

  Draft(size_t in, size_t out, bool int8) : inputs(in), outputs(padded(out)), bias(outputs) {
    if (int8) {
      inputs = (in + kQuad - 1) / kQuad * kQuad;
      multiplier.resize(outputs);
      codes.resize(inputs * outputs);
    } else {
      weights.resize(inputs * outputs);
    }
  }
};

// What goes there: outputs `first` .. first + count of a layer's `outputs`, to `column`, times a factor.
struct Weights::Part {
  std::string name, weight, step;  // the layer, its weights as floats, the step of its input
  size_t inputs, outputs, first, count, column;
  bool bias;
  float factor = 1.0f;
};

Weights::Weights(const NetworkShape& given, const Tensors& tensors, const Kernels& kernels)
    : shape(given), tensors_(&tensors) {
  check();
  read_table();
  lexical_norm = row("lexical_norm.weight", shape.lexical_dim);
  context_norm = row("context_norm.weight", shape.context_width());
  word_norm = row("word_norm.weight", shape.word_dim());
  mix = {};
  if (shape.trunk_dim) mix = matrix("mix", shape.context_width(), shape.trunk_dim);
  for (size_t i = 0; i < shape.trunk_layers; ++i) {
    const std::string name = "trunk." + std::to_string(i);
    const size_t width = shape.trunk_dim;
    trunk.push_back({row(name + ".norm.weight", width), matrix(name + ".input", width, 2 * width),
                     matrix(name + ".output", width, width)});
  }
  read_router();
  read_experts(kernels);
  read_projections(kernels);
  read_labels();
  tensors_ = nullptr;
}

void Weights::check() const {
  const NetworkShape& s = shape;
  const auto require = [](bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(std::string("the network's constants are impossible: expected ") + what);
  };
  constexpr size_t most = size_t{1} << 16;
  for (size_t size : {s.lexical_dim, s.context_dim, s.router_dim, s.experts, s.expert_dim, s.k, s.expert_context_dim,
                      s.rank, s.hub_window, s.label_rank, s.tags, s.labels}) {
    require(size >= 1 && size <= most, "sizes from 1 to 65,536");
  }
  require(s.trunk_dim <= most && s.trunk_layers <= 1024 && (s.trunk_dim || !s.trunk_layers), "a trunk with a width");
  require(s.rows >= 1 && s.rows <= std::numeric_limits<int32_t>::max(), "rows that 31 bits can count");
  require(s.context_dim <= s.lexical_dim && s.expert_context_dim <= s.expert_dim,
          "recurrences no wider than their inputs");
  require(s.tags <= kMostTags && s.experts <= s.tags && s.k <= s.experts, "k <= experts <= tags <= 64");
  require(s.left <= 1024 && s.right <= 1024 && s.hubs <= std::min(kMostHubs, s.hub_window),
          "at most 1,024 neighbours a side, 64 hubs, and no more hubs than words in their window");
  const size_t widest = std::max({s.context_width(), s.trunk_dim, s.router_dim, s.word_dim()});
  require(!s.int8 || widest <= kMostSummed, "quantised layers of at most 1,040 inputs");
  require(s.root < static_cast<int64_t>(s.labels), "the root's relation among the labels");
}

float* Weights::floats(size_t count) {
  float* const result = memory_.take<float>(std::max<size_t>(count, 1));
  std::fill_n(result, count, 0.0f);
  return result;
}

const Tensor& Weights::find(const std::string& name, bool codes, const std::vector<size_t>& dims) const {
  const auto found = tensors_->find(name);
  const std::string kind = codes ? "int8 " : "float32 ";
  const std::string expected = "expected tensor '" + name + "' to be " + kind + text(dims);
  if (found == tensors_->end()) throw std::invalid_argument(expected + ", it is missing");
  const Tensor& tensor = found->second;
  if (tensor.codes != codes || tensor.shape != dims) {
    throw std::invalid_argument(expected + ", got " + (tensor.codes ? "int8 " : "float32 ") + text(tensor.shape));
  }
  return tensor;
}

// Codes would hide what is no number: it is refused here.
const float* Weights::tensor(const std::string& name, const std::vector<size_t>& dims) const {
  const float* const data = static_cast<const float*>(find(name, false, dims).data);
  size_t count = 1;
  for (size_t size : dims) count *= size;
  float doubt = 0.0f;  // becomes NaN where a number is not finite
  for (size_t i = 0; i < count; ++i) doubt += data[i] - data[i];
  if (doubt != 0.0f) throw std::invalid_argument("expected tensor '" + name + "' to hold finite numbers");
  return data;
}

// A layer's weights [inputs, outputs]; those of one output (or input) may lie the other way round: the bytes are equal.
const float* Weights::weight(const std::string& name, size_t inputs, size_t outputs) const {
  const auto found = tensors_->find(name);
  const std::vector<size_t> turned{outputs, inputs};
  const bool turn = (inputs == 1 || outputs == 1) && found != tensors_->end() && found->second.shape == turned;
  return tensor(name, turn ? turned : std::vector<size_t>{inputs, outputs});
}

// A row of numbers, padded with zeros.
const float* Weights::row(const std::string& name, size_t width) {
  const float* from = tensor(name, {width});
  float* const to = floats(padded(width));
  std::copy_n(from, width, to);
  return to;
}

float Weights::step(const std::string& name) const {
  const float step = *tensor(name, {1});
  if (step > 0.0f && std::isfinite(1.0f / step)) return step;
  throw std::invalid_argument("expected tensor '" + name + "' to hold a positive number, got " + std::to_string(step));
}

void Weights::put(Draft& draft, const Part& part) const {
  if (part.bias) {
    const float* from = tensor(part.name + ".bias", {part.outputs}) + part.first;
    for (size_t o = 0; o < part.count; ++o) draft.bias[part.column + o] = from[o] * part.factor;
  }
  if (shape.int8) return put_codes(draft, part);
  const float* from = weight(part.weight, part.inputs, part.outputs) + part.first;
  for (size_t k = 0; k < part.inputs; ++k) {
    float* const to = draft.weights.data() + k * draft.outputs + part.column;
    for (size_t o = 0; o < part.count; ++o) to[o] = from[k * part.outputs + o] * part.factor;
  }
}

void Weights::put_codes(Draft& draft, const Part& part) const {
  const float own = step(part.step);
  if (draft.step != 0.0f && draft.step != own) {
    throw std::invalid_argument("expected '" + part.step + "' to equal the step of the layers that read the same numbers, " +
                                std::to_string(draft.step) + ", got " + std::to_string(own));
  }
  draft.step = own;
  const float* multiplier = tensor(part.name + ".multiplier", {part.outputs}) + part.first;
  const Tensor& codes = find(part.name + ".codes", true, {part.outputs, part.inputs});
  const int8_t* from = static_cast<const int8_t*>(codes.data) + part.first * part.inputs;
  if (std::count(from, from + part.count * part.inputs, int8_t{-128})) {
    throw std::invalid_argument("expected tensor '" + part.name + ".codes' to hold -127 to 127, got -128");
  }
  for (size_t o = 0; o < part.count; ++o) {
    draft.multiplier[part.column + o] = multiplier[o] * part.factor;
    for (size_t k = 0; k < part.inputs; ++k) draft.codes[k * draft.outputs + part.column + o] = from[o * part.inputs + k];
  }
}

Matrix Weights::finished(const Draft& draft) {
  const size_t in = draft.inputs, out = draft.outputs;
  float* const bias = floats(out);
  std::copy_n(draft.bias.data(), out, bias);
  if (!shape.int8) {
    float* const weights = floats(in * out);
    pack(draft.weights.data(), in, out, weights);
    return {in, out, weights, bias};
  }
  float* const multiplier = floats(out);
  std::copy_n(draft.multiplier.data(), out, multiplier);
  int8_t* const codes = memory_.take<int8_t>(in * out);
  pack_codes(draft.codes.data(), in, out, codes);
  int32_t* const flip = memory_.take<int32_t>(out);
  std::fill_n(flip, out, 0);
  for (size_t i = 0; i < in * out; ++i) flip[i % out] -= 128 * draft.codes[i];
  return {in, out, nullptr, bias, codes, multiplier, flip, 1.0f / draft.step};
}

// A linear layer.
Matrix Weights::matrix(const std::string& name, size_t inputs, size_t outputs) {
  Draft draft(inputs, outputs, shape.int8);
  put(draft, {name, name + ".weight", name + ".step", inputs, outputs, 0, outputs, 0, true});
  return finished(draft);
}

void Weights::read_table() {
  const size_t size = shape.rows * shape.row_dim();
  const Tensor& table = find("lexicon.codes", true, {shape.rows, shape.row_dim()});
  int8_t* const copy = memory_.take<int8_t>(size);
  std::memcpy(copy, table.data, size);
  codes = copy;
  float* const scales = floats(shape.rows);
  std::copy_n(tensor("lexicon.scale", {shape.rows}), shape.rows, scales);
  scale = scales;
}

void Weights::read_router() {
  const size_t width = shape.width(), stride = padded(width);
  depthwise = nullptr;
  if (shape.cnn) {
    const float* bias = tensor("router.depthwise.bias", {width});
    const float* weights = tensor("router.depthwise.weight", {width, 1, 3});
    float* const to = floats(4 * stride);
    for (size_t c = 0; c < width; ++c) {
      to[c] = bias[c];
      for (size_t i = 0; i < 3; ++i) to[(1 + i) * stride + c] = weights[c * 3 + i];
    }
    depthwise = to;
  }
  pointwise = matrix("router.pointwise", width, shape.router_dim);
  tags = matrix("router.output", shape.router_dim, shape.tags);
}

void Weights::read_experts(const Kernels& kernels) {
  const size_t inputs = shape.expert_input(), out = shape.expert_dim, all = shape.experts * out, half = padded(out);
  const float* bias = tensor("experts.bias.bias", {shape.experts, out});
  const float curvature = shape.hyperbolic ? 1.0f / static_cast<float>(out) : 0.0f;
  for (size_t e = 0; e < shape.experts; ++e) {
    Draft draft(inputs, 2 * half, shape.int8);
    put(draft, {"experts.gate", "experts.gate", "experts.step", inputs, all, e * out, out, 0, false});
    put(draft, {"experts.value", "experts.value", "experts.step", inputs, all, e * out, out, half, false});
    experts.push_back(finished(draft));
    float* const own = floats(half);
    std::copy_n(bias + e * out, out, own);
    expert_biases.push_back({own, kernels.dots(own, own, out), curvature, std::sqrt(curvature)});
  }
  if (!shape.trunk_dim && experts[0].inverse_step != tags.inverse_step) {
    throw std::invalid_argument("expected 'experts.step' to equal 'router.output.step': they read the same numbers");
  }
}

void Weights::read_projections(const Kernels& kernels) {
  const size_t width = shape.word_dim(), rank = shape.rank, q = shape.label_rank;
  columns = {0, rank, 2 * rank + 2 * q, 2 * rank + 2 * q + 1};
  label_dependent = 2 * rank;
  label_head = label_dependent + q;
  Draft draft(width, columns.hub + 1, shape.int8);
  const auto add = [&](const std::string& name, size_t outputs, size_t column, float factor) {
    put(draft, {name, name + ".weight", name + ".step", width, outputs, 0, outputs, column, true, factor});
  };
  add("arcs.dependent", rank, columns.dependent, 1.0f / std::sqrt(static_cast<float>(rank)));
  add("arcs.head", rank, columns.head, 1.0f);
  add("label.dependent", q, label_dependent, 1.0f);
  add("label.head", q, label_head, 1.0f);
  add("arcs.head_bias", 1, columns.head_bias, 1.0f);
  add("arcs.hub", 1, columns.hub, 1.0f);
  projections = finished(draft);
  float* const projected = floats(projections.outputs);
  std::vector<float> root(width);
  std::copy_n(tensor("root", {width}), width, root.data());
  std::vector<int8_t> codes(padded(projections.inputs));
  Rows row{root.data(), codes.size()};
  if (shape.int8) {
    row = {nullptr, codes.size(), codes.data(), projections.inverse_step};
    kernels.copy(root.data(), width, 1, width, row);
  }
  kernels.dense(row, nullptr, 1, projections, Then::store, {projected, projections.outputs});
  const size_t pairs = (shape.tags + 1) * (shape.tags + 1) * 24;
  float* const pair = floats(pairs);
  std::copy_n(tensor("arcs.pair.table", {pairs}), pairs, pair);
  arcs = {rank, shape.left, shape.right, shape.hubs, shape.hub_window, shape.tags, pair,
          projected + columns.head, projected[columns.head_bias]};
  root_label = projected + label_head;
}

// Relation `root` goes to the root's child and to no other word.
void Weights::read_labels() {
  const size_t count = shape.labels, stride = padded(count), all = shape.tags + 1;
  const float* weights = weight("label.weight", shape.label_rank, count);
  const float* bias = tensor("label.bias", {count});
  const float* pair = tensor("label.pair", {2 * all * all, count});
  float *const to = floats(shape.label_rank * stride), *const table = floats(2 * all * all * stride);
  for (size_t r = 0; r < shape.label_rank; ++r) std::copy_n(weights + r * count, count, to + r * stride);
  constexpr float never = -std::numeric_limits<float>::infinity();
  for (size_t p = 0; p < 2 * all * all; ++p) {
    const bool root_head = p / 2 % all == shape.tags;
    for (size_t l = 0; l < stride; ++l) {
      const bool is_root = shape.root >= 0 && l == static_cast<size_t>(shape.root);
      const bool allowed = l < count && (shape.root < 0 || count == 1 || is_root == root_head);
      table[p * stride + l] = allowed ? bias[l] + pair[p * count + l] : never;
    }
  }
  labels = {shape.label_rank, stride, shape.tags, to, table, count};
}

}  // namespace posmoe
