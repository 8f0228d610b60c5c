// Words in Python: columns of a text, made by the tokeniser, from given tokens, or from a pickled state.
#include <nanobind/stl/unique_ptr.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "bind.h"
#include "point_words.h"
#include "utf8.h"

namespace nb = nanobind;
using namespace nb::literals;
using posmoe::PointWords;
using posmoe::Words;

// A str or bytes as valid UTF-8: what is no character becomes U+FFFD; a str keeps its code-point offsets.
std::string utf8_of(nb::handle text) {
  if (nb::isinstance<nb::bytes>(text)) {
    const auto bytes = nb::borrow<nb::bytes>(text);
    return posmoe::repair({bytes.c_str(), bytes.size()});
  }
  if (!PyUnicode_Check(text.ptr())) throw nb::type_error("text must be str or bytes");
  Py_ssize_t size = 0;
  const char* data = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
  if (data != nullptr) return std::string(data, static_cast<size_t>(size));
  PyErr_Clear();  // lone surrogates
  const auto bytes = nb::steal<nb::bytes>(PyUnicode_AsEncodedString(text.ptr(), "utf-8", "surrogatepass"));
  if (!bytes.is_valid()) throw nb::python_error();
  std::string result(bytes.c_str(), bytes.size());
  posmoe::replace_surrogates(result);
  return result;
}

namespace {

// Calls `visit` with every column of Words, in a fixed order.
template <typename W, typename Visit>
void each_column(W& words, Visit visit) {
  visit(words.start);
  visit(words.end);
  visit(words.token);
  visit(words.form);
  visit(words.token_start);
  visit(words.token_end);
  visit(words.space_after);
  visit(words.sentence);
  visit(words.split);
}

// (text, forms, columns), each as bytes.
nb::tuple state_of(const Words& words) {
  nb::list forms, columns;
  for (const std::string& form : words.forms) forms.append(nb::bytes(form.data(), form.size()));
  each_column(words, [&](const auto& column) {
    columns.append(nb::bytes(column.data(), column.size() * sizeof(column[0])));
  });
  return nb::make_tuple(nb::bytes(words.text.data(), words.text.size()), forms, columns);
}

// Whether every offset of a state lies in what it points into.
bool inside(const Words& words) {
  const auto spans = [&](const std::vector<uint32_t>& starts, const std::vector<uint32_t>& ends) {
    bool fits = true;
    for (size_t i = 0; i < starts.size(); ++i) fits = fits && starts[i] <= ends[i] && ends[i] <= words.text.size();
    return fits;
  };
  bool fits = spans(words.start, words.end) && spans(words.token_start, words.token_end);
  fits = fits && std::is_sorted(words.sentence.begin(), words.sentence.end());
  for (uint32_t token : words.token) fits = fits && token < words.token_start.size();
  for (int32_t form : words.form) fits = fits && form < static_cast<int64_t>(words.forms.size());
  return fits;
}

// The words of a state; throws where its columns don't fit together.
Words words_of(const nb::tuple& state) {
  const auto string = [](nb::handle value) {
    const auto bytes = nb::cast<nb::bytes>(value);
    return std::string(bytes.c_str(), bytes.size());
  };
  Words words;
  words.text = string(state[0]);
  for (nb::handle form : nb::cast<nb::list>(state[1])) words.forms.push_back(string(form));
  const auto columns = nb::cast<nb::list>(state[2]);
  size_t next = 0;
  each_column(words, [&](auto& column) {
    const std::string bytes = string(columns[next++]);
    column.resize(bytes.size() / sizeof(column[0]));
    if (!bytes.empty()) std::memcpy(column.data(), bytes.data(), column.size() * sizeof(column[0]));
  });
  const size_t n = words.size(), tokens = words.token_start.size();
  bool whole = words.end.size() == n && words.token.size() == n && words.form.size() == n;
  whole = whole && words.token_end.size() == tokens && words.space_after.size() == tokens;
  whole = whole && words.sentence.size() == words.split.size() + 1 && words.sentence.back() == n;
  if (!whole || !inside(words)) throw std::invalid_argument("Words: the columns of the state don't fit together");
  return words;
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

std::unique_ptr<PointWords> words_from(Given given) {
  nb::gil_scoped_release released;
  return std::make_unique<PointWords>(Words::from_tokens(given));
}

using Offsets = nb::ndarray<const uint32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

std::unique_ptr<PointWords> words_of_spans(nb::handle text, const Offsets& starts, const Offsets& ends, const Offsets& sentences) {
  if (starts.size() != ends.size()) throw nb::value_error("expected as many ends as starts");
  std::string utf8 = utf8_of(text);
  std::vector<uint32_t> offsets(sentences.data(), sentences.data() + sentences.size());
  nb::gil_scoped_release released;
  return std::make_unique<PointWords>(
      Words::from_spans(std::move(utf8), starts.data(), ends.data(), starts.size(), std::move(offsets)));
}

nb::str form_of(const PointWords& self, Py_ssize_t i) {
  const Py_ssize_t n = static_cast<Py_ssize_t>(self.words.size());
  if (i < -n || i >= n) throw nb::index_error("word index out of range");
  const std::string_view form = self.words.word(static_cast<size_t>(i < 0 ? i + n : i));
  return nb::str(form.data(), form.size());
}

}  // namespace

void bind_words(nb::module_& m) {
  const auto shared = [](auto member, auto points) {  // a column: the words' own, or that in code points
    return [member, points](nb::handle_t<PointWords> self) {
      const PointWords& all = nb::cast<const PointWords&>(self);
      return column(all.ascii ? all.words.*member : all.*points, self);
    };
  };
  const auto own = [](auto member) {
    return [member](nb::handle_t<PointWords> self) { return column(nb::cast<const PointWords&>(self).words.*member, self); };
  };
  nb::class_<PointWords>(m, "Words", "A text cut into tokens, words and sentences. Offsets are code points of `text`.")
      .def_prop_ro("text", [](const PointWords& self) { return nb::str(self.words.text.data(), self.words.text.size()); })
      .def_prop_ro("start", shared(&Words::start, &PointWords::start))
      .def_prop_ro("end", shared(&Words::end, &PointWords::end))
      .def_prop_ro("token", own(&Words::token))
      .def_prop_ro("token_start", shared(&Words::token_start, &PointWords::token_start))
      .def_prop_ro("token_end", shared(&Words::token_end, &PointWords::token_end))
      .def_prop_ro("space_after", own(&Words::space_after))
      .def_prop_ro("sentences", own(&Words::sentence))
      .def_prop_ro("split", own(&Words::split))
      .def("form", &form_of, "i"_a, "The form of word i.")
      .def("forms", [](const PointWords& self) {
            nb::list forms;
            for (size_t i = 0; i < self.words.size(); ++i) {
              const std::string_view form = self.words.word(i);
              forms.append(nb::str(form.data(), form.size()));
            }
            return forms;
          }, "The forms of all words.")
      .def("__len__", [](const PointWords& self) { return self.words.size(); })
      .def("__getstate__", [](const PointWords& self) { return state_of(self.words); })
      .def("__setstate__", [](PointWords& self, const nb::tuple& state) { new (&self) PointWords(words_of(state)); })
      .def_static("from_sentences", [](nb::handle sentences) { return words_from(given_forms(sentences)); }, "sentences"_a,
                  "Words of pretokenised sentences: lists of forms.")
      .def_static("from_tokens", [](nb::handle sentences) { return words_from(given_tokens(sentences)); }, "sentences"_a,
                  "Words of pretokenised sentences: lists of (surface form, its words, space after).")
      .def_static("from_spans", &words_of_spans, "text"_a, "start"_a, "end"_a, "sentences"_a,
                  "Words that are spans of a text: begins and ends in code points, S + 1 offsets of sentences into the words.");
}
