#include "ranking.h"

#include <algorithm>
#include <cmath>

#include "kbest.h"
#include "kept.h"
#include "partition.h"

namespace posmoe {

SentenceScores score(const Parser& parser, const std::vector<std::string_view>& forms) {
  const Network& network = parser.network();
  const size_t n = forms.size(), tags = network.shape().tags, rank = network.shape().label_rank;
  const size_t width = network.candidates();
  std::vector<int32_t> ids(n * kFeatures);
  for (size_t i = 0; i < n; ++i) parser.features().ids(forms[i], ids.data() + i * kFeatures);
  SentenceScores s{std::vector<float>(n * tags),        std::vector<float>(n * width),   std::vector<float>(n * rank),
                   std::vector<float>((n + 1) * rank), std::vector<int64_t>(n * width), width};
  Kept<Workspace> space;
  network.scores(ids.data(), n, 0, n,
                 {s.tags.data(), s.arcs.data(), s.heads.data(), s.dependents.data(), s.label_heads.data()}, *space);
  return s;
}

Ranked rank(const Labeller& labeller, const Scores& scores, size_t words, const int32_t* tags, size_t k) {
  Candidates candidates;
  candidates.assign(scores.arcs, scores.heads, words, scores.candidates);
  RankedTrees trees = k_best(candidates, k);
  const double all = log_partition(candidates);
  Ranked result{std::move(trees.heads), {}, std::move(trees.scores)};
  result.deprels.resize(result.heads.size());
  for (size_t t = 0; t < result.probabilities.size(); ++t) {
    result.probabilities[t] = std::min(std::exp(result.probabilities[t] - all), 1.0);
    labeller(scores.dependents, scores.label_heads, words, tags, result.heads.data() + t * words,
             result.deprels.data() + t * words);
  }
  return result;
}

}  // namespace posmoe
