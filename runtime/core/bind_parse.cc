// Raw text to trees: the part of the Python extension that parses many texts with one call.
#include "bind.h"

#include <nanobind/stl/vector.h>

#include <string>
#include <utility>
#include <vector>

#include "bind_words.h"
#include "parse.h"

namespace nb = nanobind;

namespace {

nb::list parse(const posmoe::Network& network, const posmoe::Tokenizer& tokenizer, const posmoe::Features& features,
               const nb::list& texts, const std::vector<bool>& lines, size_t limit) {
  if (nb::len(texts) != lines.size()) throw nb::value_error("lines: expected one for every text");
  std::vector<posmoe::Source> sources;
  sources.reserve(lines.size());
  for (nb::handle text : texts) sources.push_back({utf8_of(text), static_cast<bool>(lines[sources.size()])});
  std::vector<posmoe::PyWords> words;
  std::vector<posmoe::Parsed> parsed;
  {
    nb::gil_scoped_release release;
    ThreadWorkspace space;
    parsed = posmoe::parse(tokenizer, features, network, sources, *space);
    words.reserve(parsed.size());
    for (posmoe::Parsed& one : parsed) words.emplace_back(std::move(one.words));
  }
  nb::list result;
  for (size_t i = 0; i < parsed.size(); ++i) {
    const size_t n = words[i].words.size(), cut = posmoe::count_long(words[i].words, limit);
    if (posmoe::longest_sentence(words[i].words) > limit) {
      result.append(nb::make_tuple(std::move(words[i]), nb::none(), cut));
      continue;
    }
    auto columns = owned<int32_t, nb::shape<3, -1>>(std::move(parsed[i].columns), {3, n});
    result.append(nb::make_tuple(std::move(words[i]), columns, cut));
  }
  return result;
}

}  // namespace

void bind_parse(nb::module_& m) {
  m.def("parse", &parse, nb::arg("network"), nb::arg("tokenizer"), nb::arg("features"), nb::arg("texts"), nb::arg("lines"),
        nb::arg("limit"),
        "Texts (lists of str and of whether every line is one sentence) to tuples: Words, int32 [3, n] of tags, heads and\n"
        "relations, and the number of sentences longer than `limit` words. Where one is longer still, because a token has\n"
        "so many words, the columns are None.");
}
