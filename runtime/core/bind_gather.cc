// Texts cut into words and looked up in one call, for engines that are not the core's; and their columns handed back.
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "analysis.h"
#include "bind.h"
#include "pieces.h"
#include "tokenizer.h"
#include "word_features.h"

namespace nb = nanobind;
using namespace nb::literals;
using posmoe::Analysis;
using posmoe::kFeatures;
using posmoe::PointWords;

namespace {

using Column = nb::ndarray<const int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// Words of some texts one after another: their rows, and where sentences, or pieces of long ones, begin and end.
struct Gathered {
  std::vector<Analysis> analyses;
  std::vector<int32_t> ids;
  std::vector<int64_t> offsets{0};
  size_t longest;

  Gathered(std::vector<Analysis> texts, const posmoe::Features& features, size_t most)
      : analyses(std::move(texts)), longest(most) {
    size_t words = 0;
    for (const Analysis& one : analyses) words += one.text.words.size();
    ids.resize(words * kFeatures);
    size_t at = 0;
    for (const Analysis& one : analyses) {
      const posmoe::Words& own = one.text.words;
      features.ids(own, ids.data() + at * kFeatures);
      for (size_t s = 0; s + 1 < own.sentence.size(); ++s) {
        for (size_t begin = own.sentence[s], last = own.sentence[s + 1]; begin < last; begin += longest) {
          offsets.push_back(static_cast<int64_t>(at + std::min(begin + longest, last)));
        }
      }
      at += own.size();
    }
  }
};

void check(size_t longest) {
  if (longest == 0) throw nb::value_error("the longest sentence has one word at least");
}

Gathered* of_texts(const posmoe::Tokenizer& tokenizer, const posmoe::Features& features, const nb::list& texts, bool lines,
                   size_t longest) {
  check(longest);
  std::vector<std::string> copies;
  copies.reserve(texts.size());
  for (nb::handle text : texts) copies.push_back(utf8_of(text));
  nb::gil_scoped_release released;
  std::vector<Analysis> analyses(copies.size());
  for (size_t i = 0; i < copies.size(); ++i) {
    analyses[i].text = PointWords(tokenizer(std::move(copies[i]), lines));
  }
  return new Gathered(std::move(analyses), features, longest);
}

Gathered* of_words(const posmoe::Features& features, const nb::list& words, size_t longest) {
  check(longest);
  std::vector<Analysis> analyses(words.size());
  for (size_t i = 0; i < words.size(); ++i) analyses[i].text = nb::cast<const PointWords&>(words[i]);
  nb::gil_scoped_release released;
  return new Gathered(std::move(analyses), features, longest);
}

// The texts with their columns, which are moved out.
std::vector<Analysis> analyses(Gathered& self, const Column& upos, const Column& heads, const Column& deprels,
                               int32_t joining) {
  const size_t n = self.ids.size() / kFeatures;
  if (upos.size() != n || heads.size() != n || deprels.size() != n) throw nb::value_error("expected one number a word");
  nb::gil_scoped_release released;
  size_t at = 0;
  for (Analysis& one : self.analyses) {
    const posmoe::Words& words = one.text.words;
    const auto part = [&](const Column& column) {
      return std::vector<int32_t>(column.data() + at, column.data() + at + words.size());
    };
    one.upos = part(upos), one.heads = part(heads), one.deprels = part(deprels);
    one.cut = posmoe::count_long(words, self.longest);
    for (size_t s = 0; s + 1 < words.sentence.size(); ++s) {
      const size_t begin = words.sentence[s], size = words.sentence[s + 1] - begin;
      posmoe::join_roots(one.heads.data() + begin, one.deprels.data() + begin, size, self.longest, joining);
    }
    at += words.size();
  }
  self.ids.clear();
  return std::move(self.analyses);
}

}  // namespace

void bind_gather(nb::module_& m) {
  nb::class_<Gathered>(m, "Gathered", "Words of some texts on their way through an engine.")
      .def_prop_ro("features", [](nb::handle_t<Gathered> self) {
            const Gathered& own = nb::cast<const Gathered&>(self);
            static const int32_t none = 0;
            const int32_t* const data = own.ids.empty() ? &none : own.ids.data();
            return nb::ndarray<nb::numpy, const int32_t, nb::ndim<2>>(data, {own.ids.size() / kFeatures, kFeatures}, self);
          }, "Rows of every word, int32 [n, 6].")
      .def_prop_ro("offsets", [](nb::handle_t<Gathered> self) {
            return column(nb::cast<const Gathered&>(self).offsets, self);
          }, "Where sentences or their pieces begin and end, int64 [S + 1]; there are no empty ones.")
      .def("analyses", &analyses, "upos"_a, "heads"_a, "deprels"_a, "joining"_a,
           "The texts with these columns; pieces are joined by the relation `joining`. Once only.");
  m.def("gather_texts", &of_texts, "tokenizer"_a, "features"_a, "texts"_a, "lines"_a, "longest"_a,
        "Cuts texts into words; sentences of more than `longest` words in pieces.");
  m.def("gather_words", &of_words, "features"_a, "words"_a, "longest"_a, "The same of Words.");
}
