// The network's arithmetic, compiled once for every instruction set; all of them give the same bits.
//
// The rules that make it so: float32; multiply and add are rounded apart (never fused); a sum over inputs starts from
// the bias and takes inputs 0, 1, 2, ... one after another; a sum over channels (`dots`) takes 16 partial sums, partial
// sum l of the channels l, l + 16, l + 32, ... in order, and adds them in pairs (l, l + 8), then (l, l + 4), (l, l + 2)
// and (0, 1). Square root and division are exact by IEEE 754; all other functions are those of kernels_math.inc.
//
// Rows of numbers lie `stride` floats apart. Nothing is allocated; no pointer needs more alignment than its type.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace posmoe {

// Widths of matrices and rows are rounded up to a multiple of this.
constexpr size_t kLanes = 16;
constexpr size_t kMostTags = 64, kMostHubs = 64;
constexpr size_t padded(size_t width) { return (width + kLanes - 1) / kLanes * kLanes; }

// x W + b: bias [outputs]; outputs is a multiple of kLanes, what was added is zero. The weights lie as `pack` lays them:
// for every kLanes outputs their [inputs, kLanes].
struct Matrix {
  size_t inputs, outputs;
  const float *weights, *bias;
};
static inline void pack(const float* plain, size_t inputs, size_t outputs, float* packed) {
  for (size_t column = 0; column < outputs; column += kLanes) {
    for (size_t k = 0; k < inputs; ++k) {
      for (size_t l = 0; l < kLanes; ++l) *packed++ = plain[k * outputs + column + l];
    }
  }
}

// Möbius bias b of one expert on the ball of curvature -c; c = 0: v + b.
struct ExpertBias {
  const float* bias;  // [padded(width)]
  float square;       // |b|^2 by `dots`
  float curvature, root;  // c and its square root
};

// Which heads a word may have, and what their scores are made of.
struct ArcShape {
  size_t rank, left, right, hubs, window, tags;
  const float* pair;  // [tags + 1, tags + 1, 24]
  const float* root;  // [rank]: the root as a head
  float root_bias;
  size_t candidates() const { return 1 + left + right + hubs; }
  size_t row() const { return padded(candidates()); }
  // Floats of scratch for a sentence.
  size_t scratch(size_t words) const {
    return (2 * rank + 2 + candidates()) * (padded(words) + left + right + 2 * kLanes);
  }
};

// Where a sentence's arc projections lie in the rows of a matrix product: columns of each.
struct ArcColumns {
  size_t dependent, head, head_bias, hub;
};

// relu(d + h) W + pair: weights [rank, labels], pair [.., labels] with the bias added; labels is padded, and what was
// added is -inf in `pair`.
struct LabelShape {
  size_t rank, labels, tags;
  const float *weights, *pair;
};

struct Kernels {
  const char* name;

  // Sum of kFeatures INT8 rows a word, codes * scale, first to last.
  void (*lookup)(const int8_t* codes, const float* scale, size_t width, const int32_t* ids, size_t words, float* out,
                 size_t stride);
  // out row i = x row rows[i] (row i where rows is null) times the matrix.
  void (*dense)(const float* x, size_t stride, const uint32_t* rows, size_t words, const Matrix& matrix, float* out,
                size_t out_stride);
  // out = x / sqrt(mean x^2 + 1e-6) * weight; x may be out.
  void (*rms_norm)(const float* x, size_t stride, size_t words, size_t width, const float* weight, float* out,
                   size_t out_stride);
  void (*gelu)(float* x, size_t stride, size_t words, size_t width);
  void (*sigmoid)(float* x, size_t stride, size_t words, size_t width);
  // h = (1 - z) h + z x, from the first row; strides are negative to go from the last. Reads and writes whole vectors,
  // up to kLanes - 1 floats past `width`.
  void (*recurrence)(const float* x, ptrdiff_t stride, const float* z, ptrdiff_t z_stride, size_t words, size_t width,
                     float* out, ptrdiff_t out_stride);
  // Depthwise, over one sentence: weights [4, width] are bias, previous, this and next.
  void (*convolve)(const float* x, size_t stride, size_t words, size_t width, const float* weights, size_t row,
                   float* out, size_t out_stride);
  // Best tag, and the k likeliest experts with weights that sum to 1; tag t goes to expert t mod experts.
  void (*route)(const float* logits, size_t stride, size_t words, size_t tags, size_t experts, size_t k, int32_t* tag,
                float* weight, uint32_t* index);
  // out row rows[i] += weight[i] * silu(gate) * bias(value), of rows [gate, value], each padded(width). 5 floats a word
  // of scratch, rounded up to kLanes words.
  void (*mix_expert)(const float* gated, size_t stride, size_t words, size_t width, const ExpertBias& bias,
                     const float* weight, const uint32_t* rows, float* scratch, float* out, size_t out_stride);
  // Scores and heads [words, row()] of a sentence: root, words to the left and to the right, hubs, none; and every word's
  // best head, of equal ones the smaller, -1 where a score of the sentence is no finite number.
  void (*arcs)(const ArcShape& shape, const ArcColumns& columns, const float* projected, size_t stride, size_t words,
               const int32_t* tags, float* scratch, float* scores, int32_t* heads, int32_t* best);
  // Best label of every word of a sentence; `root` is the root as head. Takes labels + rank floats of scratch.
  void (*label)(const LabelShape& shape, const float* dependent, const float* head, size_t stride, const float* root,
                size_t words, const int32_t* tags, const int32_t* heads, float* scratch, int32_t* out);
  // Each function over an array: exp, tanh, atanh, erf(x / sqrt 2); for tests.
  void (*function)(int which, float* x, size_t count);
  float (*dots)(const float* a, const float* b, size_t width);
};

const Kernels* plain_kernels();
const Kernels* avx2_kernels();    // null where this binary has none
const Kernels* avx512_kernels();

// The kernels by name, plain, avx2 or avx512; by $POSMOE_ISA where the name is empty; else the best of this machine.
// Throws std::invalid_argument where the name is unknown, or the machine or the binary lacks that instruction set.
const Kernels& kernels(const char* name = "");

}  // namespace posmoe
