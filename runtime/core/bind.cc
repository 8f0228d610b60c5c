// The Python extension posmoe._core: all of nanobind is in this file.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

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

}  // namespace

NB_MODULE(_core, m) {
  m.doc() = "The compiled core of posmoe.";
  m.attr("__version__") = posmoe::version();
  bind_features(m);
}
