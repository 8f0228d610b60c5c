#include "labeller.h"

#include "bundle.h"

namespace posmoe {
namespace {

std::vector<float> copied(const SafeTensors& tensors, const char* name) {
  const SafeTensors::Entry& entry = tensors.entries().at(name);
  const float* data = static_cast<const float*>(entry.data);
  return {data, data + entry.size};
}

}  // namespace

Labeller::Labeller(const Bundle& bundle, const SafeTensors& tensors)
    : rank_(bundle.label_rank), tags_(bundle.tags.size()), labels_(bundle.labels.size()), root_(bundle.root),
      weight_(copied(tensors, "label.weight")), bias_(copied(tensors, "label.bias")), pair_(copied(tensors, "label.pair")) {}

void Labeller::operator()(const float* dependents, const float* heads, size_t words, const int32_t* tags,
                          const int32_t* tree, int32_t* out) const {
  const bool free = root_ < 0 || labels_ == 1;
  std::vector<float> total(labels_);
  for (size_t i = 0; i < words; ++i) {
    const size_t head = static_cast<size_t>(tree[i]);
    const size_t head_tag = head ? static_cast<size_t>(tags[head - 1]) : tags_;
    const size_t row = (static_cast<size_t>(tags[i]) * (tags_ + 1) + head_tag) * 2 + (head > i + 1);
    total.assign(labels_, 0.0f);
    for (size_t r = 0; r < rank_; ++r) {
      const float sum = dependents[i * rank_ + r] + heads[head * rank_ + r], hidden = sum > 0.0f ? sum : 0.0f;
      for (size_t l = 0; l < labels_; ++l) total[l] += hidden * weight_[r * labels_ + l];
    }
    int32_t best = -1;
    for (size_t l = 0; l < labels_; ++l) {
      total[l] += bias_[l];
      total[l] += pair_[row * labels_ + l];
      const bool allowed = free || (static_cast<int64_t>(l) == root_) == (head == 0);
      if (allowed && (best < 0 || total[l] > total[static_cast<size_t>(best)])) best = static_cast<int32_t>(l);
    }
    out[i] = best;
  }
}

}  // namespace posmoe
