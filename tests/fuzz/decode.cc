// Any scores through the decoders: all ways of searching refuse alike or give trees of the same score.
#include <cmath>
#include <string>
#include <vector>

#include "candidates.h"
#include "decode.h"
#include "input.h"
#include "kbest.h"
#include "partition.h"

using fuzz::require;

namespace {

struct Sentence {
  size_t words, width;
  std::vector<float> scores;
  std::vector<int32_t> heads;
};

// Small whole numbers, so that equal sums are equal; now and then any float.
Sentence sentence_of(fuzz::Input input) {
  Sentence s{input.within(1, 12), input.within(1, 6), {}, {}};
  for (size_t i = 0; i < s.words * s.width; ++i) {
    const uint8_t kind = input.take<uint8_t>();
    s.heads.push_back(static_cast<int32_t>(kind % (s.words + 2)) - 1);
    s.scores.push_back(kind == 255 ? input.take<float>() : static_cast<float>(input.take<int8_t>()));
  }
  return s;
}

// The score of a tree, -inf where an arc is no candidate.
double score_of(const Sentence& s, const std::vector<int32_t>& heads) {
  double total = 0;
  for (size_t w = 0; w < s.words; ++w) {
    double best = -INFINITY;
    for (size_t c = w * s.width; c < (w + 1) * s.width; ++c) {
      if (s.heads[c] == heads[w]) best = std::fmax(best, s.scores[c]);
    }
    total += best;
  }
  return total;
}

void check_tree(const std::vector<int32_t>& heads) {
  size_t roots = 0;
  for (size_t w = 0; w < heads.size(); ++w) {
    roots += heads[w] == 0;
    size_t at = w + 1;
    for (size_t steps = 0; at != 0 && steps <= heads.size(); ++steps) {
      require(heads[at - 1] >= 0 && static_cast<size_t>(heads[at - 1]) <= heads.size(), "heads in the sentence");
      at = static_cast<size_t>(heads[at - 1]);
    }
    require(at == 0, "no circle");
  }
  require(roots == 1, "one root");
}

// Equal but for what the searches resolve: 2^-36 of the largest score a word, see kbest.h.
bool near(const Sentence& s, double a, double b) {
  double largest = 0;
  for (float score : s.scores) largest = std::fmax(largest, std::isfinite(score) ? std::fabs(score) : 0);
  return a == b || std::fabs(a - b) <= 1e-9 * largest * static_cast<double>(s.words);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Sentence s = sentence_of({data, size});
  static posmoe::Decoder decoder;
  constexpr posmoe::Search kinds[] = {posmoe::Search::automatic, posmoe::Search::lists, posmoe::Search::heaps};
  std::vector<int32_t> trees[3];
  std::string errors[3];
  for (size_t k = 0; k < 3; ++k) {
    trees[k].resize(s.words);
    try {
      decoder.decode(s.scores.data(), s.heads.data(), s.words, s.width, trees[k].data(), kinds[k]);
      check_tree(trees[k]);
    } catch (const posmoe::DecodeError& error) {
      errors[k] = error.what();
    }
    require(errors[k] == errors[0], "the same error from every search");
  }
  if (!errors[0].empty()) return 0;
  const double best = score_of(s, trees[0]);
  require(near(s, best, score_of(s, trees[1])) && near(s, best, score_of(s, trees[2])), "trees of the same score");

  posmoe::Candidates candidates;
  candidates.assign(s.scores.data(), s.heads.data(), s.words, s.width);
  const posmoe::RankedTrees ranked = posmoe::k_best(candidates, 4);
  require(!ranked.scores.empty() && ranked.heads.size() == ranked.scores.size() * s.words, "a best tree");
  require(std::isinf(ranked.scores[0]) || near(s, ranked.scores[0], best), "the best tree first");
  for (size_t t = 0; t < ranked.scores.size(); ++t) {
    check_tree({ranked.heads.begin() + t * s.words, ranked.heads.begin() + (t + 1) * s.words});
    require(t == 0 || ranked.scores[t] <= ranked.scores[t - 1], "falling scores");
  }
  require(!std::isnan(posmoe::log_partition(candidates)), "a sum of trees");
  return 0;
}
