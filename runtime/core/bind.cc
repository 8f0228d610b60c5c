// The Python extension posmoe._core: nanobind is in bind*.cc alone.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "bind.h"
#include "characters.h"
#include "point_words.h"
#include "tokenizer.h"
#include "version.h"
#include "word_features.h"
#include "words.h"

namespace nb = nanobind;
using posmoe::PointWords;
using namespace nb::literals;

namespace {

// ---- Tokenizer ----

// The value of a specification's entry, or an error that names the entry.
template <typename T>
T value_of(nb::handle value, const char* key) {
  try {
    if (!std::is_same_v<T, bool> && nb::isinstance<nb::bool_>(value)) throw nb::cast_error();  // no number, no list
    return nb::cast<T>(value);
  } catch (const nb::cast_error&) {
    throw nb::value_error((std::string("the tokeniser's specification has a wrong value for '") + key + "'").c_str());
  }
}

template <typename T>
T field(const nb::dict& spec, const char* key) {
  if (!spec.contains(key)) throw nb::value_error((std::string("the tokeniser's specification lacks '") + key + "'").c_str());
  return value_of<T>(spec[key], key);
}

std::vector<posmoe::SplitRule> split_rules(const nb::dict& spec, const char* key) {
  std::vector<posmoe::SplitRule> rules;
  for (auto [form, words] : field<nb::dict>(spec, key)) {
    rules.emplace_back(value_of<std::string>(form, key), value_of<std::vector<std::string>>(words, key));
  }
  return rules;
}

posmoe::LinearSpec linear_spec(const nb::dict& spec, const char* key, size_t features) {
  const nb::dict table = field<nb::dict>(field<nb::dict>(spec, "tables"), key);
  const size_t given = field<size_t>(table, "features");
  if (given != features) {
    const std::string message = std::string("the tokeniser's table '") + key + "' was trained on " + std::to_string(given) +
                                " features, this version has " + std::to_string(features) + ": train it again";
    throw nb::value_error(message.c_str());
  }
  return {field<uint32_t>(table, "size"), field<int32_t>(table, "bias")};
}

posmoe::TokenizerSpec tokenizer_spec(const nb::dict& spec) {
  posmoe::TokenizerSpec result;
  result.max_sentence = field<uint32_t>(spec, "max_sentence");
  result.grouped_digits = field<bool>(spec, "grouped_digits");
  result.abbreviations = field<std::vector<std::string>>(spec, "abbreviations");
  result.endings = field<std::vector<std::string>>(spec, "endings");
  result.multiwords = split_rules(spec, "multiwords");
  result.ambiguous = split_rules(spec, "ambiguous");
  result.suffixes = split_rules(spec, "suffixes");
  result.closed = field<std::vector<uint32_t>>(spec, "closed");
  result.cut = linear_spec(spec, "cut", posmoe::kCutFeatures);
  result.multiword = linear_spec(spec, "multiword", posmoe::kMultiwordFeatures);
  result.boundary = linear_spec(spec, "boundary", posmoe::kBoundaryFeatures);
  return result;
}

using Weights = nb::ndarray<const int8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

std::vector<int8_t> copied(const Weights& weights) { return {weights.data(), weights.data() + weights.size()}; }

// A vector as a new NumPy array, [rows] or [rows, columns].
template <typename T>
nb::object array(std::vector<T> values, size_t columns = 0) {
  auto* kept = new std::vector<T>(std::move(values));
  nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  if (columns == 0) return nb::cast(nb::ndarray<nb::numpy, T, nb::ndim<1>>(kept->data(), {kept->size()}, owner));
  return nb::cast(nb::ndarray<nb::numpy, T, nb::ndim<2>>(kept->data(), {kept->size() / columns, columns}, owner));
}

// The guide by code points spread to bytes (of a character, its first).
std::vector<uint8_t> guide_of(const std::string& text, const nb::ndarray<const uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>& points) {
  std::vector<uint8_t> guide(text.size(), 0);
  size_t point = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) continue;
    if (point < points.size()) guide[at] = points.data()[point];
    ++point;
  }
  if (point != points.size()) throw nb::value_error("the guide needs one value for every code point of the text");
  return guide;
}

void bind_tokenizer(nb::module_& m) {
  using posmoe::Tokenizer;
  m.def("character", [](uint32_t point) {
        if (point > 0x10FFFF) throw nb::value_error("a code point is at most 0x10FFFF");
        return nb::make_tuple(static_cast<uint32_t>(posmoe::char_class(point)), posmoe::fold(point));
      }, "point"_a, "The class (see docs/tokenizer.md) and the folded form of a code point.");
  nb::class_<Tokenizer>(m, "Tokenizer", "Raw text to Words by a specification (see docs/tokenizer.md) and its weights.")
      .def("__init__", [](Tokenizer* self, const nb::dict& spec, const Weights& weights) {
            new (self) Tokenizer(tokenizer_spec(spec), copied(weights));
          }, "spec"_a, "weights"_a)
      .def("__call__", [](const Tokenizer& self, nb::handle text, bool lines) {
            std::string utf8 = utf8_of(text);
            nb::gil_scoped_release released;
            return std::make_unique<PointWords>(self(std::move(utf8), lines));
          }, "text"_a, "lines"_a = false, "The text's words; with `lines` every line is one sentence.")
      .def("follow", [](const Tokenizer& self, nb::handle text,
                        const nb::ndarray<const uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>& guide) {
            const std::string utf8 = utf8_of(text);
            const std::vector<uint8_t> bytes = guide_of(utf8, guide);
            posmoe::Lessons lessons;
            {
              nb::gil_scoped_release released;
              lessons = self.follow(utf8, bytes);
            }
            nb::dict result;
            const auto put = [&](const char* key, posmoe::Examples& examples, size_t columns) {
              result[key] = nb::make_tuple(array(std::move(examples.features), columns), array(std::move(examples.answers)));
            };
            put("cut", lessons.cut, posmoe::kCutFeatures);
            put("multiword", lessons.multiword, posmoe::kMultiwordFeatures);
            put("boundary", lessons.boundary, posmoe::kBoundaryFeatures);
            return nb::make_tuple(result, array(std::move(lessons.places)));
          }, "text"_a, "guide"_a,
          "Follow gold decisions: per code point, 1 a token starts, 2 a sentence starts, 4 the token is a multiword.\n\n"
          "Returns (for cut, multiword and boundary the features (slots) and answers of every open decision,\n"
          "the kinds of the boundary decisions' places).");
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
  if (nb::isinstance<nb::bool_>(spec[name]) || !nb::try_cast<uint32_t>(spec[name], value)) {
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

FeatureIds words_ids(const posmoe::Features& self, const PointWords& given) {
  const posmoe::Words& words = given.words;
  const size_t n = words.size();
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
  bind_words(m);
  bind_tokenizer(m);
  bind_features(m);
  bind_analysis(m);
  bind_gather(m);
  bind_decode(m);
  bind_ranking(m);
  bind_network(m);
  bind_kernels(m);
}
