#include "network.h"

#include <algorithm>

namespace posmoe {

void Network::recurrences(const Block& block, const float* forward, const float* backward, size_t stride,
                          const float* const* z, size_t column, size_t ahead, size_t behind, float* out,
                          size_t out_stride) const {
  for (size_t s = 0; s < block.sentences; ++s) {
    const size_t begin = static_cast<size_t>(block.offsets[s] - block.offsets[0]);
    const size_t words = static_cast<size_t>(block.offsets[s + 1] - block.offsets[s]);
    if (words == 0) continue;
    const size_t last = begin + words - 1;
    // forward first: what it writes past its channels, the backward one writes anew
    kernels_.recurrence(forward + begin * stride, stride, z + begin, column, false, words, ahead, out + begin * out_stride,
                        out_stride);
    kernels_.recurrence(backward + last * stride, stride, z + last, column + ahead, true, words, behind,
                        out + last * out_stride + ahead, out_stride);
  }
}

Rows Network::input(const Matrix& next, float* x, size_t stride, size_t words, size_t width, Arena& arena) const {
  if (!next.codes) return {x, stride};
  const size_t row = padded(width);
  return {nullptr, row, arena.take<int8_t>(words * row), next.inverse_step};
}

void Network::trunk(const Block& block, float* x, size_t stride, Workspace& space) const {
  Arena& arena = space.arena;
  const size_t width = weights_.shape.trunk_dim, n = block.words, ahead = (width + 1) / 2;
  const size_t wide = padded(2 * width) + kLanes;
  float* const state = arena.take<float>(n * stride);
  float* const inner = arena.take<float>(n * wide + kLanes);
  const float** const z = arena.take<const float*>(n);
  for (size_t i = 0; i < n; ++i) z[i] = inner + i * wide;
  Rows room = input(weights_.trunk[0].input, state, stride, n, width, arena);
  for (const TrunkLayer& layer : weights_.trunk) {
    room.inverse_step = layer.input.inverse_step;
    kernels_.rms_norm(x, stride, n, width, layer.norm, room);
    kernels_.dense(room, nullptr, n, layer.input, Then::store, {inner, wide});
    space.clock.mark(Stage::dense);
    kernels_.sigmoid(inner + width, wide, n, width);
    recurrences(block, inner, inner + ahead, wide, z, width, ahead, width - ahead, state, stride);
    space.clock.mark(Stage::recurrences);
    room.inverse_step = layer.output.inverse_step;
    kernels_.gelu(state, stride, n, width, room);
    kernels_.dense(room, nullptr, n, layer.output, Then::add, {x, stride});
  }
}

void Network::mix_experts(const Rows& x, size_t n, const float* weight, const uint32_t* index, float* out,
                          size_t out_stride, Arena& arena) const {
  const NetworkShape& s = weights_.shape;
  const size_t pairs = n * s.k;
  uint32_t* const begin = arena.take<uint32_t>(s.experts + 2);
  std::fill_n(begin, s.experts + 2, 0u);
  for (size_t p = 0; p < pairs; ++p) ++begin[index[p] + 2];
  for (size_t e = 2; e < s.experts + 2; ++e) begin[e] += begin[e - 1];
  uint32_t* const rows = arena.take<uint32_t>(pairs);  // words by expert
  float* const weights = arena.take<float>(pairs);
  for (size_t p = 0; p < pairs; ++p) {
    const uint32_t place = begin[index[p] + 1]++;
    rows[place] = static_cast<uint32_t>(p / s.k);
    weights[place] = weight[p];
  }
  size_t most = 0;
  for (size_t e = 0; e < s.experts; ++e) most = std::max<size_t>(most, begin[e + 1] - begin[e]);
  const size_t width = weights_.experts[0].outputs;
  float* const gated = arena.take<float>(most * width);
  float* const scratch = arena.take<float>(5 * padded(most));
  for (size_t i = 0; i < n; ++i) std::fill_n(out + i * out_stride, padded(s.expert_dim), 0.0f);
  for (size_t e = 0; e < s.experts; ++e) {
    const size_t count = begin[e + 1] - begin[e];
    if (count == 0) continue;
    kernels_.dense(x, rows + begin[e], count, weights_.experts[e], Then::store, {gated, width});
    kernels_.mix_expert(gated, width, count, s.expert_dim, weights_.expert_biases[e], weights + begin[e],
                        rows + begin[e], scratch, out, out_stride);
  }
}

void Network::route(Block& block, size_t begin, size_t count, const Rows& seen, float* x, size_t stride, float* words,
                    size_t word, Arena& arena) const {
  const NetworkShape& s = weights_.shape;
  const size_t hidden_stride = padded(s.router_dim);
  float* const plain = weights_.tags.codes ? nullptr : arena.take<float>(count * hidden_stride);
  const Rows hidden = input(weights_.tags, plain, hidden_stride, count, s.router_dim, arena);
  kernels_.dense(seen, nullptr, count, weights_.pointwise, Then::gelu, hidden);
  float* const logits = block.logits + begin * block.logits_stride;
  kernels_.dense(hidden, nullptr, count, weights_.tags, Then::store, {logits, block.logits_stride});
  float* const weight = arena.take<float>(count * s.k);
  uint32_t* const index = arena.take<uint32_t>(count * s.k);
  kernels_.route(logits, block.logits_stride, count, s.tags, s.experts, s.k, block.tags + begin, weight, index);
  Rows given = hidden;
  if (s.trunk_dim) {
    given = input(weights_.experts[0], x, stride, count, s.trunk_dim, arena);
    if (given.codes) kernels_.copy(x, stride, count, s.trunk_dim, given);
  }
  mix_experts(given, count, weight, index, words, word, arena);
}

void Network::run(Block& block, Workspace& space) const {
  Arena& arena = space.arena;
  const NetworkShape& s = weights_.shape;
  const size_t n = block.words;
  // of every word a row of lexical channels, gates of the first recurrence, gates of the second
  const float** const rows = arena.take<const float*>(n);
  size_t stride = roomy(s.context_width());
  float* x = arena.take<float>(n * stride + kLanes);
  look_up(block.given, n, x, stride, rows, space);
  // context
  recurrences(block, x, x + s.lexical_dim - s.context_dim, stride, rows, s.lexical_dim, s.context_dim,
              s.context_dim, x + s.lexical_dim, stride);
  space.clock.mark(Stage::recurrences);
  // trunk
  if (s.trunk_dim) {
    const Rows normed = input(weights_.mix, x, stride, n, s.context_width(), arena);
    kernels_.rms_norm(x, stride, n, s.context_width(), weights_.context_norm, normed);
    stride = roomy(s.trunk_dim);
    float* const mixed = arena.take<float>(n * stride + kLanes);
    kernels_.dense(normed, nullptr, n, weights_.mix, Then::gelu, {mixed, stride});
    x = mixed;
    if (s.trunk_layers) trunk(block, x, stride, space);
  } else {
    kernels_.rms_norm(x, stride, n, s.context_width(), weights_.context_norm, {x, stride});
  }
  // router
  Rows seen{x, stride};
  if (s.cnn) {
    float* const convolved = weights_.pointwise.codes ? nullptr : arena.take<float>(n * stride);
    seen = input(weights_.pointwise, convolved, stride, n, s.width(), arena);
    for (size_t i = 0; i < block.sentences; ++i) {
      const size_t begin = static_cast<size_t>(block.offsets[i] - block.offsets[0]);
      const size_t words = static_cast<size_t>(block.offsets[i + 1] - block.offsets[i]);
      if (words == 0) continue;
      kernels_.convolve(x + begin * stride, stride, words, s.width(), weights_.depthwise, padded(s.width()),
                        seen.from(begin));
    }
  } else if (weights_.pointwise.codes) {
    seen = input(weights_.pointwise, x, stride, n, s.width(), arena);
    kernels_.copy(x, stride, n, s.width(), seen);
  }
  // tags and experts, some words after others, whose numbers stay in the cache
  block.logits_stride = weights_.tags.outputs;
  block.logits = arena.take<float>(n * block.logits_stride);
  block.tags = arena.take<int32_t>(n);
  const size_t word = roomy(std::max(padded(s.expert_dim), s.word_dim()));
  float* const words = arena.take<float>(n * word + kLanes);
  for (size_t begin = 0; begin < n; begin += kBlock) {
    const Arena::Mark mark = arena.mark();
    const size_t count = std::min(kBlock, n - begin);
    route(block, begin, count, seen.from(begin), x + begin * stride, stride, words + begin * word, word, arena);
    arena.rewind(mark);
  }
  space.clock.mark(Stage::dense);
  recurrences(block, words, words + s.expert_dim - s.expert_context_dim, word, rows, s.context_width(),
              s.expert_context_dim, s.expert_context_dim, words + s.expert_dim, word);
  const Rows known = input(weights_.projections, words, word, n, s.word_dim(), arena);
  kernels_.rms_norm(words, word, n, s.word_dim(), weights_.word_norm, known);
  space.clock.mark(Stage::recurrences);
  block.stride = weights_.projections.outputs;
  block.projected = arena.take<float>(n * block.stride);
  kernels_.dense(known, nullptr, n, weights_.projections, Then::store, {block.projected, block.stride});
  space.clock.mark(Stage::dense);
}

void Network::scores(const int32_t* ids, size_t words, size_t row, size_t time, const ScoreArrays& out,
                     Workspace& space) const {
  const NetworkShape& s = weights_.shape;
  const size_t width = candidates(), q = s.label_rank;
  const int64_t offsets[2] = {0, static_cast<int64_t>(words)};
  Block block{{ids}, offsets, 1, words, nullptr, 0, nullptr, nullptr, 0};
  space.arena.reset();
  run(block, space);
  float* const scratch = space.arena.take<float>(weights_.arcs.scratch(words));
  const size_t stride = weights_.arcs.row();
  float* const scores = space.arena.take<float>(words * stride);
  int32_t* const heads = space.arena.take<int32_t>(words * stride);
  int32_t* const best = space.arena.take<int32_t>(words);
  kernels_.arcs(weights_.arcs, weights_.columns, block.projected, block.stride, words, block.tags, scratch, scores, heads,
                best);
  std::copy_n(weights_.root_label, q, out.label_heads + row * (time + 1) * q);
  for (size_t i = 0; i < words; ++i) {
    const float* from = block.projected + i * block.stride;
    std::copy_n(scores + i * stride, width, out.arcs + (row * time + i) * width);
    std::copy_n(heads + i * stride, width, out.heads + (row * time + i) * width);
    std::copy_n(block.logits + i * block.logits_stride, s.tags, out.tags + (row * time + i) * s.tags);
    std::copy_n(from + weights_.label_dependent, q, out.dependents + (row * time + i) * q);
    std::copy_n(from + weights_.label_head, q, out.label_heads + (row * (time + 1) + i + 1) * q);
  }
}

}  // namespace posmoe
