#include "words.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <stdexcept>
#include <utility>

namespace posmoe {

std::string_view Words::word(size_t i) const {
  if (form[i] >= 0) return forms[static_cast<size_t>(form[i])];
  return std::string_view(text).substr(start[i], end[i] - start[i]);
}

void Words::reserve(size_t words) {
  for (auto* column : {&start, &end, &token, &token_start, &token_end}) column->reserve(words);
  form.reserve(words);
  space_after.reserve(words);
}

namespace {

bool is_concatenation(const GivenToken& token) {
  size_t at = 0;
  for (const std::string& word : token.words) {
    if (token.form.compare(at, word.size(), word) != 0) return false;
    at += word.size();
  }
  return at == token.form.size();
}

void add_word(Words& words, size_t start, size_t end, int32_t form) {
  words.start.push_back(static_cast<uint32_t>(start));
  words.end.push_back(static_cast<uint32_t>(end));
  words.token.push_back(static_cast<uint32_t>(words.token_start.size() - 1));
  words.form.push_back(form);
}

void add_token(Words& words, const GivenToken& token) {
  if (token.form.empty()) throw std::invalid_argument("a token's form is empty; every token needs one");
  const size_t start = words.text.size();
  words.text += token.form;
  const size_t end = words.text.size();
  if (end >= std::numeric_limits<uint32_t>::max()) throw std::invalid_argument("the text is 4 GiB or longer; cut it");
  words.token_start.push_back(static_cast<uint32_t>(start));
  words.token_end.push_back(static_cast<uint32_t>(end));
  words.space_after.push_back(token.space_after);
  if (token.words.empty()) {
    add_word(words, start, end, -1);
  } else if (is_concatenation(token)) {
    size_t at = start;
    for (const std::string& word : token.words) {
      add_word(words, at, at + word.size(), -1);
      at += word.size();
    }
  } else {
    for (const std::string& word : token.words) {
      add_word(words, start, end, static_cast<int32_t>(words.forms.size()));
      words.forms.push_back(word);
    }
  }
}

}  // namespace

Words Words::from_tokens(const std::vector<std::vector<GivenToken>>& sentences) {
  Words words;
  for (const auto& sentence : sentences) {
    if (!words.text.empty()) words.text += '\n';
    for (size_t i = 0; i < sentence.size(); ++i) {
      add_token(words, sentence[i]);
      if (sentence[i].space_after && i + 1 < sentence.size()) words.text += ' ';
    }
    words.sentence.push_back(static_cast<uint32_t>(words.size()));
    words.split.push_back(0);
  }
  return words;
}

Words Words::from_spans(std::string text, const uint32_t* begins, const uint32_t* ends, size_t count,
                        std::vector<uint32_t> sentences) {
  const bool follow = std::adjacent_find(sentences.begin(), sentences.end(), std::greater_equal<>()) == sentences.end();
  if (sentences.empty() || sentences.front() != 0 || sentences.back() != count || !follow) {
    throw std::invalid_argument("sentences must be ascending offsets from 0 to the number of words");
  }
  if (text.size() >= std::numeric_limits<uint32_t>::max()) throw std::invalid_argument("the text is 4 GiB or longer; cut it");
  Words words;
  words.text = std::move(text);
  words.reserve(count);
  size_t byte = 0, point = 0;
  const auto advance = [&](size_t to) {  // to a code point; false if the text ends before it
    for (; point < to && byte < words.text.size(); ++point) {
      for (++byte; byte < words.text.size() && (static_cast<unsigned char>(words.text[byte]) & 0xC0) == 0x80;) ++byte;
    }
    return point == to;
  };
  for (size_t i = 0; i < count; ++i) {
    const bool ordered = begins[i] >= point && begins[i] < ends[i];
    const bool begun = ordered && advance(begins[i]);
    const size_t start = byte;
    if (!begun || !advance(ends[i])) {
      throw std::invalid_argument("word " + std::to_string(i) + ": expected a span of the text behind the word before it");
    }
    if (i > 0) words.space_after.push_back(start > words.end.back());
    words.token_start.push_back(static_cast<uint32_t>(start));
    words.token_end.push_back(static_cast<uint32_t>(byte));
    add_word(words, start, byte, -1);
  }
  if (count > 0) words.space_after.push_back(1);
  words.split.assign(sentences.size() - 1, 0);
  words.sentence = std::move(sentences);
  return words;
}

}  // namespace posmoe
