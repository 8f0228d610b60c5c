// JSON lines: an object a sentence, spaced and escaped as Python's json.dumps with ensure_ascii=False.
#include <algorithm>

#include "writers.h"

namespace posmoe {
namespace {

class Sentences {
 public:
  Sentences(const Analysis& analysis, const Names& names, const Place& place, TextBuffer& out)
      : analysis_(analysis), words_(analysis.text.words), names_(names), place_(place), out_(out),
        token_(kEscaped * (longest(names.tags) + longest(names.labels)) + 4 * TextBuffer::kDigits + 160) {}

  void write(size_t begin, size_t end, uint64_t number) {
    if (begin == end) return;
    const size_t first = words_.token[begin], last = words_.token[end - 1];
    const std::string_view text = bytes(words_.token_start[first], words_.token_end[last]);
    out_.room(160 + 3 * TextBuffer::kDigits + kEscaped * (text.size() + (place_.source ? place_.source->size() : 0)));
    out_.put("{\"id\": \"");
    out_.put(number);
    out_.put('"');
    if (place_.source) {
      out_.put(", \"source\": ");
      string(*place_.source);
    }
    out_.put(", \"text\": ");
    string(text);
    span(analysis_.text.surface_start(first), analysis_.text.surface_end(last));
    out_.put(", \"tokens\": [");
    for (size_t i = begin; i < end; ++i) word(i, begin, end);
    out_.put("], \"multiwords\": [");
    bool some = false;
    for (size_t i = begin, next; i < end; i = next) {
      next = behind(i, end);
      if (next > i + 1) multiword(words_.token[i], i - begin + 1, next - begin, some);
      some = some || next > i + 1;
    }
    out_.room(8);
    out_.put("]}\n");
  }

 private:
  static constexpr size_t kEscaped = 6;  // bytes of a byte at most

  void word(size_t i, size_t begin, size_t end) {
    const std::string_view form = words_.word(i);
    out_.room(token_ + kEscaped * form.size());
    if (i > begin) out_.put(", ");
    out_.put("{\"id\": ");
    out_.put(static_cast<uint64_t>(i - begin + 1));
    out_.put(", \"text\": ");
    string(form);
    span(analysis_.text.word_start(i), analysis_.text.word_end(i));
    out_.put(", \"upos\": ");
    string(names_.tags.at(static_cast<size_t>(analysis_.upos[i])));
    out_.put(", \"head\": ");
    out_.put(static_cast<uint64_t>(analysis_.heads[i]));
    out_.put(", \"deprel\": ");
    string(names_.labels.at(static_cast<size_t>(analysis_.deprels[i])));
    const bool space = words_.space_after[words_.token[i]] && behind(i, end) == i + 1;
    out_.put(", \"space_after\": ");
    out_.put(space ? std::string_view("true}") : "false}");
  }

  void multiword(size_t token, size_t first, size_t last, bool some) {
    const std::string_view form = bytes(words_.token_start[token], words_.token_end[token]);
    out_.room(token_ + kEscaped * form.size());
    if (some) out_.put(", ");
    out_.put("{\"first\": ");
    out_.put(static_cast<uint64_t>(first));
    out_.put(", \"last\": ");
    out_.put(static_cast<uint64_t>(last));
    out_.put(", \"text\": ");
    string(form);
    span(analysis_.text.surface_start(token), analysis_.text.surface_end(token));
    out_.put('}');
  }

  // Behind the last word from `i` on that is of the same token.
  size_t behind(size_t i, size_t end) const {
    size_t next = i + 1;
    while (next < end && words_.token[next] == words_.token[i]) ++next;
    return next;
  }

  void span(uint32_t start, uint32_t end) {
    out_.put(", \"start\": ");
    out_.put(place_.offset + start);
    out_.put(", \"end\": ");
    out_.put(place_.offset + end);
  }

  void string(std::string_view text) {
    out_.put('"');
    for (const char c : text) {
      const unsigned char byte = static_cast<unsigned char>(c);
      if (byte >= 0x20 && c != '"' && c != '\\') {
        out_.put(c);
      } else {
        escape(c);
      }
    }
    out_.put('"');
  }

  void escape(char c) {
    static constexpr char kNamed[] = "\"\\\b\f\n\r\t", kShort[] = "\"\\bfnrt", kHex[] = "0123456789abcdef";
    const char* const named = std::find(kNamed, kNamed + 7, c);
    out_.put('\\');
    if (named < kNamed + 7) {
      out_.put(kShort[named - kNamed]);
      return;
    }
    out_.put("u00");
    out_.put(kHex[static_cast<unsigned char>(c) >> 4]);
    out_.put(kHex[c & 15]);
  }

  std::string_view bytes(uint32_t start, uint32_t end) const {
    return std::string_view(words_.text).substr(start, end - start);
  }

  const Analysis& analysis_;
  const Words& words_;
  const Names& names_;
  const Place& place_;
  TextBuffer& out_;
  const size_t token_;  // bytes of a word or multiword without its text
};

}  // namespace

void write_jsonl(const Analysis& analysis, const Names& names, const Place& place, TextBuffer& out) {
  const std::vector<uint32_t>& sentence = analysis.text.words.sentence;
  Sentences sentences(analysis, names, place, out);
  for (size_t s = 0; s + 1 < sentence.size(); ++s) sentences.write(sentence[s], sentence[s + 1], place.first + s);
}

}  // namespace posmoe
