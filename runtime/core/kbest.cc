#include "kbest.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <queue>

#include "arcs_swap.h"
#include "tree_search.h"

// The trees are split into ever smaller sets (Camerini, Fratta and Maffioli 1980). Each set's best tree is known and
// given; the queue holds, for every set, its second best tree: the best one without some arc e of the best. Taking it
// splits the set into the trees without e, whose best it is, and those with e, whose best stays what it was.
//
// The second best tree either keeps the root arc, and then one contraction finds it (SwapArcs), or it has another root
// arc, and then it is the best single-root tree without that one (Zmigrod, Vieira and Cotterell 2021).
//
// Scores are replaced by whole numbers, so that sums are exact: the search must meet the very tree that was given
// before, and a bonus on that tree's arcs can break ties in its favour.

namespace posmoe {
namespace {

// The trees of another set that hold, or that lack, one arc more.
struct Subset {
  int32_t parent = -1;  // -1: all trees
  size_t arc = 0;
  bool holds = false;
};

// A set's second best tree: the best without the arc into `word` of its best tree.
struct Second {
  double score;
  int32_t subset, tree, word;  // the set, its best tree's number
  bool operator<(const Second& other) const {
    return score != other.score ? score < other.score : subset > other.subset;
  }
};

class Ranking {
 public:
  explicit Ranking(const Candidates& candidates) : all_(candidates), words_(candidates.words()) {
    drop_duplicates();
    use_whole_numbers(candidates);
  }

  RankedTrees run(const Candidates& original, size_t k);

 private:
  void drop_duplicates();
  void use_whole_numbers(const Candidates& original);
  size_t arc_into(int32_t word, int32_t head) const;
  double score(const Candidates& scores, const int32_t* heads) const;
  const int32_t* tree(int32_t number) const { return trees_.data() + static_cast<size_t>(number) * words_; }
  void keep_only(Candidates& set, size_t arc) const;
  int32_t restrict_to(Subset subset);
  void queue_second(int32_t subset, int32_t number);

  Candidates all_, set_, tied_;
  size_t words_;
  std::vector<Subset> subsets_;
  std::vector<int32_t> trees_, heads_, path_;
  std::priority_queue<Second> queue_;
  TreeSearch search_;
  Contraction forest_;
  SwapArcs swaps_;
};

void Ranking::drop_duplicates() {
  std::vector<size_t> seen(words_ + 1, SIZE_MAX);
  for (size_t word = 1; word <= words_; ++word) {
    const size_t begin = all_.begin(static_cast<int32_t>(word));
    for (size_t arc = begin; arc < all_.end(static_cast<int32_t>(word)); ++arc) {
      if (all_.head(arc) < 0) continue;
      size_t& kept = seen[static_cast<size_t>(all_.head(arc))];
      const bool again = kept != SIZE_MAX && kept >= begin;
      if (again && all_.score(kept) >= all_.score(arc)) {
        all_.drop(arc);
      } else {
        if (again) all_.drop(kept);
        kept = arc;
      }
    }
  }
}

// Scores become their distances below the word's best, as whole numbers that fit 52 bits along with the bonus.
void Ranking::use_whole_numbers(const Candidates& original) {
  std::vector<double> best(words_ + 1);
  double largest = 0;
  const auto each = [&](auto&& visit) {
    for (size_t word = 1; word <= words_; ++word) {
      for (size_t arc = (word - 1) * all_.width(); arc < word * all_.width(); ++arc) {
        if (all_.head(arc) >= 0) visit(word, arc);
      }
    }
  };
  for (size_t word = 1; word <= words_; ++word) best[word] = original.best(static_cast<int32_t>(word), 0).score;
  each([&](size_t word, size_t arc) { largest = std::max(largest, best[word] - all_.score(arc)); });
  int exponent = 0, room = 52;
  std::frexp(largest, &exponent);
  for (size_t steps = 4 * words_ + 4; steps > 0; steps /= 2) --room;
  each([&](size_t word, size_t arc) {
    all_.set_score(arc, -std::round(std::ldexp(best[word] - all_.score(arc), room - exponent)));
  });
}

size_t Ranking::arc_into(int32_t word, int32_t head) const {
  size_t arc = all_.begin(word);
  while (all_.head(arc) != head) ++arc;
  return arc;
}

double Ranking::score(const Candidates& scores, const int32_t* heads) const {
  double sum = 0;
  for (size_t i = 0; i < words_; ++i) sum += scores.score(arc_into(static_cast<int32_t>(i + 1), heads[i]));
  return sum;
}

void Ranking::keep_only(Candidates& set, size_t arc) const {
  const size_t width = set.width(), begin = arc / width * width;
  for (size_t other = begin; other < begin + width; ++other) {
    if (other != arc) set.drop(other);
  }
  if (set.head(arc) != 0) return;
  for (size_t other = 0; other < words_ * width; ++other) {
    if (other != arc && set.head(other) == 0) set.drop(other);
  }
}

// Adds a subset and makes set_ its candidates.
int32_t Ranking::restrict_to(Subset subset) {
  const auto number = static_cast<int32_t>(subsets_.size());
  subsets_.push_back(subset);
  set_ = all_;
  for (Subset at = subset; at.parent >= 0; at = subsets_[static_cast<size_t>(at.parent)]) {
    if (at.holds) {
      keep_only(set_, at.arc);
    } else {
      set_.drop(at.arc);
    }
  }
  return number;
}

// Queues the second best tree of set_, which holds the given tree as its best; nothing where it is the only one.
void Ranking::queue_second(int32_t subset, int32_t number) {
  const int32_t* const best = tree(number);
  const auto root = static_cast<int32_t>(std::find(best, best + words_, 0) - best) + 1;
  const size_t root_arc = arc_into(root, 0);
  const auto bonus = static_cast<double>(4 * words_ + 4);
  bool found = false;
  Second second{0, subset, number, 0};

  tied_ = set_;
  keep_only(tied_, root_arc);
  for (size_t word = 1; word <= words_; ++word) {
    for (size_t arc = (word - 1) * tied_.width(); arc < word * tied_.width(); ++arc) {
      if (tied_.head(arc) >= 0) tied_.set_score(arc, tied_.score(arc) * bonus + (tied_.head(arc) == best[word - 1]));
    }
  }
  forest_.reset(words_);
  swaps_.reset(tied_, best, forest_);
  span(forest_, swaps_, path_);
  if (swaps_.swap().word > 0) {
    found = true;
    second.word = swaps_.swap().word;
    second.score = score(all_, best) - std::round(swaps_.swap().loss / bonus);
  }

  set_.drop(root_arc);
  if (search_.find(set_, heads_.data())) {
    const double other = score(all_, heads_.data());
    if (!found || other > second.score) {
      found = true;
      second.word = root;
      second.score = other;
    }
  }
  if (found) queue_.push(second);
}

RankedTrees Ranking::run(const Candidates& original, size_t k) {
  heads_.resize(words_);
  const auto give = [&] { trees_.insert(trees_.end(), heads_.begin(), heads_.end()); };
  int32_t count = 0;
  if (k > 0) {
    int32_t set = restrict_to({});
    if (!search_.find(set_, heads_.data())) throw DecodeError(0, kNoTree);
    give();
    count = 1;
    if (words_ > 0 && k > 1) queue_second(set, 0);
    while (static_cast<size_t>(count) < k && !queue_.empty()) {
      const Second next = queue_.top();
      queue_.pop();
      const size_t arc = arc_into(next.word, tree(next.tree)[next.word - 1]);
      set = restrict_to({next.subset, arc, false});
      search_.find(set_, heads_.data());
      give();
      queue_second(set, count++);
      set = restrict_to({next.subset, arc, true});
      queue_second(set, next.tree);
    }
  }

  std::vector<double> scores(static_cast<size_t>(count));
  std::vector<int32_t> order(scores.size());
  for (int32_t i = 0; i < count; ++i) scores[static_cast<size_t>(i)] = score(original, tree(i));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return scores[a] > scores[b]; });
  RankedTrees ranked;
  ranked.heads.reserve(trees_.size());
  ranked.scores.reserve(scores.size());
  for (const int32_t number : order) {
    ranked.heads.insert(ranked.heads.end(), tree(number), tree(number) + words_);
    ranked.scores.push_back(scores[static_cast<size_t>(number)]);
  }
  return ranked;
}

}  // namespace

RankedTrees k_best(const Candidates& candidates, size_t k) { return Ranking(candidates).run(candidates, k); }

}  // namespace posmoe
