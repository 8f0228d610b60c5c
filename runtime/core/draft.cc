#include "draft.h"

#include <algorithm>

namespace posmoe {

Draft::Draft(std::shared_ptr<const Parser> parser, std::vector<Analysis> texts,
             std::vector<std::vector<int32_t>> gold)
    : parser_(std::move(parser)), texts_(std::move(texts)), gold_(std::move(gold)) {
  gold_.resize(texts_.size());
  const size_t longest = parser_->bundle().max_sentence;
  for (size_t t = 0; t < texts_.size(); ++t) {
    const Words& words = texts_[t].text.words;
    for (auto* column : {&texts_[t].upos, &texts_[t].heads, &texts_[t].deprels}) column->resize(words.size());
    for (size_t s = 0; s + 1 < words.sentence.size(); ++s) {
      for (size_t begin = words.sentence[s], last = words.sentence[s + 1], end; begin < last; begin = end) {
        end = std::min(begin + longest, last);
        pieces_.push_back({t, begin, end - begin});
      }
    }
  }
  std::stable_sort(pieces_.begin(), pieces_.end(), [](const Piece& a, const Piece& b) { return a.words < b.words; });
}

const Draft::Batch& Draft::next() {
  if (open() || scored()) return batch_;
  size_t end = done_ + 1;
  while (end < pieces_.size() && (end + 1 - done_) * pieces_[end].words <= kBudget) ++end;
  const size_t count = end - done_;
  batch_.length = pieces_[end - 1].words;
  batch_.lengths.clear();
  batch_.features.assign(count * batch_.length * kFeatures, 0);
  for (size_t b = 0; b < count; ++b) {
    const Piece& piece = pieces_[done_ + b];
    const Words& words = texts_[piece.text].text.words;
    batch_.lengths.push_back(static_cast<int64_t>(piece.words));
    int32_t* row = batch_.features.data() + b * batch_.length * kFeatures;
    for (size_t i = 0; i < piece.words; ++i, row += kFeatures) parser_->features().ids(words.word(piece.first + i), row);
  }
  batch_.sentences = count;  // last: from here on it is open
  return batch_;
}

void Draft::score(const Scores& scores) {
  const size_t tags = parser_->bundle().tags.size(), rank = parser_->labeller().rank(), time = batch_.length;
  for (size_t b = 0; b < batch_.sentences; ++b) {
    const Piece& piece = pieces_[done_ + b];
    Analysis& text = texts_[piece.text];
    const std::vector<int32_t>& known = gold_[piece.text];
    int32_t *const upos = text.upos.data() + piece.first, *const heads = text.heads.data() + piece.first;
    for (size_t i = 0; i < piece.words; ++i) {
      const float* row = scores.tags + (b * time + i) * tags;
      upos[i] = known.empty() ? -1 : known[piece.first + i];
      if (upos[i] < 0) upos[i] = static_cast<int32_t>(std::max_element(row, row + tags) - row);
    }
    const size_t arcs = b * time * scores.candidates;
    decoder_.decode(scores.arcs + arcs, scores.heads + arcs, piece.words, scores.candidates, heads);
    parser_->labeller()(scores.dependents + b * time * rank, scores.label_heads + b * (time + 1) * rank, piece.words, upos,
                        heads, text.deprels.data() + piece.first);
  }
  done_ += batch_.sentences;
  batch_.sentences = batch_.length = 0;
}

std::vector<Analysis> Draft::finish() {
  const Bundle& bundle = parser_->bundle();
  for (Analysis& text : texts_) text.join(bundle.max_sentence, bundle.joining);
  pieces_.clear();
  done_ = 0;
  return std::move(texts_);
}

}  // namespace posmoe
