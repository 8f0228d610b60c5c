// Sentences beyond the model's bound: parsed in pieces, whose trees are joined.
#pragma once

#include <cstddef>
#include <cstdint>

namespace posmoe {

struct Words;

// How many sentences have more than `limit` words, those that the tokeniser has split counted whole.
uint32_t count_long(const Words& words, size_t limit);

// Makes the trees of a sentence's pieces, `limit` words each (the last has the rest), one tree with one root, in place:
// the roots of later pieces hang on that of the first by the relation `joining`.
void join_roots(int32_t* heads, int32_t* deprels, size_t words, size_t limit, int32_t joining);

}  // namespace posmoe
