// The network's arithmetic, compiled once for every instruction set; all of them give the same bits.
//
// The rules that make it so: float32; multiply and add are rounded apart (never fused); a sum over inputs starts from
// the bias and takes inputs 0, 1, 2, ... one after another; a sum over channels (`dots`) takes 16 partial sums, partial
// sum l of the channels l, l + 16, l + 32, ... in order, and adds them in pairs (l, l + 8), then (l, l + 4), (l, l + 2)
// and (0, 1). Square root and division are exact by IEEE 754; all other functions are those of kernels_math.inc.
//
// Quantised layers: a code is rint(x * inverse_step), half to even, cut to -127 .. 127. Sums of products of codes are
// integers, so their order is free; then the sum as a float (exact below 2^24) times the multiplier, plus the bias.
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

// Inputs that a quantised layer multiplies at a time: their number is rounded up to a multiple of this.
constexpr size_t kQuad = 4;

// x W + b: bias [outputs]; outputs is a multiple of kLanes, what was added is zero. The weights lie as `pack` lays them:
// for every kLanes outputs their [inputs, kLanes]. A quantised layer has codes in their place, for every kLanes outputs
// [inputs / kQuad, kLanes, kQuad], none of them -128.
struct Matrix {
  size_t inputs, outputs;
  const float *weights, *bias;
  const int8_t* codes = nullptr;
  const float* multiplier = nullptr;  // [outputs]
  const int32_t* flip = nullptr;      // [outputs]: -128 times the sum of an output's codes
  float inverse_step = 0.0f;          // of the inputs
};
static inline void pack(const float* plain, size_t inputs, size_t outputs, float* packed) {
  for (size_t column = 0; column < outputs; column += kLanes) {
    for (size_t k = 0; k < inputs; ++k) {
      for (size_t l = 0; l < kLanes; ++l) *packed++ = plain[k * outputs + column + l];
    }
  }
}

static inline void pack_codes(const int8_t* plain, size_t inputs, size_t outputs, int8_t* packed) {
  for (size_t column = 0; column < outputs; column += kLanes) {
    for (size_t k = 0; k < inputs; k += kQuad) {
      for (size_t l = 0; l < kLanes; ++l) {
        for (size_t q = 0; q < kQuad; ++q) *packed++ = plain[(k + q) * outputs + column + l];
      }
    }
  }
}

// Rows of numbers: floats, or codes for a quantised layer. Rows of codes have room for whole vectors; the kernels of an
// instruction set alone know how they keep a code in its byte.
struct Rows {
  float* floats;
  size_t stride;  // numbers from row to row
  int8_t* codes = nullptr;
  float inverse_step = 0.0f;
  Rows from(size_t row) const {
    return {codes ? nullptr : floats + row * stride, stride, codes ? codes + row * stride : nullptr, inverse_step};
  }
};

// What becomes of a layer's output y: it is stored, gelu(y) is stored, or y is added to what is there.
enum class Then { store, gelu, add };

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
  // Floats from row to row of a sentence's channels, and floats of scratch for all of them.
  size_t channel(size_t words) const { return padded(words) + left + right + 2 * kLanes; }
  size_t scratch(size_t words) const { return (2 * rank + 5) * channel(words); }
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
  size_t named;  // labels without the padding
};

struct Kernels {
  const char* name;

  // Sum of kFeatures INT8 rows a word, codes * scale, first to last.
  void (*lookup)(const int8_t* codes, const float* scale, size_t width, const int32_t* ids, size_t words, float* out,
                 size_t stride);
  // Output row i is x row rows[i] (row i where rows is null) times the matrix; codes come with a quantised matrix alone,
  // and leave with `store` and `gelu` alone.
  void (*dense)(const Rows& x, const uint32_t* rows, size_t words, const Matrix& matrix, Then then, const Rows& out);
  // out = x / sqrt(mean x^2 + 1e-6) * weight; x may be out.
  void (*rms_norm)(const float* x, size_t stride, size_t words, size_t width, const float* weight, const Rows& out);
  // x may be out.
  void (*gelu)(const float* x, size_t stride, size_t words, size_t width, const Rows& out);
  // out = x, as codes where it holds codes.
  void (*copy)(const float* x, size_t stride, size_t words, size_t width, const Rows& out);
  void (*sigmoid)(float* x, size_t stride, size_t words, size_t width);
  // h = (1 - z) h + z x, from the first row, or from the last, which the pointers then are to. Word i has its gates at
  // z[i] + column. Reads and writes whole vectors, up to kLanes - 1 floats past `width`.
  void (*recurrence)(const float* x, size_t stride, const float* const* z, size_t column, bool backward, size_t words,
                     size_t width, float* out, size_t out_stride);
  // Depthwise, over one sentence: weights [4, width] are bias, previous, this and next.
  void (*convolve)(const float* x, size_t stride, size_t words, size_t width, const float* weights, size_t row,
                   const Rows& out);
  // Best tag, and the k likeliest experts with weights that sum to 1; tag t goes to expert t mod experts.
  void (*route)(const float* logits, size_t stride, size_t words, size_t tags, size_t experts, size_t k, int32_t* tag,
                float* weight, uint32_t* index);
  // out row rows[i] += weight[i] * silu(gate) * bias(value), of rows [gate, value], each padded(width). 5 floats a word
  // of scratch, rounded up to kLanes words.
  void (*mix_expert)(const float* gated, size_t stride, size_t words, size_t width, const ExpertBias& bias,
                     const float* weight, const uint32_t* rows, float* scratch, float* out, size_t out_stride);
  // Every word's best head in a sentence, of equal ones the smaller, -1 where a score of the sentence is no finite number.
  // Where `scores` is not null, also scores and heads [words, row()]: root, words to the left and to the right, hubs, none.
  void (*arcs)(const ArcShape& shape, const ArcColumns& columns, const float* projected, size_t stride, size_t words,
               const int32_t* tags, float* scratch, float* scores, int32_t* heads, int32_t* best);
  // Best label of every word of a sentence; `root` is the root as head. Takes 2 (labels + rank) floats of scratch.
  void (*label)(const LabelShape& shape, const float* dependent, const float* head, size_t stride, const float* root,
                size_t words, const int32_t* tags, const int32_t* heads, float* scratch, int32_t* out);
  // Each function over an array: exp, tanh, atanh, erf(x / sqrt 2); for tests.
  void (*function)(int which, float* x, size_t count);
  float (*dots)(const float* a, const float* b, size_t width);
  uint8_t flip;  // a code is kept in its byte xor this
};

const Kernels* plain_kernels();
const Kernels* avx2_kernels();     // null where this binary has none
const Kernels* avxvnni_kernels();  // AVX2 with dot products of bytes
const Kernels* avx512_kernels();   // with dot products of bytes
const Kernels* neon_kernels();     // the same
const Kernels* wasm_kernels();     // 128 bits, in WebAssembly

// The kernels by name, plain, avx2, avxvnni, avx512, neon or wasm; by $POSMOE_ISA where the name is empty; else the best of this machine.
// Throws std::invalid_argument where the name is unknown, or the machine or the binary lacks that instruction set.
const Kernels& kernels(const char* name = "");

}  // namespace posmoe
