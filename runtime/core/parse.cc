#include "parse.h"

#include <algorithm>
#include <utility>

namespace posmoe {
namespace {

// Sentences of one or several texts on their way through the network.
class Blocks {
 public:
  Blocks(const Features& features, const Network& network, std::vector<Parsed>& texts, Workspace& space)
      : features_(features), network_(network), texts_(texts), space_(space) {}

  // Takes in a sentence; those before it go first where there is no room.
  void add(size_t text, size_t begin, size_t end) {
    if (words_ > 0 && words_ + (end - begin) > Network::kBlock) flush();
    if (runs_.empty() || runs_.back().text != text) runs_.push_back({text, begin, end});
    runs_.back().end = end;
    words_ += end - begin;
    offsets_.push_back(static_cast<int64_t>(words_));
  }

  void flush() {
    if (words_ == 0) return;
    ids_.resize(words_ * kFeatures);
    columns_.resize(words_ * 3);
    size_t at = 0;
    for (const Run& run : runs_) {
      const Words& words = texts_[run.text].words;
      for (size_t i = run.begin; i < run.end; ++i, ++at) features_.ids(words.word(i), ids_.data() + at * kFeatures);
    }
    int32_t* const from = columns_.data();
    network_.columns(ids_.data(), offsets_.data(), offsets_.size() - 1, nullptr, from, from + words_, from + 2 * words_,
                     space_);
    at = 0;
    for (const Run& run : runs_) {
      const size_t count = run.end - run.begin, all = texts_[run.text].words.size();
      for (size_t c = 0; c < 3; ++c) {
        std::copy_n(from + c * words_ + at, count, texts_[run.text].columns.get() + c * all + run.begin);
      }
      at += count;
    }
    words_ = 0;
    runs_.clear();
    offsets_.resize(1);
  }

 private:
  struct Run {
    size_t text, begin, end;  // words of a text
  };

  const Features& features_;
  const Network& network_;
  std::vector<Parsed>& texts_;
  Workspace& space_;
  size_t words_ = 0;
  std::vector<Run> runs_;
  std::vector<int64_t> offsets_{0};
  std::vector<int32_t> ids_, columns_;
};

}  // namespace

size_t longest_sentence(const Words& words) {
  size_t longest = 0;
  for (size_t s = 0; s + 1 < words.sentence.size(); ++s) {
    longest = std::max<size_t>(longest, words.sentence[s + 1] - words.sentence[s]);
  }
  return longest;
}

size_t count_long(const Words& words, size_t limit) {
  size_t found = 0, length = 0;
  for (size_t s = 0; s < words.split.size(); ++s) {
    length += words.sentence[s + 1] - words.sentence[s];
    if (words.split[s]) continue;
    found += length > limit;
    length = 0;
  }
  return found + (length > limit);
}

std::vector<Parsed> parse(const Tokenizer& tokenizer, const Features& features, const Network& network,
                          std::vector<Source>& sources, Workspace& space) {
  std::vector<Parsed> texts;
  texts.reserve(sources.size());
  for (Source& source : sources) {
    texts.push_back({tokenizer(std::move(source.text), source.lines), nullptr});
    texts.back().columns.reset(new int32_t[3 * texts.back().words.size()]);
  }
  Blocks blocks(features, network, texts, space);
  for (size_t t = 0; t < texts.size(); ++t) {
    const std::vector<uint32_t>& sentence = texts[t].words.sentence;
    for (size_t s = 0; s + 1 < sentence.size(); ++s) blocks.add(t, sentence[s], sentence[s + 1]);
  }
  blocks.flush();
  return texts;
}

}  // namespace posmoe
