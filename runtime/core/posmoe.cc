// The C API: the library, models, and texts to documents.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "posmoe_objects.h"
#include "utf8.h"
#include "version.h"

namespace posmoe::c {
namespace {

std::string checked_text(const char* text, size_t size, uint32_t flags, size_t number) {
  require(text || size == 0, "expected a text, got null");
  const std::string_view bytes(text ? text : "", size == POSMOE_TERMINATED ? std::strlen(text) : size);
  if (flags & POSMOE_REPAIR) return repair(bytes);
  if (const size_t valid = valid_prefix(bytes); valid != bytes.size()) {
    throw InputError("text " + std::to_string(number) + ": expected UTF-8, got an invalid byte at " + std::to_string(valid));
  }
  return std::string(bytes);
}

std::vector<std::vector<GivenToken>> sentences_of(const char* const* words, const size_t* ends, size_t count) {
  std::vector<std::vector<GivenToken>> result;
  size_t at = 0;
  for (size_t s = 0; s < count; ++s) {
    require(ends[s] >= at, "expected the ends of sentences to rise");
    std::vector<GivenToken>& sentence = result.emplace_back();
    for (; at < ends[s]; ++at) {
      require(words[at], "expected a word, got null");
      const std::string_view form = words[at];
      if (valid_prefix(form) != form.size()) {
        throw InputError("word " + std::to_string(at) + ": expected UTF-8, got an invalid byte");
      }
      sentence.push_back({std::string(form), {}, true});
    }
  }
  return result;
}

}  // namespace

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

}  // namespace posmoe::c

using namespace posmoe::c;
using posmoe::Analysis;
using posmoe::Parser;

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
