// The network's first stage, which looks at every word for itself.
#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>

#include "network.h"

namespace posmoe {
namespace {

uint64_t next_id() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

}  // namespace

Network::Network(const NetworkShape& shape, const Tensors& tensors, const char* instruction_set, size_t cache)
    : kernels_(kernels(instruction_set)),
      weights_(shape, tensors, kernels_),
      id_(next_id()),
      cache_entries_(std::min(WordCache::kMostEntries, cache / (shape.row_dim() * sizeof(float)))) {}

void Network::look_up_ids(const int32_t* ids, size_t count, float* rows, size_t row, const Rows& x) const {
  const NetworkShape& s = weights_.shape;
  for (size_t i = 0; i < count * kFeatures; ++i) {
    if (static_cast<uint32_t>(ids[i]) >= s.rows) {
      throw std::out_of_range("feature row " + std::to_string(ids[i]) + " of a table of " + std::to_string(s.rows) +
                              " rows");
    }
  }
  kernels_.lookup(weights_.codes, weights_.scale, s.row_dim(), ids, count, rows, row);
  kernels_.sigmoid(rows + s.lexical_dim, row, count, s.row_dim() - s.lexical_dim);
  kernels_.rms_norm(rows, row, count, s.lexical_dim, weights_.lexical_norm, x);
}

void Network::look_up(const WordsGiven& words, size_t count, float* rows, size_t row, float* x, size_t stride,
                      Workspace& space) const {
  if (words.ids) return look_up_ids(words.ids, count, rows, row, {x, stride});
  const NetworkShape& s = weights_.shape;
  const size_t width = s.row_dim();
  WordCache& cache = space.cache;
  cache.prepare(id_, cache_entries_, width);
  // of every word its row: one that is kept, or the next of those that are made now
  const float** const found = space.arena.take<const float*>(count);
  int32_t* const ids = space.arena.take<int32_t>(count * kFeatures);
  size_t missing = 0;
  for (size_t i = 0; i < count; ++i) {
    const std::string_view form = words.forms[i];
    found[i] = nullptr;
    if (form.size() <= ShortForm::kMost) {
      const ShortForm key(form);
      found[i] = cache.find(key, key.hash());
    }
    if (!found[i]) words.features->ids(form, ids + missing++ * kFeatures);
  }
  float* const made = space.arena.take<float>(missing * row);
  look_up_ids(ids, missing, made, row, {made, row});
  space.counts.words += count;
  space.counts.cached += count - missing;
  const float* next = made;
  for (size_t i = 0; i < count; ++i) {
    const float* from = found[i];
    if (!from) {
      from = next;
      next += row;
    }
    std::copy_n(from, s.lexical_dim, x + i * stride);
    std::copy_n(from + s.lexical_dim, width - s.lexical_dim, rows + i * row + s.lexical_dim);
  }
  // Rows of frequent words are kept, and of no others: these come before all of them in the table.
  for (size_t i = 0, m = 0; m < missing && !cache.full(); ++i) {
    if (found[i]) continue;
    const size_t at = m++;
    if (words.forms[i].size() > ShortForm::kMost || !words.features->frequent(ids[at * kFeatures], cache_entries_)) continue;
    const ShortForm key(words.forms[i]);
    if (cache.find(key, key.hash())) continue;  // the word was missing twice
    std::copy_n(made + at * row, width, cache.add(key, key.hash()));
  }
}

}  // namespace posmoe
