#include "tokenizer_multiwords.h"

#include <algorithm>
#include <stdexcept>

#include "characters.h"
#include "tokenizer_hash.h"
#include "utf8.h"

namespace posmoe {

uint32_t folded_hash(std::string_view text) {
  uint32_t hash = 0;
  for (size_t at = 0; at < text.size();) hash = extend_hash(hash, fold(decode(text.data(), at)));
  return hash;
}

std::string folded(std::string_view text) {
  std::string result;
  for (size_t at = 0; at < text.size();) encode(fold(decode(text.data(), at)), result);
  return result;
}

bool FoldedTable::equal(std::string_view text, const std::string& key) {
  size_t at = 0, k = 0;
  while (at < text.size() && k < key.size()) {
    if (fold(decode(text.data(), at)) != decode(key.data(), k)) return false;
  }
  return at == text.size() && k == key.size();
}

void FoldedTable::put(uint32_t hash, uint32_t key) {
  size_t at = hash * 0x9E3779B1u >> shift_;
  while (slots_[at].key != none()) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = {hash, key};
}

void FoldedTable::add(const std::string& key, uint32_t value) {
  if (contains(key, folded_hash(key))) return;
  keys_.push_back(folded(key));
  values_.push_back(value);
  if (2 * keys_.size() <= slots_.size()) return put(folded_hash(key), static_cast<uint32_t>(keys_.size() - 1));
  slots_.assign(slots_.empty() ? 16 : 2 * slots_.size(), Slot{});
  shift_ = 32;
  for (size_t n = slots_.size(); n > 1; n /= 2) --shift_;
  for (uint32_t k = 0; k < keys_.size(); ++k) put(folded_hash(keys_[k]), k);
}

Multiwords::Multiwords(const std::vector<SplitRule>& always, const std::vector<SplitRule>& ambiguous,
                       const std::vector<SplitRule>& suffixes)
    : rules_(always), ambiguous_(always.size()), suffixes_(always.size() + ambiguous.size()) {
  rules_.insert(rules_.end(), ambiguous.begin(), ambiguous.end());
  rules_.insert(rules_.end(), suffixes.begin(), suffixes.end());
  for (size_t i = 0; i < rules_.size(); ++i) {
    const auto& [key, words] = rules_[i];
    if (key.empty() || words.size() < 2) {
      throw std::invalid_argument("multiword rule '" + key + "' needs a form and two words or more");
    }
    if (i < suffixes_) {
      whole_.add(key, static_cast<uint32_t>(i));
      continue;
    }
    ends_.add(key, static_cast<uint32_t>(i));
    uint32_t points = 0;
    bool letters = true;
    for (size_t at = 0; at < key.size(); ++points) letters &= is_letter(char_class(decode(key.data(), at)));
    lengths_.push_back(points);
    any_letters_ |= letters;
  }
  std::sort(lengths_.rbegin(), lengths_.rend());
  lengths_.erase(std::unique(lengths_.begin(), lengths_.end()), lengths_.end());
}

namespace {

// The capital of a folded letter, or the letter itself.
uint32_t raise(uint32_t point) {
  if (point == 0xFF) return 0x178;
  for (const uint32_t distance : {32u, 1u, 80u, 37u, 38u, 63u, 64u}) {
    if (point > distance && char_class(point - distance) == Char::upper && fold(point - distance) == point) {
      return point - distance;
    }
  }
  return point;
}

std::string raised(const std::string& word, bool all) {
  std::string result;
  for (size_t at = 0; at < word.size();) {
    const bool first = at == 0;
    const uint32_t point = decode(word.data(), at);
    encode(first || all ? raise(point) : point, result);
  }
  return result;
}

}  // namespace

// Cuts the token by a rule for its part behind `stem` (0: all of it).
void Multiwords::cut(std::string_view token, size_t stem, const SplitRule& rule, std::vector<Piece>& pieces) const {
  const auto& [key, words] = rule;
  std::string joined;
  for (const std::string& word : words) joined += word;
  pieces.clear();
  if (folded(joined) == folded(key)) {  // the words are parts of the token
    size_t at = stem, start = 0;
    for (const std::string& word : words) {
      for (size_t k = 0; k < word.size();) {
        decode(word.data(), k);
        decode(token.data(), at);
      }
      pieces.push_back({static_cast<uint32_t>(start), static_cast<uint32_t>(at), {}});
      start = at;
    }
    return;
  }
  size_t upper = 0, cased = 0, first_upper = 0;
  for (size_t at = 0; at < token.size();) {
    const bool first = at == 0;
    const Char c = char_class(decode(token.data(), at));
    cased += c == Char::upper || c == Char::lower;
    upper += c == Char::upper;
    first_upper += first && c == Char::upper;
  }
  const bool all = upper == cased && upper > 1;
  for (size_t i = 0; i < words.size(); ++i) {
    std::string form = i == 0 ? std::string(token.substr(0, stem)) : std::string();
    form += all || (first_upper && i == 0 && stem == 0) ? raised(words[i], all) : words[i];
    pieces.push_back({0, static_cast<uint32_t>(token.size()), std::move(form)});
  }
}

namespace {

// Where the last `points` code points of the text begin: 0 if it has no more.
size_t last_points(std::string_view text, uint32_t points) {
  size_t at = text.size();
  for (; points > 0 && at > 0; --points) {
    do {
      --at;
    } while ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  }
  return at;
}

}  // namespace

Split Multiwords::find(std::string_view token, uint32_t hash, bool letters, std::vector<Piece>& pieces) const {
  const uint32_t whole = whole_.find(token, hash);
  if (whole != FoldedTable::none()) {
    cut(token, 0, rules_[whole], pieces);
    return whole < ambiguous_ ? Split::yes : Split::ask;
  }
  if (letters && !any_letters_) return Split::no;
  for (const uint32_t length : lengths_) {
    const size_t stem = last_points(token, length);
    if (stem == 0) continue;  // something must be left for the first word
    const std::string_view end = token.substr(stem);
    const uint32_t rule = ends_.find(end, folded_hash(end));
    if (rule == FoldedTable::none()) continue;
    cut(token, stem, rules_[rule], pieces);
    return Split::yes;
  }
  return Split::no;
}

// The hash of a token's last three code points.
static uint32_t ending_hash(std::string_view text, const Token& token) {
  const std::string_view form = text.substr(token.start, token.end - token.start);
  return folded_hash(form.substr(last_points(form, 3)));
}

void multiword_features(std::string_view text, const std::vector<Token>& tokens, size_t first, size_t end, size_t i,
                        MultiwordFeatures& to) {
  constexpr Token outside{0, 0, 0, 0, Gap::paragraph, 0};
  const auto token = [&](size_t k) -> const Token& { return k >= first && k < end ? tokens[k] : outside; };
  const Token &t = tokens[i], &l = token(i - 1), &r = token(i + 1), &ll = token(i - 2), &rr = token(i + 2);
  FeatureWriter<MultiwordFeatures> add(to);
  add(t.hash);
  add(t.hash, l.hash);
  add(t.hash, r.hash);
  add(l.hash);
  add(r.hash);
  add(t.hash, l.look, r.look);
  add(t.hash, r.hash, rr.hash);
  add(t.hash, ll.hash, l.hash);
  add(t.hash, t.look);
  add(l.hash, r.hash);
  add(rr.hash, t.hash);
  add(t.look, l.look, r.look);
  const uint32_t before = ending_hash(text, l), behind = ending_hash(text, r);
  add(t.hash, before);
  add(t.hash, behind);
  add(t.hash, before, behind);
  add(t.hash, ll.hash);
}

}  // namespace posmoe
