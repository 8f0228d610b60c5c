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
      cache_entries_(std::min(WordCache::kMostEntries, cache / (padded(shape.row_dim()) * sizeof(float)))) {}

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

void Network::look_up(const WordsGiven& words, size_t count, float* x, size_t stride, const float** z,
                      Workspace& space) const {
  const NetworkShape& s = weights_.shape;
  const size_t row = roomy(s.row_dim());
  if (words.ids) {
    float* const rows = space.arena.take<float>(count * row);
    for (size_t i = 0; i < count; ++i) z[i] = rows + i * row;
    look_up_ids(words.ids, count, rows, row, {x, stride});
    return space.clock.mark(Stage::lookup);
  }
  WordCache& cache = space.cache;
  cache.prepare(id_, cache_entries_, s.row_dim());
  int32_t* const ids = space.arena.take<int32_t>(count * kFeatures);
  size_t* const missing = space.arena.take<size_t>(count);
  size_t made = 0;
  for (size_t i = 0; i < count; ++i) {
    const std::string_view form = words.forms[i];
    z[i] = nullptr;
    if (form.size() <= ShortForm::kMost) {
      const ShortForm key(form);
      z[i] = cache.find(key, key.hash());
    }
    if (z[i]) continue;
    words.features->ids(form, ids + made * kFeatures);
    missing[made++] = i;
  }
  space.clock.mark(Stage::features);
  float* const rows = space.arena.take<float>(made * row);
  look_up_ids(ids, made, rows, row, {rows, row});
  for (size_t m = 0; m < made; ++m) z[missing[m]] = rows + m * row;
  for (size_t i = 0; i < count; ++i) std::copy_n(z[i], s.lexical_dim, x + i * stride);
  space.counts.words += count;
  space.counts.cached += count - made;
  // Rows of frequent words are kept, and of no others: these come before all of them in the table.
  for (size_t m = 0; m < made && !cache.full(); ++m) {
    const std::string_view form = words.forms[missing[m]];
    if (form.size() > ShortForm::kMost || !words.features->frequent(ids[m * kFeatures], cache_entries_)) continue;
    const ShortForm key(form);
    if (cache.find(key, key.hash())) continue;  // the word was missing twice
    std::copy_n(rows + m * row, s.row_dim(), cache.add(key, key.hash()));
  }
  space.clock.mark(Stage::lookup);
}

}  // namespace posmoe
