#include "analysis.h"

#include <algorithm>

#include "pieces.h"
#include "word_features.h"

namespace posmoe {

void Analysis::join(size_t longest, int32_t joining) {
  const Words& words = text.words;
  cut = count_long(words, longest);
  for (size_t s = 0; s + 1 < words.sentence.size(); ++s) {
    const size_t begin = words.sentence[s], size = words.sentence[s + 1] - begin;
    join_roots(heads.data() + begin, deprels.data() + begin, size, longest, joining);
  }
}

void Analyser::operator()(std::vector<Analysis>& texts, const std::vector<const int32_t*>& gold,
                          AnalyserSpace& space) const {
  space.pieces.clear(), space.forms.clear();
  space.offsets.assign(1, 0);
  for (size_t t = 0; t < texts.size(); ++t) {
    const Words& words = texts[t].text.words;
    for (auto* column : {&texts[t].upos, &texts[t].heads, &texts[t].deprels}) column->resize(words.size());
    for (size_t s = 0; s + 1 < words.sentence.size(); ++s) {
      for (size_t begin = words.sentence[s], last = words.sentence[s + 1], end; begin < last; begin = end) {
        end = std::min(begin + longest_, last);
        const size_t gathered = static_cast<size_t>(space.offsets.back());
        if (gathered > 0 && gathered + (end - begin) > Network::kBlock) flush(texts, gold, space);
        add(words, t, begin, end, space);
      }
    }
  }
  flush(texts, gold, space);
  for (Analysis& text : texts) text.join(longest_, joining_);
  space.network.clock.mark(Stage::columns);
}

// Takes a sentence or a piece of one into the block.
void Analyser::add(const Words& words, size_t text, size_t begin, size_t end, AnalyserSpace& space) const {
  const size_t gathered = static_cast<size_t>(space.offsets.back()), all = gathered + (end - begin);
  space.pieces.push_back({text, begin});
  space.offsets.push_back(static_cast<int64_t>(all));
  for (size_t i = begin; i < end; ++i) space.forms.push_back(words.word(i));
}

// Parses the block, and hands its columns to the texts that they belong to.
void Analyser::flush(std::vector<Analysis>& texts, const std::vector<const int32_t*>& gold,
                     AnalyserSpace& space) const {
  const size_t words = static_cast<size_t>(space.offsets.back()), count = space.pieces.size();
  const auto known = [&](size_t p) { return gold[space.pieces[p].text]; };
  bool some = false;
  for (size_t p = 0; p < count; ++p) some = some || known(p);
  if (some) space.gold.assign(words, -1);
  const auto each = [&](auto visit) {  // piece, its first word in its text, its first word in the block, its size
    for (size_t p = 0; p < count; ++p) {
      const size_t from = static_cast<size_t>(space.offsets[p]), end = static_cast<size_t>(space.offsets[p + 1]);
      visit(p, space.pieces[p].first, from, end - from);
    }
  };
  if (some) {
    each([&](size_t p, size_t first, size_t from, size_t size) {
      if (known(p)) std::copy_n(known(p) + first, size, space.gold.data() + from);
    });
  }
  space.columns.resize(std::max(3 * words, space.columns.size()));
  int32_t *const upos = space.columns.data(), *const heads = upos + words, *const deprels = heads + words;
  network_.columns({nullptr, space.forms.data(), &features_}, space.offsets.data(), count,
                   some ? space.gold.data() : nullptr, upos, heads, deprels, space.network);
  each([&](size_t p, size_t first, size_t from, size_t size) {
    Analysis& text = texts[space.pieces[p].text];
    std::copy_n(upos + from, size, text.upos.data() + first);
    std::copy_n(heads + from, size, text.heads.data() + first);
    std::copy_n(deprels + from, size, text.deprels.data() + first);
  });
  space.pieces.clear(), space.forms.clear();
  space.offsets.assign(1, 0);
  space.network.clock.mark(Stage::columns);
}

}  // namespace posmoe
