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

// Copies a matrix [inputs, outputs] into columns of a wider one.
void copy_columns(const float* from, size_t inputs, size_t outputs, size_t stride, float* to, size_t to_stride) {
  for (size_t k = 0; k < inputs; ++k) std::copy_n(from + k * stride, outputs, to + k * to_stride);
}

}  // namespace

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
  read_projections();
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

const float* Weights::tensor(const std::string& name, const std::vector<size_t>& dims) const {
  return static_cast<const float*>(find(name, false, dims).data);
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

// A matrix [inputs, padded outputs] as the kernels want it.
const float* Weights::packed(const std::vector<float>& plain, size_t inputs) {
  float* const to = floats(plain.size());
  pack(plain.data(), inputs, plain.size() / inputs, to);
  return to;
}

// A linear layer.
Matrix Weights::matrix(const std::string& name, size_t inputs, size_t outputs) {
  const float* from = weight(name + ".weight", inputs, outputs);
  std::vector<float> plain(inputs * padded(outputs));
  copy_columns(from, inputs, outputs, outputs, plain.data(), padded(outputs));
  return {inputs, padded(outputs), packed(plain, inputs), row(name + ".bias", outputs)};
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
  const float* gate = weight("experts.gate", inputs, all);
  const float* value = weight("experts.value", inputs, all);
  const float* bias = tensor("experts.bias.bias", {shape.experts, out});
  const float* const none = floats(2 * half);
  const float curvature = shape.hyperbolic ? 1.0f / static_cast<float>(out) : 0.0f;
  for (size_t e = 0; e < shape.experts; ++e) {
    std::vector<float> plain(inputs * 2 * half);
    copy_columns(gate + e * out, inputs, out, all, plain.data(), 2 * half);
    copy_columns(value + e * out, inputs, out, all, plain.data() + half, 2 * half);
    experts.push_back({inputs, 2 * half, packed(plain, inputs), none});
    float* const own = floats(half);
    std::copy_n(bias + e * out, out, own);
    expert_biases.push_back({own, kernels.dots(own, own, out), curvature, std::sqrt(curvature)});
  }
}

void Weights::read_projections() {
  const size_t width = shape.word_dim(), rank = shape.rank, q = shape.label_rank;
  columns = {0, rank, 2 * rank + 2 * q, 2 * rank + 2 * q + 1};
  label_dependent = 2 * rank;
  label_head = label_dependent + q;
  const size_t stride = padded(columns.hub + 1);
  std::vector<float> plain(width * stride);
  float *const to = plain.data(), *const bias = floats(stride);
  const auto put = [&](const std::string& name, size_t outputs, size_t column, float factor) {
    const float* from = weight(name + ".weight", width, outputs);
    const float* own = tensor(name + ".bias", {outputs});
    for (size_t o = 0; o < outputs; ++o) {
      bias[column + o] = own[o] * factor;
      for (size_t k = 0; k < width; ++k) to[k * stride + column + o] = from[k * outputs + o] * factor;
    }
  };
  put("arcs.dependent", rank, columns.dependent, 1.0f / std::sqrt(static_cast<float>(rank)));
  put("arcs.head", rank, columns.head, 1.0f);
  put("label.dependent", q, label_dependent, 1.0f);
  put("label.head", q, label_head, 1.0f);
  put("arcs.head_bias", 1, columns.head_bias, 1.0f);
  put("arcs.hub", 1, columns.hub, 1.0f);
  projections = {width, stride, packed(plain, width), bias};
  const float* root = tensor("root", {width});
  float* const projected = floats(stride);
  std::copy_n(bias, stride, projected);
  for (size_t k = 0; k < width; ++k) {
    for (size_t o = 0; o < stride; ++o) projected[o] += root[k] * to[k * stride + o];
  }
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
  copy_columns(weights, shape.label_rank, count, count, to, stride);
  constexpr float never = -std::numeric_limits<float>::infinity();
  for (size_t p = 0; p < 2 * all * all; ++p) {
    const bool root_head = p / 2 % all == shape.tags;
    for (size_t l = 0; l < stride; ++l) {
      const bool is_root = shape.root >= 0 && l == static_cast<size_t>(shape.root);
      const bool allowed = l < count && (shape.root < 0 || count == 1 || is_root == root_head);
      table[p * stride + l] = allowed ? bias[l] + pair[p * count + l] : never;
    }
  }
  labels = {shape.label_rank, stride, shape.tags, to, table};
}

}  // namespace posmoe
