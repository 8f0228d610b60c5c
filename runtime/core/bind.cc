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
#include <vector>

#include "bind.h"
#include "bind_words.h"
#include "characters.h"
#include "tokenizer.h"
#include "utf8.h"
#include "version.h"
#include "word_features.h"
#include "words.h"

namespace nb = nanobind;
using posmoe::PyWords;
using namespace nb::literals;

std::string utf8_of(nb::handle text) {
  if (PyBytes_Check(text.ptr())) {
    return posmoe::repair(std::string_view(PyBytes_AS_STRING(text.ptr()), static_cast<size_t>(PyBytes_GET_SIZE(text.ptr()))));
  }
  if (!PyUnicode_Check(text.ptr())) throw nb::type_error("text must be str or bytes");
  Py_ssize_t size = 0;
  const char* data = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
  if (data != nullptr) return std::string(data, static_cast<size_t>(size));
  PyErr_Clear();  // lone surrogates
  nb::object bytes = nb::steal(PyUnicode_AsEncodedString(text.ptr(), "utf-8", "surrogatepass"));
  if (!bytes.is_valid()) throw nb::python_error();
  std::string result(PyBytes_AS_STRING(bytes.ptr()), static_cast<size_t>(PyBytes_GET_SIZE(bytes.ptr())));
  posmoe::replace_surrogates(result);
  return result;
}

namespace {

// ---- Words ----

// A read-only NumPy array over a vector that `owner` keeps alive.
template <typename T>
nb::ndarray<nb::numpy, const T, nb::ndim<1>> column(const std::vector<T>& values, nb::handle owner) {
  return nb::ndarray<nb::numpy, const T, nb::ndim<1>>(values.data(), {values.size()}, owner);
}

using Given = std::vector<std::vector<posmoe::GivenToken>>;

// A sentence or token list given by the caller, refused if it is a plain string.
nb::sequence list_of(nb::handle object, const char* what) {
  if (nb::isinstance<nb::str>(object) || nb::isinstance<nb::bytes>(object) || !nb::isinstance<nb::sequence>(object)) {
    throw nb::type_error(what);
  }
  return nb::cast<nb::sequence>(object);
}

Given given_forms(nb::handle sentences) {
  Given given;
  for (nb::handle sentence : list_of(sentences, "sentences must be a list of lists of str")) {
    auto& tokens = given.emplace_back();
    for (nb::handle form : list_of(sentence, "a sentence must be a list of str")) tokens.push_back({utf8_of(form), {}, true});
  }
  return given;
}

Given given_tokens(nb::handle sentences) {
  Given given;
  for (nb::handle sentence : list_of(sentences, "sentences must be a list of lists of tokens")) {
    auto& tokens = given.emplace_back();
    for (nb::handle token : list_of(sentence, "a sentence must be a list of (form, words, space_after)")) {
      nb::sequence parts = list_of(token, "a token must be (form, words, space_after)");
      if (nb::len(parts) != 3) throw nb::value_error("a token must be (form, words, space_after)");
      posmoe::GivenToken one{utf8_of(parts[0]), {}, nb::cast<bool>(parts[2])};
      for (nb::handle word : list_of(parts[1], "a token's words must be a list of str")) one.words.push_back(utf8_of(word));
      tokens.push_back(std::move(one));
    }
  }
  return given;
}

std::unique_ptr<PyWords> words_from(Given given) {
  nb::gil_scoped_release released;
  return std::make_unique<PyWords>(posmoe::Words::from_tokens(given));
}

nb::str form_of(const PyWords& self, Py_ssize_t i) {
  const Py_ssize_t n = static_cast<Py_ssize_t>(self.words.size());
  if (i < -n || i >= n) throw nb::index_error("word index out of range");
  const std::string_view form = self.words.word(static_cast<size_t>(i < 0 ? i + n : i));
  return nb::str(form.data(), form.size());
}

void bind_words(nb::module_& m) {
  const auto shared = [](auto member, auto points) {  // a column: the words' own, or that in code points
    return [member, points](nb::handle_t<PyWords> self) {
      const PyWords& all = nb::cast<const PyWords&>(self);
      return column(all.ascii ? all.words.*member : all.*points, self);
    };
  };
  const auto own = [](auto member) {
    return [member](nb::handle_t<PyWords> self) { return column(nb::cast<const PyWords&>(self).words.*member, self); };
  };
  using W = posmoe::Words;
  nb::class_<PyWords>(m, "Words", "A text cut into tokens, words and sentences. Offsets are code points of `text`.")
      .def_prop_ro("text", [](const PyWords& self) { return nb::str(self.words.text.data(), self.words.text.size()); })
      .def_prop_ro("start", shared(&W::start, &PyWords::start))
      .def_prop_ro("end", shared(&W::end, &PyWords::end))
      .def_prop_ro("token", own(&W::token))
      .def_prop_ro("token_start", shared(&W::token_start, &PyWords::token_start))
      .def_prop_ro("token_end", shared(&W::token_end, &PyWords::token_end))
      .def_prop_ro("space_after", own(&W::space_after))
      .def_prop_ro("sentences", own(&W::sentence))
      .def_prop_ro("split", own(&W::split))
      .def("form", &form_of, "i"_a, "The form of word i.")
      .def("forms", [](const PyWords& self) {
            nb::list forms;
            for (size_t i = 0; i < self.words.size(); ++i) {
              const std::string_view form = self.words.word(i);
              forms.append(nb::str(form.data(), form.size()));
            }
            return forms;
          }, "The forms of all words.")
      .def("__len__", [](const PyWords& self) { return self.words.size(); })
      .def("__getstate__", [](const PyWords& self) { return posmoe::state_of(self.words); })
      .def("__setstate__", [](PyWords& self, const nb::tuple& state) { new (&self) PyWords(posmoe::words_of(state)); })
      .def_static("from_sentences", [](nb::handle sentences) { return words_from(given_forms(sentences)); }, "sentences"_a,
                  "Words of pretokenised sentences: lists of forms.")
      .def_static("from_tokens", [](nb::handle sentences) { return words_from(given_tokens(sentences)); }, "sentences"_a,
                  "Words of pretokenised sentences: lists of (surface form, its words, space after).");
}

// ---- Tokenizer ----

// The value of a specification's entry, or an error that names the entry.
template <typename T>
T value_of(nb::handle value, const char* key) {
  try {
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
            return std::make_unique<PyWords>(self(std::move(utf8), lines));
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

FeatureIds words_ids(const posmoe::Features& self, const PyWords& given) {
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
  bind_decode(m);
  bind_ranking(m);
  bind_network(m);
  bind_kernels(m);
  bind_parse(m);
}
