// A text cut into tokens, words and sentences: what the tokeniser makes and everything behind it reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace posmoe {

// A surface token of pretokenised input: its form, its words (empty: the form is the only one), white space behind.
struct GivenToken {
  std::string form;
  std::vector<std::string> words;
  bool space_after = true;
};

// Offsets are bytes into `text`. A token is one or more (multiword token) words; a sentence is a run of words.
struct Words {
  std::string text;                              // valid UTF-8
  std::vector<uint32_t> start, end;              // per word: its span; words that are no substring share their token's
  std::vector<uint32_t> token;                   // per word: its surface token
  std::vector<int32_t> form;                     // per word: index into forms, or -1: the form is text[start, end)
  std::vector<std::string> forms;                // forms that differ from the text
  std::vector<uint32_t> token_start, token_end;  // per surface token
  std::vector<uint8_t> space_after;              // per surface token: white space or the end of the text follows
  std::vector<uint32_t> sentence{0};             // S + 1 offsets into words
  std::vector<uint8_t> split;                    // per sentence: 1 if cut at the length bound, not at a real boundary

  size_t size() const { return start.size(); }
  std::string_view word(size_t i) const;
  void reserve(size_t words);

  // Pretokenised text: forms joined by a space where space_after says so, sentences by a line break.
  // Forms must be valid UTF-8 and not empty; empty sentences are kept. Throws std::invalid_argument.
  static Words from_tokens(const std::vector<std::vector<GivenToken>>& sentences);

  // Words that are spans of a valid UTF-8 text, each a token: their begins and ends in code points, and S + 1 offsets
  // of sentences into the `count` words. Throws std::invalid_argument where spans are empty, overlap, go backwards or
  // leave the text, or sentences have no words or don't follow each other.
  static Words from_spans(std::string text, const uint32_t* begins, const uint32_t* ends, size_t count,
                          std::vector<uint32_t> sentences);
};

}  // namespace posmoe
