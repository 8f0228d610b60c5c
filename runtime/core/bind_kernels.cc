// The kernels' part of the Python extension: each for itself, for tests. Outputs are NaN before a kernel writes them.
#include "bind.h"

#include <nanobind/stl/string.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "kernels.h"
#include "word_features.h"

namespace nb = nanobind;

namespace {

using posmoe::Kernels;
using posmoe::kLanes;
using posmoe::padded;
using Vector = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Rows = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Codes = nb::ndarray<const int8_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Indices = nb::ndarray<const int32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Result = nb::ndarray<nb::numpy, float, nb::shape<-1, -1>>;

constexpr float kPoison = std::numeric_limits<float>::quiet_NaN();

// Rows with room for whole vectors behind each.
struct Room {
  size_t rows, width, stride;
  std::vector<float> data;
  Room(size_t n, size_t w) : rows(n), width(w), stride(padded(w) + kLanes), data(n * stride + kLanes, kPoison) {}
  explicit Room(const Rows& from) : Room(from.shape(0), from.shape(1)) {
    for (size_t i = 0; i < rows; ++i) std::copy_n(from.data() + i * width, width, data.data() + i * stride);
  }
  float* row(size_t i) { return data.data() + i * stride; }
  Result result() {
    std::unique_ptr<float[]> out(new float[rows * width]);
    for (size_t i = 0; i < rows; ++i) std::copy_n(row(i), width, out.get() + i * width);
    return owned<float, nb::shape<-1, -1>>(std::move(out), {rows, width});
  }
};

Result function(const Kernels& self, const std::string& name, const Rows& x) {
  const char* const names[] = {"exp", "tanh", "atanh", "erf"};
  const auto found = std::find(std::begin(names), std::end(names), name);
  if (found == std::end(names)) throw nb::value_error("expected exp, tanh, atanh or erf");
  Room out(x);
  for (size_t i = 0; i < out.rows; ++i) self.function(static_cast<int>(found - names), out.row(i), out.width);
  return out.result();
}

// What a kernel writes: floats, or codes of a step, as floats.
struct Written {
  Room out;
  std::vector<int8_t> codes;
  float inverse_step;
  Written(size_t n, size_t width, float step) : out(n, width), codes(step > 0 ? n * out.stride : 0), inverse_step(1 / step) {}
  posmoe::Rows rows() {
    return {out.row(0), out.stride, codes.empty() ? nullptr : codes.data(), inverse_step};
  }
  Result result(const Kernels& self) {
    for (size_t i = 0; i < codes.size(); ++i) {
      out.data[i] = static_cast<int8_t>(static_cast<uint8_t>(codes[i]) ^ self.flip);
    }
    return out.result();
  }
};

posmoe::Then then_of(const std::string& name) {
  if (name == "store") return posmoe::Then::store;
  if (name == "gelu") return posmoe::Then::gelu;
  if (name == "add") return posmoe::Then::add;
  throw nb::value_error("expected store, gelu or add");
}

// With "add", to ones.
Result dense(const Kernels& self, const Rows& x, const Rows& weights, const Vector& bias, const std::string& then, float step) {
  Room in(x);
  Written out(x.shape(0), weights.shape(1), step);
  const size_t wide = padded(out.out.width);
  std::vector<float> w(weights.shape(0) * wide), packed(w.size()), b(wide);
  for (size_t k = 0; k < weights.shape(0); ++k) {
    std::copy_n(weights.data() + k * weights.shape(1), weights.shape(1), &w[k * wide]);
  }
  std::copy_n(bias.data(), weights.shape(1), b.data());
  posmoe::pack(w.data(), weights.shape(0), wide, packed.data());
  const posmoe::Matrix matrix{weights.shape(0), wide, packed.data(), b.data()};
  if (then == "add") std::fill(out.out.data.begin(), out.out.data.end(), 1.0f);
  self.dense({in.row(0), in.stride}, nullptr, in.rows, matrix, then_of(then), out.rows());
  return out.result(self);
}

// The product of codes [n, inputs] and codes [outputs, inputs]; with "add", to ones.
Result dense_codes(const Kernels& self, const Codes& x, const Codes& weights, const Vector& multiplier, const Vector& bias,
                   const std::string& then, float step) {
  const size_t n = x.shape(0), inputs = x.shape(1), outputs = weights.shape(0);
  const size_t deep = (inputs + posmoe::kQuad - 1) / posmoe::kQuad * posmoe::kQuad, wide = padded(outputs);
  std::vector<int8_t> in(n * deep, -1), plain(deep * wide), packed(plain.size());  // what is added to x is no zero
  std::vector<float> m(wide), b(wide);
  std::vector<int32_t> flip(wide);
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = 0; k < inputs; ++k) {
      in[i * deep + k] = static_cast<int8_t>(static_cast<uint8_t>(x.data()[i * inputs + k]) ^ self.flip);
    }
  }
  for (size_t o = 0; o < outputs; ++o) {
    m[o] = multiplier.data()[o];
    b[o] = bias.data()[o];
    for (size_t k = 0; k < inputs; ++k) {
      plain[k * wide + o] = weights.data()[o * inputs + k];
      flip[o] -= 128 * plain[k * wide + o];
    }
  }
  posmoe::pack_codes(plain.data(), deep, wide, packed.data());
  Written out(n, outputs, step);
  if (then == "add") std::fill(out.out.data.begin(), out.out.data.end(), 1.0f);
  const posmoe::Matrix matrix{deep, wide, nullptr, b.data(), packed.data(), m.data(), flip.data()};
  self.dense({nullptr, deep, in.data()}, nullptr, n, matrix, then_of(then), out.rows());
  return out.result(self);
}

Result lookup(const Kernels& self, const Codes& codes, const Vector& scale, const Indices& ids) {
  Room out(ids.shape(0), codes.shape(1));
  self.lookup(codes.data(), scale.data(), out.width, ids.data(), out.rows, out.row(0), out.stride);
  return out.result();
}

Result rms_norm(const Kernels& self, const Rows& x, const Vector& weight, float step) {
  Room in(x);
  Written out(x.shape(0), x.shape(1), step);
  self.rms_norm(in.row(0), in.stride, in.rows, in.width, weight.data(), out.rows());
  return out.result(self);
}

Result gelu(const Kernels& self, const Rows& x, float step) {
  Room in(x);
  Written out(x.shape(0), x.shape(1), step);
  self.gelu(in.row(0), in.stride, in.rows, in.width, out.rows());
  return out.result(self);
}

Result copy(const Kernels& self, const Rows& x, float step) {
  Room in(x);
  Written out(x.shape(0), x.shape(1), step);
  self.copy(in.row(0), in.stride, in.rows, in.width, out.rows());
  return out.result(self);
}

Result sigmoid(const Kernels& self, const Rows& x) {
  Room out(x);
  self.sigmoid(out.row(0), out.stride, out.rows, out.width);
  return out.result();
}

Result recurrence(const Kernels& self, const Rows& x, const Rows& z, bool backward) {
  Room in(x), gates(z), out(x.shape(0), x.shape(1));
  const size_t first = backward ? in.rows - 1 : 0;
  std::vector<const float*> at(in.rows);
  for (size_t i = 0; i < in.rows; ++i) at[i] = gates.row(i);
  self.recurrence(in.row(first), in.stride, at.data() + first, 0, backward, in.rows, in.width, out.row(first), out.stride);
  return out.result();
}

Result convolve(const Kernels& self, const Rows& x, const Rows& weights, float step) {
  Room in(x), w(weights);
  Written out(x.shape(0), x.shape(1), step);
  self.convolve(in.row(0), in.stride, in.rows, in.width, w.row(0), w.stride, out.rows());
  return out.result(self);
}

nb::tuple route(const Kernels& self, const Rows& logits, size_t experts, size_t k) {
  Room in(logits);
  if (in.width > posmoe::kMostTags || experts > in.width || k > experts) throw nb::value_error("expected k <= experts <= tags <= 64");
  std::unique_ptr<int32_t[]> tag(new int32_t[in.rows]);
  std::unique_ptr<float[]> weight(new float[in.rows * k]);
  std::unique_ptr<uint32_t[]> index(new uint32_t[in.rows * k]);
  self.route(in.row(0), in.stride, in.rows, in.width, experts, k, tag.get(), weight.get(), index.get());
  return nb::make_tuple(owned<int32_t, nb::shape<-1>>(std::move(tag), {in.rows}),
                        owned<float, nb::shape<-1, -1>>(std::move(weight), {in.rows, k}),
                        owned<uint32_t, nb::shape<-1, -1>>(std::move(index), {in.rows, k}));
}

// silu(gate) * bias(value), with c = 0 for the Euclidean bias.
Result expert(const Kernels& self, const Rows& gate, const Rows& value, const Vector& bias, float curvature, float root) {
  Room out(gate.shape(0), gate.shape(1));
  const size_t wide = padded(out.width), n = out.rows;
  std::vector<float> gated(n * 2 * wide), b(wide), scratch(5 * padded(n), kPoison), weight(n, 1.0f);
  std::vector<uint32_t> rows(n);
  for (size_t i = 0; i < n; ++i) {
    rows[i] = static_cast<uint32_t>(i);
    std::copy_n(gate.data() + i * out.width, out.width, &gated[i * 2 * wide]);
    std::copy_n(value.data() + i * out.width, out.width, &gated[i * 2 * wide + wide]);
    std::fill_n(out.row(i), out.stride, 0.0f);  // the kernel adds to it
  }
  std::copy_n(bias.data(), out.width, b.data());
  self.mix_expert(gated.data(), 2 * wide, n, out.width, {b.data(), self.dots(b.data(), b.data(), out.width), curvature, root},
                  weight.data(), rows.data(), scratch.data(), out.row(0), out.stride);
  return out.result();
}

float dots(const Kernels& self, const Vector& a, const Vector& b) { return self.dots(a.data(), b.data(), a.shape(0)); }

}  // namespace

void bind_kernels(nb::module_& m) {
  nb::class_<Kernels>(m, "Kernels", "The network's arithmetic on one instruction set, for tests; arguments must fit.")
      .def("__init__", [](Kernels* self, const std::string& name) { new (self) Kernels(posmoe::kernels(name.c_str())); },
           nb::arg("name"))
      .def("function", &function, nb::arg("name"), nb::arg("x"), "exp, tanh, atanh or erf(x / sqrt 2) of every number.")
      .def("dots", &dots, nb::arg("a"), nb::arg("b"))
      .def("dense", &dense, nb::arg("x"), nb::arg("weights"), nb::arg("bias"), nb::arg("then") = "store",
           nb::arg("step") = 0.0f, "With a step, here and below: codes.")
      .def("dense_codes", &dense_codes, nb::arg("x"), nb::arg("weights"), nb::arg("multiplier"), nb::arg("bias"),
           nb::arg("then") = "store", nb::arg("step") = 0.0f)
      .def("lookup", &lookup, nb::arg("codes"), nb::arg("scale"), nb::arg("ids"))
      .def("rms_norm", &rms_norm, nb::arg("x"), nb::arg("weight"), nb::arg("step") = 0.0f)
      .def("gelu", &gelu, nb::arg("x"), nb::arg("step") = 0.0f)
      .def("copy", &copy, nb::arg("x"), nb::arg("step") = 0.0f)
      .def("sigmoid", &sigmoid, nb::arg("x"))
      .def("recurrence", &recurrence, nb::arg("x"), nb::arg("z"), nb::arg("backward"))
      .def("convolve", &convolve, nb::arg("x"), nb::arg("weights"), nb::arg("step") = 0.0f)
      .def("route", &route, nb::arg("logits"), nb::arg("experts"), nb::arg("k"))
      .def("expert", &expert, nb::arg("gate"), nb::arg("value"), nb::arg("bias"), nb::arg("curvature"), nb::arg("root"));
}
