#include "arcs_lists.h"

#include <algorithm>

namespace posmoe {

void ListArcs::reset(const Candidates& candidates, const std::vector<Arc>& best, Contraction& forest, bool root_last) {
  candidates_ = &candidates;
  best_ = &best;
  forest_ = &forest;
  root_last_ = root_last;
  list_of_.assign(candidates.words() + 1, -1);
  owner_.assign(candidates.words() + 1, -1);
  place_.resize(candidates.words() + 1);
  free_.resize(lists_.size());
  for (size_t i = 0; i < free_.size(); ++i) free_[i] = static_cast<int32_t>(i);
}

Arc ListArcs::best_of(const List& list, size_t& place) const {
  Arc best, root;
  size_t root_place = 0;
  for (size_t i = 0; i < list.arcs.size(); ++i) {
    const Arc& arc = list.arcs[i];
    if (root_last_ && arc.head == 0) {
      if (root.head == 0 && root.score >= arc.score) continue;
      root = arc;
      root_place = i;
    } else if (best.head < 0 || arc.score > best.score || (arc.score == best.score && arc.head < best.head)) {
      best = arc;
      place = i;
    }
  }
  if (best.head >= 0) return best;
  place = root_place;
  return root;
}

Arc ListArcs::best(int32_t node) {
  if (forest_->is_word(node)) {
    const Arc& best = (*best_)[node];
    if (!root_last_ || best.head != 0) return best;
    const Arc other = candidates_->best(node, 1);
    return other.head < 0 ? best : other;
  }
  const int32_t number = list_of_[node];
  for (size_t place = 0;;) {
    Arc best = best_of(lists_[number], place);
    if (best.head <= 0 || forest_->find(best.head) != node) {
      best.score += lists_[number].shift;
      return best;
    }
    remove(number, place);
  }
}

int32_t ListArcs::take_list() {
  if (free_.empty()) {
    free_.push_back(static_cast<int32_t>(lists_.size()));
    lists_.emplace_back();
  }
  const int32_t list = free_.back();
  free_.pop_back();
  lists_[list].arcs.clear();
  lists_[list].shift = 0;
  return list;
}

// Of two arcs from one head the better one stays, of equal ones the first.
void ListArcs::add(int32_t list, Arc arc) {
  std::vector<Arc>& arcs = lists_[list].arcs;
  arc.score -= lists_[list].shift;
  const auto place = static_cast<size_t>(place_[arc.head]);
  if (owner_[arc.head] == list && place < arcs.size() && arcs[place].head == arc.head) {
    if (arc.score > arcs[place].score) arcs[place] = arc;
    return;
  }
  owner_[arc.head] = list;
  place_[arc.head] = static_cast<int32_t>(arcs.size());
  arcs.push_back(arc);
}

void ListArcs::remove(int32_t list, size_t place) {
  std::vector<Arc>& arcs = lists_[list].arcs;
  arcs[place] = arcs.back();
  arcs.pop_back();
  if (place < arcs.size() && owner_[arcs[place].head] == list) place_[arcs[place].head] = static_cast<int32_t>(place);
}

// The longest list of the members becomes the node's; the others' arcs and those of words go there.
void ListArcs::contract(int32_t node, const int32_t* members, size_t count) {
  int32_t longest = -1;
  for (size_t m = 0; m < count; ++m) {
    const int32_t list = list_of_[members[m]];
    if (list < 0) continue;
    if (longest < 0 || lists_[list].arcs.size() > lists_[list_of_[longest]].arcs.size()) longest = members[m];
  }
  const int32_t list = longest < 0 ? take_list() : list_of_[longest];
  if (longest >= 0) lists_[list].shift -= forest_->chosen[longest].score;
  for (size_t m = 0; m < count; ++m) {
    const int32_t member = members[m];
    if (member == longest) continue;
    const double cost = forest_->chosen[member].score;
    for (int32_t word = forest_->first_word(member), last = forest_->last_word(member);; word = forest_->next_word(word)) {
      const auto place = static_cast<size_t>(place_[word]);
      if (owner_[word] == list && place < lists_[list].arcs.size() && lists_[list].arcs[place].head == word) {
        remove(list, place);
      }
      if (word == last) break;
    }
    const auto take = [&](Arc arc) {
      arc.score -= cost;
      if (arc.head == 0 || forest_->find(arc.head) != node) add(list, arc);
    };
    if (forest_->is_word(member)) {
      for (size_t arc = candidates_->begin(member); arc < candidates_->end(member); ++arc) {
        if (candidates_->head(arc) >= 0) take({candidates_->head(arc), member, candidates_->score(arc)});
      }
      continue;
    }
    const List& other = lists_[list_of_[member]];
    for (Arc arc : other.arcs) {
      arc.score += other.shift;
      take(arc);
    }
    free_.push_back(list_of_[member]);
  }
  list_of_.push_back(list);
}

void ListArcs::forget(int32_t node) {
  if (list_of_[node] >= 0) free_.push_back(list_of_[node]);
}

size_t ListArcs::memory() const {
  size_t bytes = (list_of_.capacity() + free_.capacity() + owner_.capacity() + place_.capacity()) * sizeof(int32_t);
  for (const List& list : lists_) bytes += list.arcs.capacity() * sizeof(Arc);
  return bytes;
}

}  // namespace posmoe
