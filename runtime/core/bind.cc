// The Python extension posmoe._core: all of nanobind is in this file.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "decode.h"
#include "kbest.h"
#include "partition.h"
#include "word_features.h"
#include "words.h"

#include "version.h"

namespace nb = nanobind;

namespace {

// A NumPy array that owns `data`.
template <typename T, typename Shape, size_t N>
nb::ndarray<nb::numpy, T, Shape> owned(std::unique_ptr<T[]> data, const size_t (&shape)[N]) {
  T* const raw = data.release();
  nb::capsule owner(raw, [](void* p) noexcept { delete[] static_cast<T*>(p); });
  return {raw, N, shape, owner};
}

// ---- features ----

using FeatureIds = nb::ndarray<nb::numpy, int32_t, nb::shape<-1, posmoe::kFeatures>>;
using FeatureKeys = nb::ndarray<const uint32_t, nb::shape<-1>, nb::c_contig, nb::device::cpu>;

// The UTF-8 bytes of a Python string, valid while it lives; raises TypeError, or UnicodeEncodeError for surrogates.
std::string_view utf8(nb::handle form) {
  if (!nb::isinstance<nb::str>(form)) throw nb::type_error("features: a form must be a str");
  Py_ssize_t size = 0;
  const char* bytes = PyUnicode_AsUTF8AndSize(form.ptr(), &size);
  if (bytes == nullptr) throw nb::python_error();
  return {bytes, static_cast<size_t>(size)};
}

uint32_t feature_size(const nb::dict& spec, const char* name) {
  uint32_t value = 0;
  if (!spec.contains(name)) throw nb::value_error((std::string("features: the specification lacks '") + name + "'").c_str());
  if (!nb::try_cast<uint32_t>(spec[name], value)) {
    throw nb::value_error((std::string("features: '") + name + "' must be a whole number of rows, got " +
                           nb::repr(spec[name]).c_str()).c_str());
  }
  return value;
}

void make_features(posmoe::Features* self, const nb::dict& spec, const FeatureKeys& keys) {
  if (feature_size(spec, "version") != 1) {
    throw nb::value_error((std::string("features: expected version 1, got ") + nb::repr(spec["version"]).c_str() +
                           ". Install the posmoe that the bundle was exported for, or export it again.").c_str());
  }
  const posmoe::FeatureSizes sizes{feature_size(spec, "words"),   feature_size(spec, "remainder"),
                                   feature_size(spec, "suffix2"), feature_size(spec, "suffix3"),
                                   feature_size(spec, "suffix4"), feature_size(spec, "prefix3"),
                                   feature_size(spec, "shape")};
  if (keys.shape(0) != sizes.words) {
    throw nb::value_error(("features: the specification has " + std::to_string(sizes.words) + " words, features.keys " +
                           std::to_string(keys.shape(0))).c_str());
  }
  new (self) posmoe::Features(sizes, keys.data());
}

FeatureIds words_ids(const posmoe::Features& self, const posmoe::Words& words) {
  const size_t n = words.start.size();
  std::unique_ptr<int32_t[]> out(new int32_t[n * posmoe::kFeatures]);
  {
    nb::gil_scoped_release release;
    self.ids(words, out.get());
  }
  return owned<int32_t, nb::shape<-1, posmoe::kFeatures>>(std::move(out), {n, posmoe::kFeatures});
}

FeatureIds forms_ids(const posmoe::Features& self, const nb::list& list) {
  const nb::tuple forms(list);  // keeps the strings alive whatever becomes of the list
  std::vector<std::string_view> views;
  views.reserve(forms.size());
  for (nb::handle form : forms) views.push_back(utf8(form));
  std::unique_ptr<int32_t[]> out(new int32_t[views.size() * posmoe::kFeatures]);
  {
    nb::gil_scoped_release release;
    for (size_t i = 0; i < views.size(); ++i) self.ids(views[i], out.get() + i * posmoe::kFeatures);
  }
  return owned<int32_t, nb::shape<-1, posmoe::kFeatures>>(std::move(out), {views.size(), posmoe::kFeatures});
}

nb::tuple form_hashes(const nb::str& form) {
  uint32_t h[posmoe::kFeatures];
  posmoe::hash_form(utf8(form), h);
  return nb::make_tuple(h[0], h[1], h[2], h[3], h[4], h[5]);
}

uint32_t word_hash(const nb::str& form) {
  uint32_t hashes[posmoe::kFeatures];
  posmoe::hash_form(utf8(form), hashes);
  return hashes[0];
}

void bind_features(nb::module_& m) {
  nb::class_<posmoe::Features>(m, "Features", "Words to rows of the feature table; immutable, thread-safe.")
      .def("__init__", &make_features, nb::arg("spec"), nb::arg("keys"),
           "Takes the manifest's `features` object and the tensor `features.keys`, uint32 [words].")
      .def("__call__", &words_ids, nb::arg("words"), "Rows of every word: int32 [n, 6].")
      .def("ids", &forms_ids, nb::arg("forms"), "Rows of every form of a list: int32 [n, 6].")
      .def_prop_ro("rows", &posmoe::Features::rows, "Rows of the whole table.");
  m.def("form_hashes", &form_hashes, nb::arg("form"),
        "The 32-bit hashes of word, suffix2, suffix3, suffix4, prefix3 and shape.");
  m.def("word_hash", &word_hash, nb::arg("form"), "The 32-bit hash of a form's word feature.");
}

// ---- decoding ----

using Heads = nb::ndarray<nb::numpy, int32_t, nb::shape<-1>>;
using BatchHeads = nb::ndarray<nb::numpy, int32_t, nb::shape<-1, -1>>;
template <typename T>
using Matrix = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <typename T>
using Batch = nb::ndarray<const T, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using Lengths = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

constexpr size_t kKeptMemory = size_t{16} << 20;  // what a thread keeps of a decoder's buffers between calls

// This thread's decoder; lets go of the buffers of an exceptionally long sentence.
class ThreadDecoder {
 public:
  ~ThreadDecoder() {
    if (decoder().memory() > kKeptMemory) decoder() = posmoe::Decoder();
  }
  posmoe::Decoder* operator->() { return &decoder(); }

 private:
  static posmoe::Decoder& decoder() {
    thread_local posmoe::Decoder decoder;
    return decoder;
  }
};

template <typename A, typename B>
void check_same_shape(const A& scores, const B& heads) {
  for (size_t i = 0; i < scores.ndim(); ++i) {
    if (scores.shape(i) != heads.shape(i)) throw nb::value_error("decode: scores and heads differ in shape");
  }
}

posmoe::Search search_named(std::string_view name) {
  if (name == "auto") return posmoe::Search::automatic;
  if (name == "rows") return posmoe::Search::rows;
  if (name == "heaps") return posmoe::Search::heaps;
  throw nb::value_error("decode: search must be 'auto', 'rows' or 'heaps'");
}

template <typename Head>
Heads decode(const Matrix<float>& scores, const Matrix<Head>& heads, std::string_view search) {
  check_same_shape(scores, heads);
  const posmoe::Search kind = search_named(search);
  const size_t n = scores.shape(0);
  std::unique_ptr<int32_t[]> out(new int32_t[n]);
  {
    nb::gil_scoped_release release;
    ThreadDecoder()->decode(scores.data(), heads.data(), n, scores.shape(1), out.get(), kind);
  }
  return owned<int32_t, nb::shape<-1>>(std::move(out), {n});
}

// Calls visit(sentence, words, scores, heads) for every sentence of a batch; names the sentence in errors.
template <typename Head, typename Visit>
void each_sentence(const Batch<float>& scores, const Batch<Head>& heads, const Lengths& lengths, Visit visit) {
  check_same_shape(scores, heads);
  const size_t size = scores.shape(0), length = scores.shape(1), width = scores.shape(2);
  if (lengths.shape(0) != size) throw nb::value_error("decode: lengths and scores differ in the number of sentences");
  nb::gil_scoped_release release;
  for (size_t i = 0; i < size; ++i) {
    const int64_t words = lengths.data()[i];
    if (words < 0 || static_cast<size_t>(words) > length) {
      throw std::invalid_argument("decode: sentence " + std::to_string(i) + " has length " + std::to_string(words) +
                                  " in a batch of length " + std::to_string(length));
    }
    try {
      visit(i, static_cast<size_t>(words), scores.data() + i * length * width, heads.data() + i * length * width);
    } catch (const posmoe::DecodeError& error) {
      throw posmoe::DecodeError(error.word, "sentence " + std::to_string(i) + ", " + error.what());
    }
  }
}

template <typename Head>
BatchHeads decode_batch(const Batch<float>& scores, const Batch<Head>& heads, const Lengths& lengths) {
  const size_t size = scores.shape(0), length = scores.shape(1);
  std::unique_ptr<int32_t[]> out(new int32_t[size * length]);
  std::fill_n(out.get(), size * length, -1);
  each_sentence<Head>(scores, heads, lengths, [&](size_t i, size_t words, const float* s, const Head* h) {
    ThreadDecoder()->decode(s, h, words, scores.shape(2), out.get() + i * length);
  });
  return owned<int32_t, nb::shape<-1, -1>>(std::move(out), {size, length});
}

template <typename Head>
size_t count_searches(const Batch<float>& scores, const Batch<Head>& heads, const Lengths& lengths) {
  size_t searches = 0;
  std::vector<int32_t> out(scores.shape(1));
  each_sentence<Head>(scores, heads, lengths, [&](size_t, size_t words, const float* s, const Head* h) {
    searches += ThreadDecoder()->decode(s, h, words, scores.shape(2), out.data());
  });
  return searches;
}

template <typename Head>
void bind_decode_for(nb::module_& m) {
  m.def("decode", &decode<Head>, nb::arg("scores"), nb::arg("heads"), nb::arg("search") = "auto",
        "The best tree with a single root over scored candidate heads [n, C]: int32 [n].");
  m.def("decode_batch", &decode_batch<Head>, nb::arg("scores"), nb::arg("heads"), nb::arg("lengths"),
        "The best tree of every sentence of a batch [B, T, C]: int32 [B, T], -1 past a sentence's length.");
  m.def("count_searches", &count_searches<Head>, nb::arg("scores"), nb::arg("heads"), nb::arg("lengths"),
        "How many sentences of a batch have best heads that form no tree with a single root.");
}

void bind_decode(nb::module_& m) {
  bind_decode_for<int32_t>(m);
  bind_decode_for<int64_t>(m);
}

// ---- ranked trees and probabilities ----

template <typename Head>
nb::tuple k_best(const Matrix<float>& scores, const Matrix<Head>& heads, size_t k) {
  check_same_shape(scores, heads);
  const size_t n = scores.shape(0);
  posmoe::RankedTrees ranked;
  {
    nb::gil_scoped_release release;
    posmoe::Candidates candidates;
    candidates.assign(scores.data(), heads.data(), n, scores.shape(1));
    ranked = posmoe::k_best(candidates, k);
  }
  const size_t m = ranked.scores.size();
  std::unique_ptr<int32_t[]> trees(new int32_t[m * n]);
  std::unique_ptr<double[]> totals(new double[m]);
  std::copy(ranked.heads.begin(), ranked.heads.end(), trees.get());
  std::copy(ranked.scores.begin(), ranked.scores.end(), totals.get());
  return nb::make_tuple(owned<int32_t, nb::shape<-1, -1>>(std::move(trees), {m, n}),
                        owned<double, nb::shape<-1>>(std::move(totals), {m}));
}

template <typename Head>
double log_partition(const Matrix<float>& scores, const Matrix<Head>& heads) {
  check_same_shape(scores, heads);
  nb::gil_scoped_release release;
  posmoe::Candidates candidates;
  candidates.assign(scores.data(), heads.data(), scores.shape(0), scores.shape(1));
  return posmoe::log_partition(candidates);
}

template <typename Head>
void bind_ranking_for(nb::module_& m) {
  m.def("k_best", &k_best<Head>, nb::arg("scores"), nb::arg("heads"), nb::arg("k"),
        "The k best trees with a single root, best first: heads int32 [m, n], scores float64 [m], m <= k.");
  m.def("log_partition", &log_partition<Head>, nb::arg("scores"), nb::arg("heads"),
        "The logarithm of the sum of exp(score) over all trees with a single root.");
}

void bind_ranking(nb::module_& m) {
  bind_ranking_for<int32_t>(m);
  bind_ranking_for<int64_t>(m);
}

}  // namespace

NB_MODULE(_core, m) {
  m.doc() = "The compiled core of posmoe.";
  m.attr("__version__") = posmoe::version();
  bind_features(m);
  bind_decode(m);
  bind_ranking(m);
}
