// The objects behind the handles of the C API.
#pragma once

#include "posmoe_errors.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "draft.h"
#include "handles.h"
#include "parser.h"

namespace posmoe::c {

constexpr const char* kModel = "a model";
constexpr const char* kDocument = "a document";
constexpr const char* kDraft = "a draft";

struct Model {
  Parser parser;
  std::vector<const char*> tags, deprels;

  explicit Model(BundleFiles files) : parser(std::move(files)) {
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

  void make();  // in posmoe_documents.cc
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
inline auto& models() {
  static auto* const all = new Handles<posmoe_model, Model>;
  return *all;
}
inline auto& documents() {
  static auto* const all = new Handles<posmoe_document, Document>;
  return *all;
}
inline auto& drafts() {
  static auto* const all = new Handles<posmoe_draft, Task>;
  return *all;
}
inline auto& texts() {
  static auto* const all = new Handles<char*, char[]>;
  return *all;
}

// The words of texts as C gives them; in posmoe.cc, as the next.
std::vector<Analysis> words_of(const Parser& parser, const char* const* given, const size_t* sizes, size_t count,
                               uint32_t flags);
// Documents of a model, which `to` gets: all or none.
void deliver(const std::shared_ptr<const Model>& model, std::vector<Analysis> analyses, posmoe_document* to);

}  // namespace posmoe::c
