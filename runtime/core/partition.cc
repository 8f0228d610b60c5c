#include "partition.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

// Determinants of such Laplacians lose everything to cancellation where scores are far apart. So the sum is taken by
// eliminating one word after the other, by additions, products and quotients of positive numbers alone (Grassmann,
// Taksar and Heyman 1985; the Markov chain tree theorem says what it computes):
//   take(i, h) is the weight of head h for word i; eliminating m, which leaves with total weight s = sum take(m, h),
//   adds take(i, m) take(m, h) / s to take(i, h). The trees rooted in the last word left weigh the product of all s;
//   those rooted in m weigh share(m) = sum over words i left at that time of share(i) take(i, m) / s, times as much.

namespace posmoe {
namespace {

constexpr double kNone = -std::numeric_limits<double>::infinity();

// Plain numbers: quick, and exact enough while no sum comes near the smallest number.
struct Plain {
  static double from_log(double x) { return std::exp(x); }
  static double to_log(double x) { return std::log(x); }
  static double zero() { return 0; }
  static double one() { return 1; }
  static double add(double a, double b) { return a + b; }
  static double times(double a, double b) { return a * b; }
  static double over(double a, double b) { return a / b; }
  static bool safe(double x) { return x > 1e-200 && x < 1e200; }
};

// Logarithms: for scores that lie hundreds apart.
struct Logs {
  static double from_log(double x) { return x; }
  static double to_log(double x) { return x; }
  static double zero() { return kNone; }
  static double one() { return 0; }
  static double add(double a, double b) {
    const double high = std::max(a, b);
    return high == kNone ? kNone : high + std::log1p(std::exp(std::min(a, b) - high));
  }
  static double times(double a, double b) { return a + b; }
  static double over(double a, double b) { return a - b; }
  static bool safe(double) { return true; }
};

// Returns NaN where the numbers may have left their range, -inf where there is no tree.
template <typename Number>
double eliminate(const Candidates& candidates) {
  const size_t n = candidates.words();
  std::vector<double> take(n * n, Number::zero()), root(n, Number::zero()), total(n), share(n);
  double log_sum = 0;
  for (size_t word = 0; word < n; ++word) {
    const auto number = static_cast<int32_t>(word + 1);
    const double best = candidates.best(number, 0).score;
    log_sum += best;
    for (size_t arc = candidates.begin(number); arc < candidates.end(number); ++arc) {
      const int32_t head = candidates.head(arc);
      if (head < 0) continue;
      double& to = head == 0 ? root[word] : take[word * n + static_cast<size_t>(head - 1)];
      to = std::max(to, Number::from_log(candidates.score(arc) - best));
    }
  }

  std::vector<size_t> order(n);  // eliminated from the back
  for (size_t i = 0; i < n; ++i) order[i] = i;
  bool only_root = false;  // order[0] has no way to the others: it must be the root
  for (size_t left = n - 1; left > 0; --left) {
    double sum = Number::zero();
    for (;;) {
      for (size_t j = 0; j < left; ++j) sum = Number::add(sum, take[order[left] * n + order[j]]);
      if (sum != Number::zero()) break;
      if (only_root) return kNone;
      only_root = true;
      std::swap(order[0], order[left]);
    }
    if (!Number::safe(sum)) return std::nan("");
    const size_t m = order[left];
    total[m] = sum;
    log_sum += Number::to_log(sum);
    for (size_t i = 0; i < left; ++i) {
      double* const row = &take[order[i] * n];
      if (row[m] == Number::zero()) continue;
      const double through = Number::over(row[m], sum);
      for (size_t j = 0; j < left; ++j) {
        const size_t h = order[j];
        if (i != j) row[h] = Number::add(row[h], Number::times(through, take[m * n + h]));
      }
    }
  }

  double rooted = root[order[0]];
  share[order[0]] = Number::one();
  double highest = Number::one();
  for (size_t at = 1; at < n; ++at) {
    const size_t m = order[at];
    double sum = Number::zero();
    for (size_t j = 0; j < at; ++j) sum = Number::add(sum, Number::times(share[order[j]], take[order[j] * n + m]));
    share[m] = Number::over(sum, total[m]);
    highest = std::max(highest, share[m]);
    rooted = Number::add(rooted, Number::times(root[m], share[m]));
  }
  if (!Number::safe(highest) || !Number::safe(Number::over(rooted, highest))) return std::nan("");
  return rooted == Number::zero() ? kNone : log_sum + Number::to_log(rooted);
}

}  // namespace

double log_partition(const Candidates& candidates) {
  if (candidates.words() == 0) return 0;
  if (candidates.words() > kLongestPartition) {
    throw DecodeError(0, "probabilities need a sentence of at most " + std::to_string(kLongestPartition) +
                             " words, got " + std::to_string(candidates.words()));
  }
  double sum = eliminate<Plain>(candidates);
  if (!std::isfinite(sum)) sum = eliminate<Logs>(candidates);
  if (sum == kNone) throw DecodeError(0, kNoTree);
  return sum;
}

}  // namespace posmoe
