// Texts to trees, and trees to lists and text, for Python.
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "analysis.h"
#include "bind.h"
#include "flat.h"
#include "kept.h"
#include "tokenizer.h"
#include "word_features.h"
#include "writers.h"

namespace nb = nanobind;
using namespace nb::literals;
using posmoe::Analyser;
using posmoe::Analysis;
using posmoe::Names;
using posmoe::PointWords;

namespace {

using Column = nb::ndarray<const int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Analyses = std::vector<Analysis>;

// An analyser with the tokeniser that comes before it.
struct Chain {
  const posmoe::Tokenizer& tokenizer;
  Analyser analyser;
};

Analyses analyse_texts(const Chain& chain, const nb::list& texts, bool lines) {
  std::vector<std::string> copies;
  copies.reserve(texts.size());
  for (nb::handle text : texts) copies.push_back(utf8_of(text));
  nb::gil_scoped_release released;
  Analyses analyses(copies.size());
  posmoe::Kept<posmoe::AnalyserSpace> space;
  posmoe::StageClock& clock = (*space).network.clock;
  clock.start();
  for (size_t i = 0; i < copies.size(); ++i) {
    analyses[i].text = PointWords(chain.tokenizer(std::move(copies[i]), lines));
  }
  clock.mark(posmoe::Stage::tokenise);
  chain.analyser(analyses, std::vector<const int32_t*>(analyses.size(), nullptr), *space);
  return analyses;
}

Analyses analyse_words(const Chain& chain, const nb::list& words, const nb::list& gold) {
  if (words.size() != gold.size()) throw nb::value_error("expected as many lists of tags as Words");
  Analyses analyses;
  std::deque<std::vector<int32_t>> tags;
  std::vector<const int32_t*> known;
  for (size_t i = 0; i < words.size(); ++i) {
    analyses.emplace_back();
    analyses.back().text = nb::cast<const PointWords&>(words[i]);
    if (nb::object given = gold[i]; given.is_none()) {
      known.push_back(nullptr);
    } else {
      tags.push_back(nb::cast<std::vector<int32_t>>(given));
      if (tags.back().size() != analyses.back().text.words.size()) throw nb::value_error("expected one tag a word");
      known.push_back(tags.back().data());
    }
  }
  nb::gil_scoped_release released;
  posmoe::Kept<posmoe::AnalyserSpace> space;
  (*space).network.clock.start();
  chain.analyser(analyses, known, *space);
  return analyses;
}

// What this thread's clock has counted; then it is switched on or off, at zero.
nb::dict stage_times(bool on) {
  posmoe::Kept<posmoe::AnalyserSpace> space;
  posmoe::StageClock& clock = (*space).network.clock;
  nb::dict times;
  for (size_t i = 0; i < posmoe::kStages.size(); ++i) times[posmoe::kStages[i]] = clock.nanoseconds()[i];
  clock.turn(on);
  return times;
}

Analysis analysis_of(const PointWords& words, const Column& upos, const Column& heads,
                     const Column& deprels, uint32_t cut) {
  const size_t n = words.words.size();
  if (upos.size() != n || heads.size() != n || deprels.size() != n) throw nb::value_error("expected one number a word");
  const auto copied = [n](const Column& column) { return std::vector<int32_t>(column.data(), column.data() + n); };
  return {words, copied(upos), copied(heads), copied(deprels), cut};
}

// The names live as long as the tuples.
std::vector<std::string_view> views_of(const nb::tuple& names) {
  std::vector<std::string_view> views;
  views.reserve(names.size());
  for (nb::handle name : names) {
    Py_ssize_t size = 0;
    const char* data = PyUnicode_AsUTF8AndSize(name.ptr(), &size);
    if (data == nullptr) throw nb::python_error();
    views.emplace_back(data, static_cast<size_t>(size));
  }
  return views;
}

using Write = void (*)(const Analysis&, const Names&, const posmoe::Place&, posmoe::TextBuffer&);

template <Write write>
nb::bytes written(const Analysis& self, const nb::tuple& tags, const nb::tuple& labels, uint64_t first, uint64_t offset,
                  nb::handle source) {
  const Names names{views_of(tags), views_of(labels)};
  const std::string name = source.is_none() ? std::string() : utf8_of(source);
  const std::string_view view = name;
  posmoe::TextBuffer out;
  {
    nb::gil_scoped_release released;
    write(self, names, {first, offset, source.is_none() ? nullptr : &view}, out);
  }
  return nb::bytes(out.data(), out.size());
}

nb::object named(const nb::tuple& names, int32_t index) {
  if (index < 0 || static_cast<size_t>(index) >= names.size()) throw nb::index_error("an index without a name");
  return names[static_cast<size_t>(index)];
}

// The columns that runtime/posmoe/document.py calls Lists, in its order.
nb::tuple lists(const Analysis& self, const nb::tuple& tags, const nb::tuple& labels) {
  const PointWords& text = self.text;
  const posmoe::Words& words = text.words;
  const size_t n = words.size();
  nb::list forms, upos, heads, deprels, starts, ends, space_after, sentences, sentence_starts, sentence_ends;
  nb::dict multiwords;
  for (size_t i = 0; i < n; ++i) {
    const size_t token = words.token[i];
    const std::string_view form = words.word(i);
    const bool opens = i == 0 || words.token[i - 1] != token, closes = i + 1 == n || words.token[i + 1] != token;
    forms.append(nb::str(form.data(), form.size()));
    upos.append(named(tags, self.upos[i]));
    heads.append(self.heads[i]);
    deprels.append(named(labels, self.deprels[i]));
    starts.append(text.word_start(i));
    ends.append(text.word_end(i));
    space_after.append(nb::bool_(closes && words.space_after[token]));
    if (opens && !closes) {
      size_t size = 2;
      while (i + size < n && words.token[i + size] == token) ++size;
      multiwords[nb::int_(i)] = nb::make_tuple(size, text.surface_start(token), text.surface_end(token),
                                               nb::bool_(words.space_after[token] != 0));
    }
  }
  for (size_t s = 0; s < words.sentence.size(); ++s) {
    const size_t begin = words.sentence[s];
    sentences.append(begin);
    if (s + 1 == words.sentence.size()) break;
    const size_t end = words.sentence[s + 1];
    sentence_starts.append(begin < end ? text.surface_start(words.token[begin]) : 0);
    sentence_ends.append(begin < end ? text.surface_end(words.token[end - 1]) : 0);
  }
  return nb::make_tuple(forms, upos, heads, deprels, starts, ends, space_after, sentences, sentence_starts,
                        sentence_ends, multiwords);
}

// A column's memory, which the memoryview keeps.
template <typename T>
nb::object memory(std::vector<T> values) {
  auto* kept = new std::vector<T>(std::move(values));
  kept->reserve(1);  // an address, even of nothing
  nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  return nb::cast(nb::ndarray<nb::memview, const T, nb::ndim<1>>(kept->data(), {kept->size()}, owner));
}

nb::dict flat(const nb::list& analyses, bool by_sentence, int64_t offset) {
  std::vector<const Analysis*> texts;
  const nb::tuple kept(analyses);  // whatever becomes of the list
  for (nb::handle text : kept) texts.push_back(text.is_none() ? nullptr : nb::cast<const Analysis*>(text));
  posmoe::Flat columns;
  {
    nb::gil_scoped_release released;
    for (const Analysis* text : texts) {
      if (text) {
        columns.add(*text, by_sentence, offset);
      } else {
        columns.add_row();
      }
    }
  }
  nb::dict result;
  const auto put = [&](const char* name, auto& values) { result[name] = memory(std::move(values)); };
  const auto strings = [&](const char* name, const char* ends, posmoe::FlatStrings& values) {
    result[name] = nb::bytes(values.bytes.data(), values.bytes.size());
    put(ends, values.ends);
  };
  put("rows", columns.rows);
  strings("forms", "form_ends", columns.forms);
  put("starts", columns.starts);
  put("ends", columns.ends);
  put("sentences", columns.sentences);
  put("ids", columns.ids);
  put("upos", columns.upos);
  put("heads", columns.heads);
  put("deprels", columns.deprels);
  strings("texts", "text_ends_in_bytes", columns.texts);
  put("text_starts", columns.text_starts);
  put("text_ends", columns.text_ends);
  return result;
}

}  // namespace

void bind_analysis(nb::module_& m) {
  m.def("stage_times", &stage_times, "on"_a,
        "Nanoseconds by stage that this thread's analyses took since its clock was switched on; switches it on or off.");
  const auto own = [](auto member) {
    return [member](nb::handle_t<Analysis> self) { return column(nb::cast<const Analysis&>(self).*member, self); };
  };
  nb::class_<Analysis>(m, "Analysis", "A text cut into words, and their trees; immutable.")
      .def(nb::new_(&analysis_of), "words"_a, "upos"_a, "heads"_a, "deprels"_a, "cut"_a = 0)
      .def_prop_ro("words", [](const Analysis& self) -> const PointWords& { return self.text; },
                   nb::rv_policy::reference_internal)
      .def_prop_ro("upos", own(&Analysis::upos))
      .def_prop_ro("heads", own(&Analysis::heads))
      .def_prop_ro("deprels", own(&Analysis::deprels))
      .def_ro("cut", &Analysis::cut, "Sentences that were longer than the model's bound.")
      .def("__len__", [](const Analysis& self) { return self.text.words.sentence.size() - 1; })
      .def("lists", &lists, "tags"_a, "labels"_a, "The columns as Python lists.")
      .def("conllu", &written<posmoe::write_conllu>, "tags"_a, "labels"_a, "first"_a = 1, "offset"_a = 0,
           "source"_a = nb::none(), "CoNLL-U in UTF-8; a source is named before the first sentence.")
      .def("jsonl", &written<posmoe::write_jsonl>, "tags"_a, "labels"_a, "first"_a = 1, "offset"_a = 0,
           "source"_a = nb::none(), "A JSON object a line for every sentence, in UTF-8.");
  nb::class_<Chain>(m, "Analyser", "Texts to trees: tokeniser, features and network; immutable, thread-safe.")
      .def("__init__", [](Chain* self, const posmoe::Tokenizer& tokenizer, const posmoe::Features& features,
                          const posmoe::Network& network, size_t longest, int32_t joining) {
            if (longest == 0) throw nb::value_error("the longest sentence has one word at least");
            new (self) Chain{tokenizer, Analyser(features, network, longest, joining)};
          }, "tokenizer"_a, "features"_a, "network"_a, "longest"_a, "joining"_a,
          nb::keep_alive<1, 2>(), nb::keep_alive<1, 3>(), nb::keep_alive<1, 4>(),
          "Sentences of more than `longest` words are parsed in pieces, joined by the relation `joining`.")
      .def("texts", &analyse_texts, "texts"_a, "lines"_a = false, "Analyses of texts; with `lines` every line is one sentence.")
      .def("words", &analyse_words, "words"_a, "gold"_a, "Analyses of Words; gold: for each None, or a tag or -1 a word.");
  m.def("counts", [] {
        posmoe::Kept<posmoe::AnalyserSpace> space;
        const posmoe::Counts& counts = (*space).network.counts;
        return nb::make_tuple(counts.words, counts.cached, counts.sentences, counts.searched);
      }, "What analysers have done on this thread: words, those whose rows were kept, sentences, trees searched for.");
  m.def("flat", &flat, "analyses"_a, "by_sentence"_a = false, "offset"_a = 0,
        "Buffers of columns as Arrow has them: a row for every analysis (None: an empty one) or for every sentence.");
}
