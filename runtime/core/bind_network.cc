// The network's part of the Python extension.
#include "bind.h"

#include <nanobind/stl/string.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "kept.h"
#include "network.h"
#include "word_features.h"

namespace nb = nanobind;

namespace {

template <typename T, size_t N>
using Array = nb::ndarray<const T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;
template <typename T, size_t N>
using Result = nb::ndarray<nb::numpy, T, nb::ndim<N>>;

size_t size_of(const nb::dict& shape, const char* name) {
  size_t value = 0;
  if (!shape.contains(name) || !nb::try_cast<size_t>(shape[name], value)) {
    throw nb::value_error((std::string("expected the constant '") + name + "' to be a size").c_str());
  }
  return value;
}

posmoe::NetworkShape shape_of(const nb::dict& d) {
  const auto size = [&](const char* name) { return size_of(d, name); };
  posmoe::NetworkShape s{};
  s.rows = size("rows"), s.tags = size("tags"), s.labels = size("labels");
  s.root = nb::cast<int64_t>(d["root"]);
  s.lexical_dim = size("lexical_dim"), s.context_dim = size("context_dim");
  s.trunk_dim = size("trunk_dim"), s.trunk_layers = size("trunk_layers");
  s.router_dim = size("router_dim"), s.experts = size("experts"), s.expert_dim = size("expert_dim");
  s.k = size("k"), s.expert_context_dim = size("expert_context_dim");
  s.rank = size("rank"), s.left = size("left"), s.right = size("right"), s.hubs = size("hubs");
  s.hub_window = size("hub_window"), s.label_rank = size("label_rank");
  s.cnn = nb::cast<bool>(d["cnn"]), s.hyperbolic = nb::cast<bool>(d["hyperbolic"]);
  s.int8 = d.contains("int8") && nb::cast<bool>(d["int8"]);
  return s;
}

void make_network(posmoe::Network* self, const nb::dict& shape, const nb::dict& tensors, const std::string& isa,
                  size_t cache) {
  posmoe::Tensors views;
  for (auto [key, value] : tensors) {
    nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu> array;
    const std::string name = nb::cast<std::string>(key);
    if (!nb::try_cast(value, array, false) ||
        (array.dtype() != nb::dtype<float>() && array.dtype() != nb::dtype<int8_t>())) {
      throw nb::value_error(("expected tensor '" + name + "' to be float32 or int8 and contiguous").c_str());
    }
    std::vector<size_t> dims(array.ndim());
    for (size_t i = 0; i < dims.size(); ++i) dims[i] = array.shape(i);
    views[name] = {array.data(), array.dtype() == nb::dtype<int8_t>(), std::move(dims)};
  }
  new (self) posmoe::Network(shape_of(shape), views, isa.c_str(), cache);
}

template <typename T, size_t N>
std::pair<Result<T, N>, T*> filled(const size_t (&shape)[N], T value) {
  size_t count = 1;
  for (size_t size : shape) count *= size;
  std::unique_ptr<T[]> data(new T[count]);
  std::fill_n(data.get(), count, value);
  T* const raw = data.release();
  nb::capsule owner(raw, [](void* p) noexcept { delete[] static_cast<T*>(p); });
  return {Result<T, N>(raw, N, shape, owner), raw};
}

nb::tuple columns(const posmoe::Network& self, const Array<int32_t, 2>& ids, const Array<int64_t, 1>& offsets,
                  nb::object gold) {
  const size_t n = ids.shape(0);
  if (ids.shape(1) != posmoe::kFeatures) throw nb::value_error("features: expected six rows a word");
  Array<int32_t, 1> known;
  if (!gold.is_none()) {
    known = nb::cast<Array<int32_t, 1>>(gold);
    if (known.shape(0) != n) throw nb::value_error("gold: expected one tag a word");
  }
  const int64_t* at = offsets.data();
  const size_t count = offsets.shape(0);
  const bool rising = count && at[0] == 0 && std::is_sorted(at, at + count);
  if (!rising || at[count - 1] != static_cast<int64_t>(n)) {
    throw nb::value_error("offsets: expected numbers that rise from 0 to the number of words");
  }
  std::unique_ptr<int32_t[]> upos(new int32_t[n]), heads(new int32_t[n]), deprels(new int32_t[n]);
  {
    nb::gil_scoped_release release;
    posmoe::Kept<posmoe::Workspace> space;
    self.columns({ids.data()}, at, count - 1, known.data(), upos.get(), heads.get(), deprels.get(), *space);
  }
  const auto give = [n](std::unique_ptr<int32_t[]>& data) { return owned<int32_t, nb::shape<-1>>(std::move(data), {n}); };
  return nb::make_tuple(give(upos), give(heads), give(deprels));
}

nb::tuple scores(const posmoe::Network& self, const Array<int32_t, 3>& ids, const Array<int64_t, 1>& lengths) {
  const size_t batch = ids.shape(0), time = ids.shape(1), tags = self.shape().tags, q = self.shape().label_rank;
  if (ids.shape(2) != posmoe::kFeatures) throw nb::value_error("features: expected six rows a word");
  if (lengths.shape(0) != batch) throw nb::value_error("lengths: expected one a sentence");
  for (size_t i = 0; i < batch; ++i) {
    const int64_t length = lengths.data()[i];
    if (length < 0 || static_cast<size_t>(length) > time) throw nb::value_error("lengths: expected 0 to the padded length");
  }
  auto [tag_scores, tag_data] = filled<float>({batch, time, tags}, 0.0f);
  auto [arc_scores, arc_data] = filled<float>({batch, time, self.candidates()}, -1e9f);
  auto [arc_heads, head_data] = filled<int64_t>({batch, time, self.candidates()}, int64_t{-1});
  auto [dependents, dependent_data] = filled<float>({batch, time, q}, 0.0f);
  auto [label_heads, label_data] = filled<float>({batch, time + 1, q}, 0.0f);
  {
    const posmoe::ScoreArrays out{tag_data, arc_data, head_data, dependent_data, label_data};
    nb::gil_scoped_release release;
    posmoe::Kept<posmoe::Workspace> space;
    for (size_t i = 0; i < batch; ++i) {
      const size_t words = static_cast<size_t>(lengths.data()[i]);
      self.scores(ids.data() + i * time * posmoe::kFeatures, words, i, time, out, *space);
    }
  }
  return nb::make_tuple(tag_scores, arc_scores, arc_heads, dependents, label_heads);
}

}  // namespace

void bind_network(nb::module_& m) {
  nb::class_<posmoe::Network>(m, "Network", "A bundle's network; immutable, thread-safe.")
      .def("__init__", &make_network, nb::arg("shape"), nb::arg("tensors"), nb::arg("instruction_set") = "",
           nb::arg("cache") = posmoe::Network::kCache,
           "Takes sizes by name and tensors by name; copies them. Every thread keeps `cache` bytes of rows of frequent\n"
           "words. Raises ValueError.")
      .def("columns", &columns, nb::arg("features"), nb::arg("offsets"), nb::arg("gold") = nb::none(),
           "Feature rows [n, 6] and sentence offsets [S + 1] to tags, heads and relations, int32 [n] each.")
      .def("scores", &scores, nb::arg("features"), nb::arg("lengths"),
           "A padded batch [B, T, 6] to tag scores, arc scores, arc heads, label_dependent and label_head.")
      .def_prop_ro("instruction_set", &posmoe::Network::instruction_set, "plain, avx2, avxvnni, avx512 or neon.");
  m.def("instruction_set", [](const std::string& name) { return posmoe::kernels(name.c_str()).name; }, nb::arg("name") = "",
        "The instruction set of that name if this machine has it; without one, $POSMOE_ISA or the best.");
}
