#include "flat.h"

#include <limits>
#include <stdexcept>

namespace posmoe {
namespace {

int32_t checked(size_t size) {
  if (size > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    throw std::length_error("more than 2147483647 words or bytes of words in one table: parse it in smaller batches");
  }
  return static_cast<int32_t>(size);
}

}  // namespace

void FlatStrings::push_back(std::string_view text) {
  bytes.append(text);
  ends.push_back(checked(bytes.size()));
}

void Flat::add(const Analysis& analysis, bool by_sentence, int64_t offset) {
  const PointWords& text = analysis.text;
  const Words& words = text.words;
  upos.insert(upos.end(), analysis.upos.begin(), analysis.upos.end());
  heads.insert(heads.end(), analysis.heads.begin(), analysis.heads.end());
  deprels.insert(deprels.end(), analysis.deprels.begin(), analysis.deprels.end());
  for (size_t s = 0; s + 1 < words.sentence.size(); ++s) {
    const size_t begin = words.sentence[s], end = words.sentence[s + 1];
    for (size_t i = begin; i < end; ++i) {
      forms.push_back(words.word(i));
      starts.push_back(offset + text.word_start(i));
      ends.push_back(offset + text.word_end(i));
      sentences.push_back(static_cast<int32_t>(s));
      ids.push_back(static_cast<int32_t>(i - begin + 1));
    }
    if (!by_sentence || begin == end) continue;
    const size_t first = words.token[begin], last = words.token[end - 1];
    const uint32_t from = words.token_start[first];
    texts.push_back(std::string_view(words.text).substr(from, words.token_end[last] - from));
    text_starts.push_back(offset + text.surface_start(first));
    text_ends.push_back(offset + text.surface_end(last));
    add_row();
  }
  if (!by_sentence) add_row();
}

void Flat::add_row() { rows.push_back(checked(ids.size())); }

}  // namespace posmoe
