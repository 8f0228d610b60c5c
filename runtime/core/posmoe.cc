#define POSMOE_BUILD
#include "posmoe.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <mutex>
#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "draft.h"
#include "errors.h"
#include "handles.h"
#include "parser.h"
#include "utf8.h"
#include "version.h"

namespace {

using posmoe::Analysis;
using posmoe::Draft;
using posmoe::Parser;

// ---- what handles stand for ----

struct Model {
  Parser parser;
  std::vector<const char*> tags, deprels;

  explicit Model(posmoe::BundleFiles files) : parser(std::move(files)) {
    for (const std::string& name : parser.bundle().tags) tags.push_back(name.c_str());
    for (const std::string& name : parser.bundle().labels) deprels.push_back(name.c_str());
  }
};

struct Document {
  std::shared_ptr<const Model> model;
  Analysis analysis;
  std::mutex mutex;  // for what follows, which is made when it is asked for
  bool made = false;
  std::string forms;
  std::vector<uint32_t> form, token_word;

  Document(std::shared_ptr<const Model> m, Analysis a) : model(std::move(m)), analysis(std::move(a)) {}

  void make() {
    const std::lock_guard<std::mutex> lock(mutex);
    if (made) return;
    const posmoe::Words& words = analysis.text.words;
    forms.clear(), form.clear();
    token_word.assign(words.token_start.size() + 1, static_cast<uint32_t>(words.size()));
    for (size_t i = words.size(); i-- > 0;) token_word[words.token[i]] = static_cast<uint32_t>(i);
    form.reserve(words.size());
    for (size_t i = 0; i < words.size(); ++i) {
      form.push_back(static_cast<uint32_t>(forms.size()));
      forms += words.word(i);
      forms += '\0';
    }
    if (forms.size() > std::numeric_limits<uint32_t>::max()) throw posmoe::InputError("the forms are 4 GiB or longer");
    made = true;
  }
};

struct Task {
  std::shared_ptr<const Model> model;
  size_t texts;
  std::mutex mutex;
  Draft draft;

  Task(std::shared_ptr<const Model> m, std::vector<Analysis> words)
      : model(std::move(m)), texts(words.size()), draft({model, &model->parser}, std::move(words)) {}
};

// They outlive all threads, so they are never destroyed.
auto& models() {
  static auto* const all = new posmoe::Handles<posmoe_model, Model>;
  return *all;
}
auto& documents() {
  static auto* const all = new posmoe::Handles<posmoe_document, Document>;
  return *all;
}
auto& drafts() {
  static auto* const all = new posmoe::Handles<posmoe_draft, Task>;
  return *all;
}
auto& texts() {
  static auto* const all = new posmoe::Handles<char*, char[]>;
  return *all;
}

// ---- errors ----

struct ArgumentError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};
struct HandleError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

std::string& last_error() {
  thread_local std::string message;
  return message;
}

posmoe_status failed(posmoe_status status, const char* message) noexcept {
  try {
    last_error() = message;
  } catch (...) {  // no memory for the message
    last_error().clear();
  }
  return status;
}

// Runs a function's body; what it throws becomes a status.
template <typename Body>
posmoe_status guarded(Body body) noexcept {
  try {
    body();
    return POSMOE_OK;
  } catch (const ArgumentError& error) {
    return failed(POSMOE_ERROR_ARGUMENT, error.what());
  } catch (const HandleError& error) {
    return failed(POSMOE_ERROR_HANDLE, error.what());
  } catch (const posmoe::InputError& error) {
    return failed(POSMOE_ERROR_INPUT, error.what());
  } catch (const posmoe::BundleError& error) {
    return failed(POSMOE_ERROR_BUNDLE, error.what());
  } catch (const posmoe::EngineError& error) {
    return failed(POSMOE_ERROR_ENGINE, error.what());
  } catch (const posmoe::DecodeError& error) {
    return failed(POSMOE_ERROR_DECODE, error.what());
  } catch (const std::bad_alloc&) {
    return failed(POSMOE_ERROR_MEMORY, "there is not enough memory");
  } catch (const std::exception& error) {
    return failed(POSMOE_ERROR_INTERNAL, error.what());
  } catch (...) {
    return failed(POSMOE_ERROR_INTERNAL, "an exception of unknown type");
  }
}

void require(bool holds, const char* expected) {
  if (!holds) throw ArgumentError(expected);
}

template <typename All, typename Handle>
auto found(All& all, Handle handle, const char* what) {
  auto object = all.find(handle);
  if (!object) throw HandleError(std::string("expected ") + what + ", got " + (handle ? "a handle that is none or was freed" : "null"));
  return object;
}

template <typename All, typename Handle>
posmoe_status freed(All& all, Handle handle, const char* what) noexcept {
  return guarded([&] {
    if (handle && !all.remove(handle)) throw HandleError(std::string("expected ") + what + ", got a handle that is none or was freed");
  });
}

constexpr const char* kModel = "a model";
constexpr const char* kDocument = "a document";
constexpr const char* kDraft = "a draft";

// Gives the caller as many bytes of a structure as it knows.
template <typename T>
void give(const T& value, T* to) {
  static_assert(std::is_trivially_copyable_v<T>);
  const size_t size = to->struct_size;
  require(size >= sizeof(size_t) && size <= 4096, "expected a structure that its _INIT has set");
  std::memcpy(static_cast<void*>(to), &value, std::min(size, sizeof(T)));
  to->struct_size = size;
}

// ---- texts in, documents out ----

std::string checked_text(const char* text, size_t size, uint32_t flags, size_t number) {
  require(text || size == 0, "expected a text, got null");
  const std::string_view bytes(text ? text : "", size == POSMOE_TERMINATED ? std::strlen(text) : size);
  if (flags & POSMOE_REPAIR) return posmoe::repair(bytes);
  if (const size_t valid = posmoe::valid_prefix(bytes); valid != bytes.size()) {
    throw posmoe::InputError("text " + std::to_string(number) + ": expected UTF-8, got an invalid byte at " + std::to_string(valid));
  }
  return std::string(bytes);
}

std::vector<Analysis> words_of(const Parser& parser, const char* const* given, const size_t* sizes, size_t count,
                               uint32_t flags) {
  require((flags & ~(POSMOE_LINES | POSMOE_REPAIR)) == 0, "expected flags that this version has");
  require(given || count == 0, "expected texts, got null");
  std::vector<Analysis> result;
  result.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    std::string text = checked_text(given[i], sizes ? sizes[i] : POSMOE_TERMINATED, flags, i);
    result.push_back(parser.words(std::move(text), (flags & POSMOE_LINES) != 0));
  }
  return result;
}

void deliver(const std::shared_ptr<const Model>& model, std::vector<Analysis> analyses, posmoe_document* to) {
  std::vector<std::shared_ptr<Document>> made;
  made.reserve(analyses.size());
  for (Analysis& analysis : analyses) made.push_back(std::make_shared<Document>(model, std::move(analysis)));
  size_t given = 0;
  try {
    for (; given < made.size(); ++given) to[given] = documents().add(std::move(made[given]));
  } catch (...) {
    while (given-- > 0) documents().remove(std::exchange(to[given], nullptr));
    throw;
  }
}

std::vector<std::vector<posmoe::GivenToken>> sentences_of(const char* const* words, const size_t* ends, size_t count) {
  std::vector<std::vector<posmoe::GivenToken>> result;
  size_t at = 0;
  for (size_t s = 0; s < count; ++s) {
    require(ends[s] >= at, "expected the ends of sentences to rise");
    std::vector<posmoe::GivenToken>& sentence = result.emplace_back();
    for (; at < ends[s]; ++at) {
      require(words[at], "expected a word, got null");
      const std::string_view form = words[at];
      if (posmoe::valid_prefix(form) != form.size()) {
        throw posmoe::InputError("word " + std::to_string(at) + ": expected UTF-8, got an invalid byte");
      }
      sentence.push_back({std::string(form), {}, true});
    }
  }
  return result;
}

}  // namespace

// ---- the library ----

uint32_t posmoe_abi(void) { return POSMOE_ABI; }

const char* posmoe_version(void) { return posmoe::version(); }

const char* posmoe_error(void) { return last_error().c_str(); }

// ---- models ----

posmoe_status posmoe_load(const char* path, posmoe_model* model) {
  return guarded([&] {
    require(model, "expected where to put the model, got null");
    *model = nullptr;
    require(path, "expected a bundle's path, got null");
    *model = models().add(std::make_shared<Model>(posmoe::BundleFiles::folder(path)));
  });
}

posmoe_status posmoe_load_files(const posmoe_file* files, size_t count, posmoe_model* model) {
  return guarded([&] {
    require(model, "expected where to put the model, got null");
    *model = nullptr;
    require(files || count == 0, "expected files, got null");
    std::vector<posmoe::BundleFiles::Named> named;
    for (size_t i = 0; i < count; ++i) {
      require(files[i].name && (files[i].data || files[i].size == 0), "expected a file's name and data, got null");
      named.emplace_back(files[i].name, std::string_view(static_cast<const char*>(files[i].data), files[i].size));
    }
    *model = models().add(std::make_shared<Model>(posmoe::BundleFiles::memory(std::move(named))));
  });
}

posmoe_status posmoe_model_info(posmoe_model model, posmoe_info* info) {
  return guarded([&] {
    const auto known = found(models(), model, kModel);
    require(info, "expected where to put the information, got null");
    const posmoe::Bundle& b = known->parser.bundle();
    give({sizeof(posmoe_info), b.name.c_str(), b.version.c_str(), b.language.c_str(), known->parser.instruction_set(),
          b.refusal.c_str(), known->tags.size(), known->deprels.size(), known->tags.data(), known->deprels.data(),
          b.max_sentence, b.label_rank},
         info);
  });
}

posmoe_status posmoe_free_model(posmoe_model model) { return freed(models(), model, kModel); }

// ---- parsing ----

posmoe_status posmoe_parse(posmoe_model model, const char* text, size_t size, uint32_t flags, posmoe_document* document) {
  return posmoe_parse_many(model, &text, &size, 1, flags, document);
}

posmoe_status posmoe_parse_many(posmoe_model model, const char* const* given, const size_t* sizes, size_t count,
                                uint32_t flags, posmoe_document* documents) {
  return guarded([&] {
    require(documents || count == 0, "expected where to put the documents, got null");
    if (count) std::fill_n(documents, count, nullptr);
    const std::shared_ptr<const Model> known = found(models(), model, kModel);
    std::vector<Analysis> analyses = words_of(known->parser, given, sizes, count, flags);
    known->parser.parse(analyses);
    deliver(known, std::move(analyses), documents);
  });
}

posmoe_status posmoe_parse_words(posmoe_model model, const char* const* words, const size_t* ends, size_t sentences,
                                 const int32_t* tags, posmoe_document* document) {
  return guarded([&] {
    require(document, "expected where to put the document, got null");
    *document = nullptr;
    const std::shared_ptr<const Model> known = found(models(), model, kModel);
    require((words && ends) || sentences == 0, "expected words and the ends of sentences, got null");
    std::vector<Analysis> analyses;
    analyses.push_back(Parser::words(sentences_of(words, ends, sentences)));
    const auto most = static_cast<int32_t>(known->tags.size());
    const size_t count = analyses[0].text.words.size();
    require(!tags || std::all_of(tags, tags + count, [most](int32_t tag) { return tag >= -1 && tag < most; }),
            "expected tags to be indices of the model's tags, or -1");
    const std::vector<const int32_t*> gold{tags};
    known->parser.parse(analyses, &gold);
    deliver(known, std::move(analyses), document);
  });
}

// ---- documents ----

posmoe_status posmoe_read(posmoe_document document, posmoe_columns* columns) {
  return guarded([&] {
    const auto known = found(documents(), document, kDocument);
    require(columns, "expected where to put the columns, got null");
    known->make();
    const posmoe::PointWords& text = known->analysis.text;
    const posmoe::Words& w = text.words;
    const bool same = text.ascii;
    give({sizeof(posmoe_columns), w.text.c_str(), w.text.size(), w.size(), w.token_start.size(), w.sentence.size() - 1,
          known->analysis.cut, known->forms.c_str(), known->form.data(), known->analysis.upos.data(),
          known->analysis.heads.data(), known->analysis.deprels.data(), w.start.data(), w.end.data(),
          (same ? w.start : text.start).data(), (same ? w.end : text.end).data(), w.token.data(), known->token_word.data(),
          w.token_start.data(), w.token_end.data(), (same ? w.token_start : text.token_start).data(),
          (same ? w.token_end : text.token_end).data(), w.space_after.data(), w.sentence.data(),
          known->model->tags.data(), known->model->deprels.data()},
         columns);
  });
}

posmoe_status posmoe_write(posmoe_document document, uint32_t format, uint64_t first, char** text, size_t* size) {
  return guarded([&] {
    require(text && size, "expected where to put the text and its size, got null");
    *text = nullptr, *size = 0;
    const auto known = found(documents(), document, kDocument);
    require(format <= POSMOE_JSONL, "expected POSMOE_CONLLU or POSMOE_JSONL");
    posmoe::TextBuffer out;
    const auto write = format == POSMOE_CONLLU ? posmoe::write_conllu : posmoe::write_jsonl;
    write(known->analysis, known->model->parser.names(), {first, 0, nullptr}, out);
    std::shared_ptr<char[]> kept(new char[out.size() + 1]);
    if (out.size()) std::memcpy(kept.get(), out.data(), out.size());
    kept[out.size()] = '\0';
    char* const address = kept.get();
    texts().put(address, std::move(kept));
    *text = address, *size = out.size();
  });
}

posmoe_status posmoe_free_text(char* text) { return freed(texts(), text, "a text that posmoe_write gave"); }

posmoe_status posmoe_free_document(posmoe_document document) { return freed(documents(), document, kDocument); }

// ---- another engine for the network ----

posmoe_status posmoe_begin(posmoe_model model, const char* const* given, const size_t* sizes, size_t count, uint32_t flags,
                           posmoe_draft* draft) {
  return guarded([&] {
    require(draft, "expected where to put the draft, got null");
    *draft = nullptr;
    const std::shared_ptr<const Model> known = found(models(), model, kModel);
    *draft = drafts().add(std::make_shared<Task>(known, words_of(known->parser, given, sizes, count, flags)));
  });
}

posmoe_status posmoe_next(posmoe_draft draft, posmoe_batch* batch) {
  return guarded([&] {
    const auto task = found(drafts(), draft, kDraft);
    require(batch, "expected where to put the batch, got null");
    const std::lock_guard<std::mutex> lock(task->mutex);
    const Draft::Batch& next = task->draft.next();
    give({sizeof(posmoe_batch), next.sentences, next.length, posmoe::kFeatures, next.features.data(), next.lengths.data()},
         batch);
  });
}

posmoe_status posmoe_score(posmoe_draft draft, const posmoe_scores* scores) {
  return guarded([&] {
    const auto task = found(drafts(), draft, kDraft);
    require(scores && scores->struct_size >= sizeof(posmoe_scores), "expected scores that POSMOE_SCORES_INIT has set");
    require(scores->tag_scores && scores->arc_scores && scores->arc_heads && scores->label_dependent && scores->label_head,
            "expected all five outputs of the graph, got null");
    require(scores->candidates > 0, "expected one candidate at least");
    const std::lock_guard<std::mutex> lock(task->mutex);
    require(task->draft.open(), "there is no batch to be scored: ask for the next one first");
    task->draft.score({scores->tag_scores, scores->arc_scores, scores->arc_heads, scores->label_dependent,
                       scores->label_head, scores->candidates});
  });
}

posmoe_status posmoe_finish(posmoe_draft draft, size_t count, posmoe_document* to) {
  return guarded([&] {
    const auto task = found(drafts(), draft, kDraft);
    const std::lock_guard<std::mutex> lock(task->mutex);
    require(count == task->texts, "expected room for as many documents as there are texts");
    require(to || count == 0, "expected where to put the documents, got null");
    require(task->draft.scored(), "expected scores for every batch before the end");
    if (!drafts().remove(draft)) throw HandleError("the draft was freed meanwhile");
    if (count) std::fill_n(to, count, nullptr);
    deliver(task->model, task->draft.finish(), to);
  });
}

posmoe_status posmoe_free_draft(posmoe_draft draft) { return freed(drafts(), draft, kDraft); }
