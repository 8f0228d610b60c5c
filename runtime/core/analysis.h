// Texts to trees in one call: tokeniser, features and network behind each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "network.h"
#include "point_words.h"

namespace posmoe {

class Features;

// A text cut into words, and their trees. Every column has a number a word.
struct Analysis {
  PointWords text;
  std::vector<int32_t> upos;     // index of the tag
  std::vector<int32_t> heads;    // 0 is the root, else the head's place in its sentence, from 1
  std::vector<int32_t> deprels;  // index of the relation
  uint32_t cut = 0;              // sentences that were longer than the model's bound

  // Makes one tree of every sentence whose pieces of `longest` words were parsed one by one, and counts them as `cut`.
  void join(size_t longest, int32_t joining);
};

// One per thread and at a time: a block of sentences, of one text or several, on its way through the network.
struct AnalyserSpace {
  struct Piece {
    size_t text, first;  // whose words they are, and from which on
  };
  Workspace network;
  std::vector<Piece> pieces;
  std::vector<int64_t> offsets;
  std::vector<std::string_view> forms;
  std::vector<int32_t> gold, columns;
  size_t memory() const {
    return network.memory() + forms.capacity() * sizeof(forms[0]) + columns.capacity() * sizeof(int32_t);
  }
  void release() {
    network.release();
    forms = {}, columns = {};
  }
};

// Immutable: any number of threads may share one. Results don't depend on which texts are given together.
class Analyser {
 public:
  // Sentences of more than `longest` words are parsed in pieces; `joining` is the relation that joins those.
  Analyser(const Features& features, const Network& network, size_t longest, int32_t joining)
      : features_(features), network_(network), longest_(longest), joining_(joining) {}

  // Fills in the columns of texts whose words are there. `gold` holds, for every text, null or a known tag or -1 a word.
  // Throws as Network::columns.
  void operator()(std::vector<Analysis>& texts, const std::vector<const int32_t*>& gold, AnalyserSpace& space) const;

 private:
  void add(const Words& words, size_t text, size_t begin, size_t end, AnalyserSpace& space) const;
  void flush(std::vector<Analysis>& texts, const std::vector<const int32_t*>& gold, AnalyserSpace& space) const;

  const Features& features_;
  const Network& network_;
  size_t longest_;
  int32_t joining_;
};

}  // namespace posmoe
