// The decoders' part of the Python extension: best trees, ranked trees, probabilities.
#include "bind.h"

#include <nanobind/stl/string_view.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "decode.h"
#include "kbest.h"
#include "partition.h"

namespace nb = nanobind;

namespace {

using Heads = nb::ndarray<nb::numpy, int32_t, nb::shape<-1>>;
using BatchHeads = nb::ndarray<nb::numpy, int32_t, nb::shape<-1, -1>>;
template <typename T>
using Matrix = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <typename T>
using Batch = nb::ndarray<const T, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using Lengths = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

constexpr size_t kKeptMemory = size_t{16} << 20;  // what a thread keeps of a decoder's buffers between calls

// This thread's decoder; lets go of the buffers of an exceptionally long sentence.
class ThreadDecoder {
 public:
  ~ThreadDecoder() {
    if (decoder().memory() > kKeptMemory) decoder() = posmoe::Decoder();
  }
  posmoe::Decoder* operator->() { return &decoder(); }

 private:
  static posmoe::Decoder& decoder() {
    thread_local posmoe::Decoder decoder;
    return decoder;
  }
};

template <typename A, typename B>
void check_same_shape(const A& scores, const B& heads) {
  for (size_t i = 0; i < scores.ndim(); ++i) {
    if (scores.shape(i) != heads.shape(i)) throw nb::value_error("decode: scores and heads differ in shape");
  }
}

posmoe::Search search_named(std::string_view name) {
  if (name == "auto") return posmoe::Search::automatic;
  if (name == "lists") return posmoe::Search::lists;
  if (name == "heaps") return posmoe::Search::heaps;
  throw nb::value_error("decode: search must be 'auto', 'lists' or 'heaps'");
}

template <typename Head>
Heads decode(const Matrix<float>& scores, const Matrix<Head>& heads, std::string_view search) {
  check_same_shape(scores, heads);
  const posmoe::Search kind = search_named(search);
  const size_t n = scores.shape(0);
  std::unique_ptr<int32_t[]> out(new int32_t[n]);
  {
    nb::gil_scoped_release release;
    ThreadDecoder()->decode(scores.data(), heads.data(), n, scores.shape(1), out.get(), kind);
  }
  return owned<int32_t, nb::shape<-1>>(std::move(out), {n});
}

// Calls visit(sentence, words, scores, heads) for every sentence of a batch; names the sentence in errors.
template <typename Head, typename Visit>
void each_sentence(const Batch<float>& scores, const Batch<Head>& heads, const Lengths& lengths, Visit visit) {
  check_same_shape(scores, heads);
  const size_t size = scores.shape(0), length = scores.shape(1), width = scores.shape(2);
  if (lengths.shape(0) != size) throw nb::value_error("decode: lengths and scores differ in the number of sentences");
  nb::gil_scoped_release release;
  for (size_t i = 0; i < size; ++i) {
    const int64_t words = lengths.data()[i];
    if (words < 0 || static_cast<size_t>(words) > length) {
      throw std::invalid_argument("decode: sentence " + std::to_string(i) + " has length " + std::to_string(words) +
                                  " in a batch of length " + std::to_string(length));
    }
    try {
      visit(i, static_cast<size_t>(words), scores.data() + i * length * width, heads.data() + i * length * width);
    } catch (const posmoe::DecodeError& error) {
      throw posmoe::DecodeError(error.word, "sentence " + std::to_string(i) + ", " + error.what());
    }
  }
}

template <typename Head>
BatchHeads decode_batch(const Batch<float>& scores, const Batch<Head>& heads, const Lengths& lengths) {
  const size_t size = scores.shape(0), length = scores.shape(1);
  std::unique_ptr<int32_t[]> out(new int32_t[size * length]);
  std::fill_n(out.get(), size * length, -1);
  each_sentence<Head>(scores, heads, lengths, [&](size_t i, size_t words, const float* s, const Head* h) {
    ThreadDecoder()->decode(s, h, words, scores.shape(2), out.get() + i * length);
  });
  return owned<int32_t, nb::shape<-1, -1>>(std::move(out), {size, length});
}

// Sentences without padding: sentence s has the rows offsets[s] .. offsets[s + 1].
template <typename Head>
Heads decode_rows(const Matrix<float>& scores, const Matrix<Head>& heads, const Lengths& offsets) {
  check_same_shape(scores, heads);
  const size_t rows = scores.shape(0), width = scores.shape(1), count = offsets.shape(0);
  const int64_t* const at = offsets.data();
  if (!count || at[0] != 0 || at[count - 1] != static_cast<int64_t>(rows) || !std::is_sorted(at, at + count)) {
    throw nb::value_error("decode: expected offsets that rise from 0 to the number of rows");
  }
  std::unique_ptr<int32_t[]> out(new int32_t[rows]);
  {
    nb::gil_scoped_release release;
    ThreadDecoder decoder;
    for (size_t s = 0; s + 1 < count; ++s) {
      const size_t begin = static_cast<size_t>(at[s]), words = static_cast<size_t>(at[s + 1]) - begin;
      decoder->decode(scores.data() + begin * width, heads.data() + begin * width, words, width, out.get() + begin);
    }
  }
  return owned<int32_t, nb::shape<-1>>(std::move(out), {rows});
}

template <typename Head>
size_t count_searches(const Batch<float>& scores, const Batch<Head>& heads, const Lengths& lengths) {
  size_t searches = 0;
  std::vector<int32_t> out(scores.shape(1));
  each_sentence<Head>(scores, heads, lengths, [&](size_t, size_t words, const float* s, const Head* h) {
    searches += ThreadDecoder()->decode(s, h, words, scores.shape(2), out.data());
  });
  return searches;
}

template <typename Head>
void bind_decode_for(nb::module_& m) {
  m.def("decode", &decode<Head>, nb::arg("scores"), nb::arg("heads"), nb::arg("search") = "auto",
        "The best tree with a single root over scored candidate heads [n, C]: int32 [n].");
  m.def("decode_batch", &decode_batch<Head>, nb::arg("scores"), nb::arg("heads"), nb::arg("lengths"),
        "The best tree of every sentence of a batch [B, T, C]: int32 [B, T], -1 past a sentence's length.");
  m.def("decode_rows", &decode_rows<Head>, nb::arg("scores"), nb::arg("heads"), nb::arg("offsets"),
        "The best tree of every sentence [offsets[s], offsets[s + 1]) of rows [n, C]: int32 [n].");
  m.def("count_searches", &count_searches<Head>, nb::arg("scores"), nb::arg("heads"), nb::arg("lengths"),
        "How many sentences of a batch have best heads that form no tree with a single root.");
}

}  // namespace

void bind_decode(nb::module_& m) {
  bind_decode_for<int32_t>(m);
  bind_decode_for<int64_t>(m);
}

namespace {

// ---- ranked trees and probabilities ----

template <typename Head>
nb::tuple k_best(const Matrix<float>& scores, const Matrix<Head>& heads, size_t k) {
  check_same_shape(scores, heads);
  const size_t n = scores.shape(0);
  posmoe::RankedTrees ranked;
  {
    nb::gil_scoped_release release;
    posmoe::Candidates candidates;
    candidates.assign(scores.data(), heads.data(), n, scores.shape(1));
    ranked = posmoe::k_best(candidates, k);
  }
  const size_t m = ranked.scores.size();
  std::unique_ptr<int32_t[]> trees(new int32_t[m * n]);
  std::unique_ptr<double[]> totals(new double[m]);
  std::copy(ranked.heads.begin(), ranked.heads.end(), trees.get());
  std::copy(ranked.scores.begin(), ranked.scores.end(), totals.get());
  return nb::make_tuple(owned<int32_t, nb::shape<-1, -1>>(std::move(trees), {m, n}),
                        owned<double, nb::shape<-1>>(std::move(totals), {m}));
}

template <typename Head>
double log_partition(const Matrix<float>& scores, const Matrix<Head>& heads) {
  check_same_shape(scores, heads);
  nb::gil_scoped_release release;
  posmoe::Candidates candidates;
  candidates.assign(scores.data(), heads.data(), scores.shape(0), scores.shape(1));
  return posmoe::log_partition(candidates);
}

template <typename Head>
void bind_ranking_for(nb::module_& m) {
  m.def("k_best", &k_best<Head>, nb::arg("scores"), nb::arg("heads"), nb::arg("k"),
        "The k best trees with a single root, best first: heads int32 [m, n], scores float64 [m], m <= k.");
  m.def("log_partition", &log_partition<Head>, nb::arg("scores"), nb::arg("heads"),
        "The logarithm of the sum of exp(score) over all trees with a single root.");
}

}  // namespace

void bind_ranking(nb::module_& m) {
  bind_ranking_for<int32_t>(m);
  bind_ranking_for<int64_t>(m);
}
