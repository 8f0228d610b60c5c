// Raw text to trees in one go: tokeniser, features and network, block by block, without arrays in between.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "network.h"
#include "tokenizer.h"
#include "word_features.h"
#include "words.h"

namespace posmoe {

// A text's words and their columns: tags, heads and relations, one after another.
struct Parsed {
  Words words;
  std::unique_ptr<int32_t[]> columns;
};

// Words of the longest sentence.
size_t longest_sentence(const Words& words);
// Sentences of more than `limit` words, those that the tokeniser has split counted whole.
size_t count_long(const Words& words, size_t limit);

// One text to parse; with `lines` every line is one sentence.
struct Source {
  std::string text;
  bool lines;
};

// Parses texts together, as if each came alone; they are moved out of `sources`. Any number of threads may do so at a
// time, each with a workspace. Throws as the tokeniser and the network do.
std::vector<Parsed> parse(const Tokenizer& tokenizer, const Features& features, const Network& network,
                          std::vector<Source>& sources, Workspace& space);

}  // namespace posmoe
