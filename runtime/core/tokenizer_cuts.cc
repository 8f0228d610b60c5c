#include "tokenizer_cuts.h"

#include <algorithm>

#include "tokenizer_hash.h"

namespace posmoe {
namespace {

constexpr Atom kOutside{0, 0, 0, 1, 0, kNone};

uint32_t at_most(size_t value, uint32_t most) { return static_cast<uint32_t>(std::min<size_t>(value, most)); }

// How often the sign of atoms[i] is repeated from there in steps of `step`, at most 4.
uint32_t repeats(const std::vector<Atom>& atoms, size_t i, int step) {
  uint32_t count = 1;
  for (size_t k = i + static_cast<size_t>(step); count < 4 && k < atoms.size() && atoms[k].look == atoms[i].look;
       k += static_cast<size_t>(step)) {
    ++count;
  }
  return count;
}

}  // namespace

void cut_features(const std::vector<Atom>& atoms, const std::vector<uint32_t>& prefix, size_t first, size_t i,
                  const ListHints& hints, const ChunkContext& context, CutFeatures& to) {
  const size_t n = atoms.size();
  const auto atom = [&](size_t k) -> const Atom& { return k < n ? atoms[k] : kOutside; };  // -1 wraps to outside
  const Atom &a = atoms[i], &b = atoms[i + 1], &p = atom(i - 1), &q = atom(i + 2), &pp = atom(i - 2), &qq = atom(i + 3);
  uint32_t power = 1, rest = 0, so_far = 0;
  // Rolling hashes of the token so far (atoms first..i) and of the rest of the chunk, of at most eight atoms.
  const size_t rest_end = std::min(n, i + 9), from = std::max(first, i >= 7 ? i - 7 : 0);
  for (size_t k = i + 1; k < rest_end; ++k) power *= atoms[k].power;
  rest = prefix[rest_end] - prefix[i + 1] * power;
  power = 1;
  for (size_t k = from; k <= i; ++k) power *= atoms[k].power;
  so_far = prefix[i + 1] - prefix[from] * power;
  const uint32_t a_size = at_most(a.points, 5), b_size = at_most(b.points, 5);
  const uint32_t pieces = at_most(i - first, 4), last = i + 2 == n;
  const uint32_t after = last ? context.after : 99;
  FeatureWriter<CutFeatures> add(to);
  add(a.form());
  add(b.form());
  add(a.look, b.look, a_size, b_size);
  add(a.form(), b.form());
  add(p.look, a.form(), b.look);
  add(a.look, b.form(), q.look);
  add(p.form(), a.form(), b.form());
  add(a.form(), b.form(), q.form());
  add(p.look, a.look, b.look, q.look);
  add(pp.look, p.look, a.look, b.look, q.look, qq.look);
  add(so_far, b.form());
  add(so_far, rest);
  add(rest, a.look);
  add(pieces, a.look, b.look);
  add(so_far, after, b.look);
  add(pieces, a.look, a_size, b.look, after);
  add(hints.abbreviation, b.look, after);
  add(atoms[0].look, a.look, b.look, last);
  add(a.form(), b.form(), last, at_most(i, 2));
  add(context.before_form, a.look, b.look, i == 0);
  add(context.before_look, a.form(), b.form(), i == 0);
  add(repeats(atoms, i, -1), repeats(atoms, i + 1, 1), a.look, b.look);
  add(a.look, b.look, q.look, qq.look, last);
  add(pp.look, p.look, a.look, b.look, pieces);
  add(p.form(), b.form(), a.look);
  add(a.look, b.look, q.form(), b_size);
  add(hints.ending, hints.abbreviation);
  add(hints.ending, hints.abbreviation, a.look, b.look);
}

}  // namespace posmoe
