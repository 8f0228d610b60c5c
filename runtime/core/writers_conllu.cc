// CoNLL-U: a comment or two a sentence, a line a word, a line more for a token of several words.
#include <algorithm>
#include <cstring>

#include "writers.h"

namespace posmoe {
namespace {

bool is_break(char c) { return c == '\t' || c == '\n' || c == '\r'; }

// Replaces every run of breaks from `begin` to the end of the text by a space.
void mend(TextBuffer& out, char* begin) {
  char* const end = out.end();
  char* to = std::find_if(begin, end, is_break);
  bool inside = false;
  for (const char* from = to; from < end; ++from) {
    const bool broken = is_break(*from);
    if (!broken) *to++ = *from;
    if (broken && !inside) *to++ = ' ';
    inside = broken;
  }
  out.cut(to);
}

class Sentences {
 public:
  Sentences(const Analysis& analysis, const Names& names, TextBuffer& out)
      : analysis_(analysis), words_(analysis.text.words), names_(names), out_(out),
        row_(longest(names.tags) + longest(names.labels) + 2 * TextBuffer::kDigits + 40) {}

  void write(size_t begin, size_t end, uint64_t number) {
    if (begin == end) return;
    const size_t first = words_.token[begin], last = words_.token[end - 1];
    out_.room(64 + words_.token_end[last] - words_.token_start[first] + last - first);
    out_.put("# sent_id = ");
    out_.put(number);
    out_.put("\n# text = ");
    text(first, last);
    for (size_t i = begin, next; i < end; i = next) {
      for (next = i + 1; next < end && words_.token[next] == words_.token[i];) ++next;
      const bool space = words_.space_after[words_.token[i]];
      if (next > i + 1) range(words_.token[i], i - begin + 1, next - begin, space);
      for (size_t w = i; w < next; ++w) word(w, w - begin + 1, next > i + 1 || space);
    }
    out_.room(1);
    out_.put('\n');
  }

 private:
  // The surface tokens, with one space wherever white space follows, none at the end.
  void text(size_t first, size_t last) {
    char* const begin = out_.end();
    for (size_t t = first; t <= last; ++t) {
      cell(surface(t));
      if (words_.space_after[t]) out_.put(' ');
    }
    if (broken_) mend(out_, begin);
    broken_ = false;
    char* end = out_.end();
    while (end > begin && end[-1] == ' ') --end;
    out_.cut(end);
    out_.put('\n');
  }

  void range(size_t token, size_t first, size_t last, bool space) {
    const std::string_view form = surface(token);
    out_.room(row_ + form.size());
    out_.put(static_cast<uint64_t>(first));
    out_.put('-');
    out_.put(static_cast<uint64_t>(last));
    out_.put('\t');
    mended(form);
    out_.put("\t_\t_\t_\t_\t_\t_\t_\t");
    misc(space);
  }

  void word(size_t i, size_t id, bool space) {
    const std::string_view form = words_.word(i);
    out_.room(row_ + form.size());
    out_.put(static_cast<uint64_t>(id));
    out_.put('\t');
    mended(form);
    out_.put("\t_\t");
    out_.put(names_.tags.at(static_cast<size_t>(analysis_.upos[i])));
    out_.put("\t_\t_\t");
    out_.put(static_cast<uint64_t>(analysis_.heads[i]));
    out_.put('\t');
    out_.put(names_.labels.at(static_cast<size_t>(analysis_.deprels[i])));
    out_.put("\t_\t");
    misc(space);
  }

  void misc(bool space) {
    if (space) {
      out_.put("_\n");
    } else {
      out_.put("SpaceAfter=No\n");
    }
  }

  void mended(std::string_view form) {
    char* const begin = out_.end();
    cell(form);
    if (broken_) mend(out_, begin);
    broken_ = false;
  }

  void cell(std::string_view text) {
    broken_ = broken_ || std::any_of(text.begin(), text.end(), is_break);
    out_.put(text);
  }

  std::string_view surface(size_t token) const {
    const uint32_t start = words_.token_start[token];
    return std::string_view(words_.text).substr(start, words_.token_end[token] - start);
  }

  const Analysis& analysis_;
  const Words& words_;
  const Names& names_;
  TextBuffer& out_;
  const size_t row_;     // bytes of a line without its form
  bool broken_ = false;  // something put since the last mending has a tab or a line break
};

}  // namespace

void write_conllu(const Analysis& analysis, const Names& names, const Place& place, TextBuffer& out) {
  const std::vector<uint32_t>& sentence = analysis.text.words.sentence;
  if (place.source && sentence.size() > 1) {
    out.room(32 + place.source->size());
    out.put("# newdoc id = ");
    char* const begin = out.end();
    out.put(*place.source);
    mend(out, begin);
    out.put('\n');
  }
  Sentences sentences(analysis, names, out);
  for (size_t s = 0; s + 1 < sentence.size(); ++s) sentences.write(sentence[s], sentence[s + 1], place.first + s);
}

}  // namespace posmoe
