#include "json.h"

#include <algorithm>
#include <charconv>

#include "utf8.h"

namespace posmoe {
namespace {

constexpr int kDeepest = 64;

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Json whole() {
    if (const size_t valid = valid_prefix(text_); valid != text_.size()) {
      at_ = valid;
      fail("UTF-8");
    }
    Json value = read(0);
    skip_space();
    if (at_ != text_.size()) fail("the end");
    return value;
  }

 private:
  [[noreturn]] void fail(const char* expected) const {
    throw JsonError(std::string("expected ") + expected + " at byte " + std::to_string(at_));
  }
  bool more() const { return at_ < text_.size(); }
  char peek() const { return more() ? text_[at_] : '\0'; }
  void skip_space() {
    while (more() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')) ++at_;
  }
  bool take(char c) {
    if (!more() || peek() != c) return false;
    ++at_;
    return true;
  }
  void word(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) fail("a value");
    at_ += expected.size();
  }

  Json read(int depth) {
    if (depth > kDeepest) fail("fewer levels");
    skip_space();
    Json value;
    switch (peek()) {
      case '{': read_object(value, depth); break;
      case '[': read_array(value, depth); break;
      case '"':
        value.kind = Json::Kind::string;
        value.text = string();
        break;
      case 't': word("true"), value.kind = Json::Kind::boolean, value.truth = true; break;
      case 'f': word("false"), value.kind = Json::Kind::boolean; break;
      case 'n': word("null"); break;
      default: read_number(value);
    }
    return value;
  }

  void read_object(Json& value, int depth) {
    value.kind = Json::Kind::object;
    ++at_;
    skip_space();
    if (take('}')) return;
    do {
      skip_space();
      if (peek() != '"') fail("a name");
      std::string name = string();
      skip_space();
      if (!take(':')) fail("':'");
      value.members.emplace_back(std::move(name), read(depth + 1));
      skip_space();
    } while (take(','));
    if (!take('}')) fail("',' or '}'");
    std::vector<std::string_view> names;
    for (const auto& member : value.members) names.push_back(member.first);
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end()) throw JsonError("the name '" + std::string(*twice) + "' is given twice");
  }

  void read_array(Json& value, int depth) {
    value.kind = Json::Kind::array;
    ++at_;
    skip_space();
    if (take(']')) return;
    do {
      value.items.push_back(read(depth + 1));
      skip_space();
    } while (take(','));
    if (!take(']')) fail("',' or ']'");
  }

  void digits() {
    const size_t from = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    if (at_ == from) fail("a value");
  }

  void read_number(Json& value) {
    const size_t from = at_;
    take('-');
    if (!take('0')) digits();
    if (take('.')) digits();
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      digits();
    }
    value.kind = Json::Kind::number;
    value.text = text_.substr(from, at_ - from);
  }

  uint32_t four_digits() {
    uint32_t point = 0;
    const std::string_view digits = text_.substr(at_, 4);
    const auto end = digits.data() + digits.size();
    if (digits.size() < 4 || std::from_chars(digits.data(), end, point, 16).ptr != end) fail("four hexadecimal digits");
    at_ += 4;
    return point;
  }

  void escape(std::string& to) {
    constexpr std::string_view kNames = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    if (take('u')) {
      uint32_t point = four_digits();
      if (point >= 0xD800 && point < 0xDC00 && text_.substr(at_, 2) == "\\u") {
        at_ += 2;
        const uint32_t low = four_digits();
        if (low < 0xDC00 || low > 0xDFFF) fail("the second half of a surrogate pair");
        point = 0x10000 + ((point - 0xD800) << 10 | (low - 0xDC00));
      }
      if (point >= 0xD800 && point < 0xE000) fail("no lone surrogate");
      return encode(point, to);
    }
    const size_t which = more() ? kNames.find(peek()) : std::string_view::npos;
    if (which == std::string_view::npos) fail("an escape that JSON has");
    to += kMeanings[which];
    ++at_;
  }

  std::string string() {
    std::string result;
    ++at_;
    for (;;) {
      const size_t from = at_;
      while (more() && peek() != '"' && peek() != '\\' && static_cast<unsigned char>(peek()) >= 0x20) ++at_;
      result += text_.substr(from, at_ - from);
      if (take('"')) return result;
      if (!take('\\')) fail("a string's end");
      escape(result);
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

void write_string(std::string_view text, std::string& to) {
  constexpr std::string_view kMeanings = "\"\\\b\f\n\r\t", kNames = "\"\\bfnrt";
  to += '"';
  for (const char c : text) {
    if (const size_t which = kMeanings.find(c); which != std::string_view::npos) {
      to += '\\';
      to += kNames[which];
    } else if (static_cast<unsigned char>(c) < 0x20) {
      to += "\\u00";
      to += "0123456789abcdef"[c >> 4];
      to += "0123456789abcdef"[c & 15];
    } else {
      to += c;
    }
  }
  to += '"';
}

void write(const Json& value, std::string_view without, std::string& to) {
  switch (value.kind) {
    case Json::Kind::null: to += "null"; break;
    case Json::Kind::boolean: to += value.truth ? "true" : "false"; break;
    case Json::Kind::number: to += value.text; break;
    case Json::Kind::string: write_string(value.text, to); break;
    case Json::Kind::array:
      to += '[';
      for (const Json& item : value.items) {
        if (&item != &value.items.front()) to += ',';
        write(item, {}, to);
      }
      to += ']';
      break;
    case Json::Kind::object: {
      std::vector<const std::pair<std::string, Json>*> sorted;
      for (const auto& member : value.members) {
        if (without.empty() || member.first != without) sorted.push_back(&member);
      }
      std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->first < b->first; });
      to += '{';
      for (const auto* member : sorted) {
        if (member != sorted.front()) to += ',';
        write_string(member->first, to);
        to += ':';
        write(member->second, {}, to);
      }
      to += '}';
    }
  }
}

}  // namespace

const Json* Json::find(std::string_view name) const {
  for (const auto& member : members) {
    if (member.first == name) return &member.second;
  }
  return nullptr;
}

std::optional<int64_t> Json::integer() const {
  int64_t value = 0;
  const char *begin = text.data(), *end = begin + text.size();
  if (kind != Kind::number || std::from_chars(begin, end, value).ptr != end) return std::nullopt;
  if (std::from_chars(begin, end, value).ec != std::errc()) return std::nullopt;
  return value;
}

Json read_json(std::string_view text) { return Reader(text).whole(); }

std::string canonical(const Json& value, std::string_view without) {
  std::string result;
  write(value, without, result);
  return result;
}

}  // namespace posmoe
