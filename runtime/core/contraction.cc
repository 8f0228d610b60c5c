#include "contraction.h"

#include <numeric>

namespace posmoe {

void Contraction::reset(size_t words) {
  words_ = words;
  const size_t nodes = words + 1;
  chosen.assign(nodes, Arc{});
  state.assign(nodes, kFresh);
  state[0] = kDone;
  parent_.assign(nodes, -1);
  child_.assign(nodes, -1);
  sibling_.assign(nodes, -1);
  next_.assign(nodes, -1);
  set_.resize(nodes);
  std::iota(set_.begin(), set_.end(), 0);
  first_ = set_;
  last_ = set_;
}

size_t Contraction::memory() const {
  return chosen.capacity() * sizeof(Arc) + state.capacity() +
         (parent_.capacity() + set_.capacity() + child_.capacity() + sibling_.capacity() + first_.capacity() +
          last_.capacity() + next_.capacity() + stack_.capacity()) * sizeof(int32_t);
}

int32_t Contraction::find(int32_t node) {
  while (set_[node] != node) {
    set_[node] = set_[set_[node]];
    node = set_[node];
  }
  return node;
}

int32_t Contraction::contract(const int32_t* members, size_t count) {
  const auto node = static_cast<int32_t>(parent_.size());
  chosen.emplace_back();
  state.push_back(kFresh);
  parent_.push_back(-1);
  sibling_.push_back(-1);
  set_.push_back(node);
  child_.push_back(members[0]);
  first_.push_back(first_[members[0]]);
  last_.push_back(last_[members[count - 1]]);
  for (size_t i = 0; i < count; ++i) {
    parent_[members[i]] = node;
    set_[members[i]] = node;
    if (i + 1 < count) {
      sibling_[members[i]] = members[i + 1];
      next_[last_[members[i]]] = first_[members[i + 1]];
    }
  }
  return node;
}

void Contraction::expand(int32_t* out) {
  stack_.clear();
  for (size_t node = 1; node < parent_.size(); ++node) {
    if (parent_[node] < 0) stack_.push_back(static_cast<int32_t>(node));
  }
  while (!stack_.empty()) {
    const int32_t top = stack_.back();
    stack_.pop_back();
    const Arc arc = chosen[top];
    out[arc.word - 1] = arc.head;
    for (int32_t inside = arc.word; inside != top; inside = parent_[inside]) {
      for (int32_t child = child_[parent_[inside]]; child >= 0; child = sibling_[child]) {
        if (child != inside) stack_.push_back(child);
      }
    }
  }
}

}  // namespace posmoe
