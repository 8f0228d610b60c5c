// The weights of a bundle as the kernels read them: checked, padded and joined once, at loading.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "arena.h"
#include "kernels.h"

namespace posmoe {

// A tensor of a bundle: float32, or int8 where `codes`.
struct Tensor {
  const void* data;
  bool codes;
  std::vector<size_t> shape;
};
using Tensors = std::map<std::string, Tensor>;

// The manifest's constants and counts. `root` is the index of the relation of that name, -1: there is none.
struct NetworkShape {
  size_t rows, tags, labels;
  int64_t root;
  size_t lexical_dim, context_dim, trunk_dim, trunk_layers, router_dim, experts, expert_dim, k, expert_context_dim;
  size_t rank, left, right, hubs, hub_window, label_rank;
  bool cnn, hyperbolic, int8;  // int8: layers are quantised

  size_t row_dim() const { return lexical_dim + 2 * context_dim + 2 * expert_context_dim; }
  size_t context_width() const { return lexical_dim + 2 * context_dim; }
  size_t width() const { return trunk_dim ? trunk_dim : context_width(); }
  size_t expert_input() const { return trunk_dim ? trunk_dim : router_dim; }
  size_t word_dim() const { return expert_dim + 2 * expert_context_dim; }
};

// A residual recurrent layer of the trunk.
struct TrunkLayer {
  const float* norm;
  Matrix input, output;
};

// Holds copies: nothing of the bundle is needed after construction. Immutable.
class Weights {
 public:
  // Throws std::invalid_argument where a size is impossible, or a tensor is missing or of another type or shape.
  Weights(const NetworkShape& shape, const Tensors& tensors, const Kernels& kernels);
  Weights(const Weights&) = delete;
  Weights& operator=(const Weights&) = delete;

  NetworkShape shape;
  const int8_t* codes;
  const float* scale;
  const float *lexical_norm, *context_norm, *word_norm;
  Matrix mix;
  std::vector<TrunkLayer> trunk;
  const float* depthwise;  // [4, padded(width)]: bias, then the words before, here and behind
  Matrix pointwise, tags;
  std::vector<Matrix> experts;  // gate and value side by side, each padded
  std::vector<ExpertBias> expert_biases;
  Matrix projections;  // of a word: for arcs as dependent and head, for labels as both, head bias, hub
  size_t label_dependent, label_head;  // columns of `projections`
  ArcColumns columns;
  ArcShape arcs;
  LabelShape labels;
  const float* root_label;  // [label_rank]: the root as head

 private:
  struct Draft;
  struct Part;

  float* floats(size_t count);  // zeros
  const Tensor& find(const std::string& name, bool codes, const std::vector<size_t>& dims) const;
  const float* tensor(const std::string& name, const std::vector<size_t>& dims) const;
  const float* weight(const std::string& name, size_t inputs, size_t outputs) const;
  const float* row(const std::string& name, size_t width);
  float step(const std::string& name) const;
  void put(Draft& draft, const Part& part) const;
  void put_codes(Draft& draft, const Part& part) const;
  Matrix finished(const Draft& draft);
  Matrix matrix(const std::string& name, size_t inputs, size_t outputs);
  void check() const;
  void read_table();
  void read_router();
  void read_experts(const Kernels& kernels);
  void read_projections(const Kernels& kernels);
  void read_labels();

  Arena memory_;
  const Tensors* tensors_;  // during construction
};

}  // namespace posmoe
