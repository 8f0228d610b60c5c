// What the WebAssembly module exports to JavaScript (js/src/core.ts is its only caller): the parser without Python.
//
// JavaScript hands over memory that it got from `take`. A call that fails returns 0 (null); `error` then says what was
// wrong. Results are numbers in a row, valid until the next call. Texts on their way belong to the caller until `drop`.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "draft.h"
#include "parser.h"
#include "ranking.h"

#define EXPORT(name) extern "C" __attribute__((export_name(#name), used))

namespace {

using namespace posmoe;

// Kinds of errors, by the classes of errors.ts.
enum Kind : uint32_t { kNone, kInput, kBundle, kDecode, kEngine };
struct Failure {
  uint32_t kind = kNone;
  const char* message = nullptr;
  uint32_t size = 0;
} failure;
std::string failure_text;

void fail(Kind kind, const char* message) {
  failure_text = message;
  failure = {kind, failure_text.data(), static_cast<uint32_t>(failure_text.size())};
}

// What the body returns, or null.
template <typename Body>
auto guarded(Body body) -> decltype(body()) {
  failure = {};
  try {
    return body();
  } catch (const BundleError& error) {
    fail(kBundle, error.what());
  } catch (const EngineError& error) {
    fail(kEngine, error.what());
  } catch (const InputError& error) {
    fail(kInput, error.what());
  } catch (const DecodeError& error) {
    fail(kDecode, error.what());
  } catch (const std::bad_alloc&) {
    fail(kEngine, "the memory that WebAssembly may have is used up: parse the text in parts");
  } catch (const std::exception& error) {
    fail(kEngine, error.what());
  }
  return decltype(body())();
}

// The parser of this module: an instance has one. Kept by a shared pointer, as drafts take it.
std::shared_ptr<const Parser> parser;

// Texts on their way: words, then trees.
struct Work {
  std::vector<Analysis> texts;
  std::vector<int32_t> gold;  // a known tag or -1 for every word of the only text; empty: none is known
  std::unique_ptr<Draft> draft;
  Ranked ranked;
  SentenceScores scores;
};

// A text's columns; core.ts reads the fields in this order. Offsets are UTF-16 units.
struct Columns {
  const char* text;
  uint32_t text_size;
  uint32_t words, tokens, sentences;
  const uint32_t *start, *end, *token;
  const int32_t* form;
  const uint32_t *token_start, *token_end;
  const uint8_t* space_after;
  const uint32_t* sentence;
  const int32_t *upos, *heads, *deprels;
  uint32_t forms;
  const char* form_bytes;
  const uint32_t* form_ends;
  uint32_t cut;
};

// Columns with what they point to, where that is not the analysis itself.
struct Opened {
  Columns columns;
  std::vector<uint32_t> start, end, token_start, token_end, form_ends;
  std::string form_bytes;
} opened;

// UTF-16 offsets of byte offsets that do not decrease: a character of four bytes has two units.
std::vector<uint32_t> utf16_offsets(std::string_view text, const std::vector<uint32_t>& bytes) {
  std::vector<uint32_t> result;
  result.reserve(bytes.size());
  uint32_t at = 0, units = 0;
  for (uint32_t byte : bytes) {
    for (; at < byte; ++at) {
      const auto c = static_cast<unsigned char>(text[at]);
      units += ((c & 0xC0) != 0x80) + (c >= 0xF0);
    }
    result.push_back(units);
  }
  return result;
}

uintptr_t address(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

// Numbers for the caller.
const uintptr_t* results(std::initializer_list<uintptr_t> numbers) {
  static uintptr_t room[8];
  std::copy(numbers.begin(), numbers.end(), room);
  return room;
}

std::vector<std::string> cut(const char* bytes, const uint32_t* sizes, size_t count) {
  std::vector<std::string> result;
  result.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    result.emplace_back(bytes, sizes[i]);
    bytes += sizes[i];
  }
  return result;
}

}  // namespace

EXPORT(take) void* js_take(size_t bytes) { return std::malloc(bytes); }
EXPORT(give) void js_give(void* memory) { std::free(memory); }
EXPORT(error) const Failure* js_error() { return &failure; }

// Loads the parser from a manifest, weights and (or null) graph, with the instruction set of that name, or null for the best.
// Gives name and size of the instruction set, width of the scores for relations, longest sentence in words.
EXPORT(load)
const uintptr_t* js_load(const char* manifest, size_t manifest_size, const char* weights, size_t weights_size,
                         const char* graph, size_t graph_size, const char* instruction_set) {
  return guarded([&] {
    if (instruction_set) setenv("POSMOE_ISA", instruction_set, 1);
    std::vector<BundleFiles::Named> files{{"manifest.json", {manifest, manifest_size}},
                                          {"weights.safetensors", {weights, weights_size}}};
    if (graph) files.emplace_back("model.onnx", std::string_view(graph, graph_size));
    parser = std::make_shared<const Parser>(BundleFiles::memory(std::move(files)));
    const std::string_view set = parser->instruction_set();
    return results({address(set.data()), set.size(), parser->labeller().rank(), parser->bundle().max_sentence});
  });
}

// Words of texts that follow each other in UTF-8; with `lines` every line is one sentence.
EXPORT(texts)
Work* js_texts(const char* utf8, const uint32_t* sizes, size_t count, bool lines) {
  return guarded([&] {
    auto work = std::make_unique<Work>();
    for (std::string& text : cut(utf8, sizes, count)) work->texts.push_back(parser->words(std::move(text), lines));
    return work.release();
  });
}

// Words of given sentences, as one text; `tags` is null, or has a known tag or -1 a word.
EXPORT(tokens)
Work* js_tokens(const char* utf8, const uint32_t* sizes, const uint32_t* words, size_t sentences, const int32_t* tags) {
  return guarded([&] {
    auto work = std::make_unique<Work>();
    std::vector<std::vector<GivenToken>> given(sentences);
    size_t total = 0;
    for (size_t s = 0; s < sentences; ++s) {
      for (std::string& form : cut(utf8, sizes + total, words[s])) {
        utf8 += form.size();
        given[s].push_back({std::move(form), {}, true});
      }
      total += words[s];
    }
    work->texts.push_back(Parser::words(given));
    if (tags) work->gold.assign(tags, tags + total);
    return work.release();
  });
}

// Fills in the trees by the native network.
EXPORT(parse) bool js_parse(Work* work) {
  return guarded([&] {
    const std::vector<const int32_t*> gold{work->gold.data()};
    parser->parse(work->texts, work->gold.empty() ? nullptr : &gold);
    return true;
  });
}

// The next batch for another engine's network: sentences (0: all is done), length, features, lengths.
EXPORT(batch) const uintptr_t* js_batch(Work* work) {
  return guarded([&] {
    if (!work->draft) {
      std::vector<std::vector<int32_t>> gold(1, work->gold);
      if (work->gold.empty()) gold.clear();
      work->draft = std::make_unique<Draft>(parser, std::move(work->texts), std::move(gold));
    }
    const Draft::Batch& next = work->draft->next();
    const auto* result = results({next.sentences, next.length, address(next.features.data()), address(next.lengths.data())});
    if (next.sentences == 0) work->texts = work->draft->finish();
    return result;
  });
}

// Takes in that engine's scores of the batch.
EXPORT(score)
bool js_score(Work* work, const float* tags, const float* arcs, const int64_t* heads, size_t candidates,
              const float* dependents, const float* label_heads) {
  return guarded([&] {
    work->draft->score({tags, arcs, heads, dependents, label_heads, candidates});
    return true;
  });
}

// The native network's scores of the only sentence: words, tags, tag scores, arc scores, arc heads, candidates, scores for
// relations as dependent and as head.
EXPORT(scores) const uintptr_t* js_scores(Work* work) {
  return guarded([&] {
    const Words& words = work->texts.at(0).text.words;
    std::vector<std::string_view> forms;
    for (size_t i = 0; i < words.size(); ++i) forms.push_back(words.word(i));
    const SentenceScores& s = work->scores = score(*parser, forms);
    return results({forms.size(), parser->bundle().tags.size(), address(s.tags.data()), address(s.arcs.data()),
                    address(s.heads.data()), s.candidates, address(s.dependents.data()), address(s.label_heads.data())});
  });
}

// The likeliest trees of the only sentence, whose tags are all known, by scores of it alone: trees, words, heads, relations,
// probabilities.
EXPORT(rank)
const uintptr_t* js_rank(Work* work, size_t k, const float* arcs, const int64_t* heads, size_t candidates,
                         const float* dependents, const float* label_heads) {
  return guarded([&] {
    const Scores scores{nullptr, arcs, heads, dependents, label_heads, candidates};
    const Ranked& r = work->ranked = rank(parser->labeller(), scores, work->gold.size(), work->gold.data(), k);
    return results({r.probabilities.size(), work->gold.size(), address(r.heads.data()), address(r.deprels.data()),
                    address(r.probabilities.data())});
  });
}

// Columns of a text, valid until the next call.
EXPORT(columns) const Columns* js_columns(Work* work, size_t index) {
  return guarded([&] {
    const Analysis& analysis = work->texts.at(index);
    const Words& w = analysis.text.words;
    const bool ascii = analysis.text.ascii;
    opened = {};
    if (!ascii) {
      opened.start = utf16_offsets(w.text, w.start), opened.end = utf16_offsets(w.text, w.end);
      opened.token_start = utf16_offsets(w.text, w.token_start), opened.token_end = utf16_offsets(w.text, w.token_end);
    }
    for (const std::string& form : w.forms) {
      opened.form_bytes += form;
      opened.form_ends.push_back(static_cast<uint32_t>(opened.form_bytes.size()));
    }
    const auto size = [](const auto& column) { return static_cast<uint32_t>(column.size()); };
    opened.columns = {w.text.data(), size(w.text), static_cast<uint32_t>(w.size()), size(w.token_start),
                      size(w.sentence) - 1, (ascii ? w.start : opened.start).data(), (ascii ? w.end : opened.end).data(),
                      w.token.data(), w.form.data(), (ascii ? w.token_start : opened.token_start).data(),
                      (ascii ? w.token_end : opened.token_end).data(), w.space_after.data(), w.sentence.data(),
                      analysis.upos.data(), analysis.heads.data(), analysis.deprels.data(), size(w.forms),
                      opened.form_bytes.data(), opened.form_ends.data(), analysis.cut};
    return static_cast<const Columns*>(&opened.columns);
  });
}

EXPORT(drop) void js_drop(Work* work) { delete work; }
