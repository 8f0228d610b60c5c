// The C API: what can be read from a document.
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "posmoe_objects.h"
#include "writers.h"

namespace posmoe::c {

void Document::make() {
  const std::lock_guard<std::mutex> lock(mutex);
  if (made) return;
  const Words& words = analysis.text.words;
  forms.clear(), form.clear();
  token_word.assign(words.token_start.size() + 1, static_cast<uint32_t>(words.size()));
  for (size_t i = words.size(); i-- > 0;) token_word[words.token[i]] = static_cast<uint32_t>(i);
  form.reserve(words.size());
  for (size_t i = 0; i < words.size(); ++i) {
    form.push_back(static_cast<uint32_t>(forms.size()));
    forms += words.word(i);
    forms += '\0';
  }
  if (forms.size() > std::numeric_limits<uint32_t>::max()) throw InputError("the forms are 4 GiB or longer");
  made = true;
}

}  // namespace posmoe::c

using namespace posmoe::c;

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
