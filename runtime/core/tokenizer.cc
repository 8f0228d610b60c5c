#include "tokenizer.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "characters.h"
#include "kept.h"
#include "utf8.h"

namespace posmoe {

// Working arrays that a thread keeps from text to text.
struct Tokenizer::Space {
  std::vector<Token> tokens;
  std::vector<Atom> atoms;
  std::vector<uint8_t> joined;
  std::vector<uint32_t> prefix;
  std::vector<Piece> pieces;
  size_t memory() const {
    return tokens.capacity() * sizeof(Token) + atoms.capacity() * (sizeof(Atom) + sizeof(uint32_t) + sizeof(uint8_t));
  }
  void release() { *this = Space(); }
};

// One text's way through the tokeniser. With a guide, its answers replace every decision and are kept as lessons.
struct Tokenizer::Run {
  const Tokenizer& rules;
  const std::string& text;
  bool lines;
  Space& space;
  const std::vector<uint8_t>* guide = nullptr;
  Lessons* lessons = nullptr;

  std::vector<Token>& tokens = space.tokens;
  std::vector<Atom>& atoms = space.atoms;
  std::vector<uint8_t>& joined = space.joined;
  std::vector<uint32_t>& prefix = space.prefix;
  std::vector<Piece>& pieces = space.pieces;

  bool guided(size_t byte, GuideBit bit) const { return ((*guide)[byte] & bit) != 0; }

  template <typename Features>
  bool decide(const Linear& linear, const Features& features, size_t byte, GuideBit bit, Examples Lessons::*part) {
    if (guide == nullptr) return linear.decide(features);
    const bool answer = guided(byte, bit);
    Examples& examples = lessons->*part;
    for (const uint32_t hash : features) examples.features.push_back(linear.slot(hash));
    examples.answers.push_back(answer);
    return answer;
  }

  static bool is_ascii_word(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x80 && kAscii.classes[byte] != Char::space;
  }

  // Moves `at` behind the white space there and says what it was.
  Gap skip_space(size_t& at) const {
    size_t breaks = 0;
    const size_t from = at;
    if (at + 1 < text.size() && text[at] == ' ' && is_ascii_word(text[at + 1])) {  // the usual gap
      ++at;
      return Gap::space;
    }
    while (at < text.size()) {
      size_t next = at;
      if (char_class(decode(text.data(), next)) != Char::space) break;
      breaks += text[at] == '\n' || (text[at] == '\r' && (next == text.size() || text[next] != '\n'));
      at = next;
    }
    if (at == text.size() || breaks > 1 || (lines && breaks > 0)) return Gap::paragraph;
    return breaks > 0 ? Gap::line : at > from ? Gap::space : Gap::none;
  }

  // Whether one space divides the digits at `start` from one to three digits, or from a number so grouped.
  bool continues_number(size_t start) const {
    if (tokens.empty() || tokens.back().look != kDigits || tokens.back().points > 3 || tokens.back().gap != Gap::space) {
      return false;
    }
    size_t at = tokens.back().end;
    decode(text.data(), at);
    return at == start;
  }

  void add_token(size_t first, size_t last) {
    const Atom &a = atoms[first], &z = atoms[last];
    uint32_t hash = a.hash, points = a.points, signs = 0, points_look = 0, letters = 0, digits = 0, terminals = 0;
    bool same_sign = true;
    for (size_t i = first; i <= last; ++i) {
      const uint32_t look = atoms[i].look;
      if (i > first) {
        hash = hash * atoms[i].power + atoms[i].hash;
        points += atoms[i].points;
        same_sign &= look == a.look;
      }
      signs += look >= kSign;
      points_look += look == kSign + '.';
      terminals += look >= kSign && sign_look(look - kSign) == kTerminal;
      letters += look < kDigits;
      digits += look == kDigits;
    }
    const size_t count = last - first + 1;
    uint32_t look = a.look;
    if (count == 1) {
      if (look >= kSign) look = sign_look(look - kSign);
    } else if (joined[first]) {
      look = kAddress;
    } else if (signs == count) {
      look = points_look == count ? kEllipsis : terminals == count ? kTerminal
             : same_sign ? sign_look(look - kSign) : kSigns;
    } else if (letters == 0) {
      look = digits > 0 ? static_cast<uint32_t>(kNumber) : static_cast<uint32_t>(kPicture);
    } else if (digits > 0) {
      look = kAlphanumeric;
    } else if (z.look == kSign + '.') {
      look = points_look > 1 ? kPoints : a.look == kInitial ? kInitialPoint : a.look == kLower ? kLowerPoint : kCapitalPoint;
    } else {
      look = kCompound;
    }
    if (rules.grouped_digits_ && look == kDigits && points == 3 && continues_number(a.start)) {
      Token& number = tokens.back();
      number = {number.start, z.end, hash, kDigits, Gap::none, 3};
      return;
    }
    tokens.push_back({a.start, z.end, hash, static_cast<uint8_t>(look), Gap::none,
                      static_cast<uint16_t>(std::min<uint32_t>(points, 0xFFFF))});
  }

  bool is_abbreviation(size_t first, size_t last) const {
    if (rules.abbreviations_.empty() || last - first > 8) return false;
    uint32_t hash = 0;
    for (size_t i = first; i <= last; ++i) hash = hash * atoms[i].power + atoms[i].hash;
    const size_t start = atoms[first].start, end = atoms[last].end;
    return rules.abbreviations_.contains(std::string_view(text).substr(start, end - start), hash);
  }

  // Whether atom i is the ending of a name: com, pdf and the like, with no letter or digit behind it.
  bool is_ending(size_t i) const {
    if (i >= atoms.size() || atoms[i].points > 8 || (i + 1 < atoms.size() && atoms[i + 1].look < kSign)) return false;
    return rules.endings_.contains(std::string_view(text).substr(atoms[i].start, atoms[i].end - atoms[i].start), atoms[i].hash);
  }

  ListHints hints(size_t first, size_t i) const {
    constexpr uint32_t point = kSign + '.';
    if (atoms[i + 1].look == point) return {is_abbreviation(first, i), is_ending(i + 2) ? 1u : 0u};
    return {false, atoms[i].look == point && is_ending(i + 1) ? 2u : 0u};
  }

  // Cuts the atoms of a chunk into tokens.
  void cut_chunk(const ChunkContext& context) {
    mark_addresses(text, atoms, joined);
    prefix.assign(1, 0);
    for (const Atom& atom : atoms) prefix.push_back(prefix.back() * atom.power + atom.hash);
    size_t first = 0;
    CutFeatures features;
    for (size_t i = 0; i + 1 < atoms.size(); ++i) {
      if (joined[i]) continue;
      bool cut = atoms[i].look == kPicture || atoms[i + 1].look == kPicture;
      if (!cut) {
        cut_features(atoms, prefix, first, i, hints(first, i), context, features);
        cut = decide(rules.cut_, features, atoms[i + 1].start, kTokenStart, &Lessons::cut);
      }
      if (cut) {
        add_token(first, i);
        first = i + 1;
      }
    }
    add_token(first, atoms.size() - 1);
  }

  void find_tokens() {
    size_t at = 0;
    tokens.clear();
    skip_space(at);
    ChunkContext context;
    while (at < text.size()) {
      atoms.clear();
      while (at < text.size()) {
        size_t next = at;
        if (!is_ascii_word(text[at]) && char_class(decode(text.data(), next)) == Char::space) break;
        atoms.push_back(next_atom(text, at, text.size()));
        at = atoms.back().end;
      }
      const Gap gap = skip_space(at);
      size_t next = at;
      context.after = gap == Gap::paragraph ? 0 : 1 + static_cast<uint32_t>(char_class(decode(text.data(), next)));
      if (atoms.size() == 1) {
        joined.assign(1, 0);
        add_token(0, 0);
      } else {
        cut_chunk(context);
      }
      tokens.back().gap = gap;
      context.before_form = gap == Gap::paragraph ? 0 : tokens.back().hash;
      context.before_look = gap == Gap::paragraph ? 0 : tokens.back().look;
    }
  }

  bool is_multiword(size_t first, size_t end, size_t i) {
    const Token& token = tokens[i];
    const std::string_view form = std::string_view(text).substr(token.start, token.end - token.start);
    const Split split = rules.multiwords_.find(form, token.hash, token.look < kDigits, pieces);
    if (split != Split::ask) return split == Split::yes;
    MultiwordFeatures features;
    multiword_features(text, tokens, first, end, i, features);
    return decide(rules.multiword_, features, token.start, kMultiword, &Lessons::multiword);
  }

  void add_words(Words& words, const Token& token, bool multiword) const {
    const uint32_t index = static_cast<uint32_t>(words.token_start.size());
    words.token_start.push_back(token.start);
    words.token_end.push_back(token.end);
    words.space_after.push_back(token.gap != Gap::none);
    const auto add = [&](uint32_t start, uint32_t end, int32_t form) {
      words.start.push_back(start);
      words.end.push_back(end);
      words.token.push_back(index);
      words.form.push_back(form);
    };
    if (!multiword) return add(token.start, token.end, -1);
    for (const Piece& piece : pieces) {
      const int32_t form = piece.form.empty() ? -1 : static_cast<int32_t>(words.forms.size());
      if (form >= 0) words.forms.push_back(piece.form);
      add(token.start + piece.start, token.start + piece.end, form);
    }
  }

  // Makes words of a paragraph's tokens and ends its sentences.
  void add_paragraph(size_t first, size_t end, Words& words) {
    BoundaryWalk walk(tokens, first, end);
    BoundaryFeatures features;
    const auto end_sentence = [&](bool split) {
      words.sentence.push_back(static_cast<uint32_t>(words.size()));
      words.split.push_back(split);
    };
    for (size_t i = first; i < end; ++i) {
      const bool multiword = is_multiword(first, end, i);
      const size_t length = words.size() - words.sentence.back(), added = multiword ? pieces.size() : 1;
      if (length > 0 && length + added > rules.max_sentence_) end_sentence(true);
      add_words(words, tokens[i], multiword);
      bool boundary = i + 1 == end;
      if (!boundary && !lines) {
        walk.advance(i);
        const uint32_t place = place_between(tokens[i], tokens[i + 1]);
        if (rules.closed_[place]) continue;
        if (guide != nullptr) lessons->places.push_back(place);
        walk.features(i, features);
        boundary = decide(rules.boundary_, features, tokens[i + 1].start, kSentenceStart, &Lessons::boundary);
        if (boundary) walk.boundary(i);
      }
      if (boundary) end_sentence(false);
    }
  }

  void add_paragraphs(Words& words) {
    for (size_t first = 0, end = 0; first < tokens.size(); first = end) {
      while (tokens[end].gap != Gap::paragraph) ++end;
      add_paragraph(first, ++end, words);
    }
  }
};

Tokenizer::Tokenizer(const TokenizerSpec& spec, std::vector<int8_t> weights)
    : weights_(std::move(weights)),
      max_sentence_(spec.max_sentence),
      grouped_digits_(spec.grouped_digits),
      closed_(kPlaces, 0),
      multiwords_(spec.multiwords, spec.ambiguous, spec.suffixes) {
  const uint64_t expected = uint64_t{spec.cut.size} + spec.multiword.size + spec.boundary.size;
  if (weights_.size() != expected) {
    throw std::invalid_argument("the tokeniser's tables need " + std::to_string(expected) + " weights, got " +
                                std::to_string(weights_.size()));
  }
  if (max_sentence_ == 0) throw std::invalid_argument("max_sentence must be at least 1");
  const int8_t* at = weights_.data();
  cut_ = {at, spec.cut.size, spec.cut.bias};
  multiword_ = {at += spec.cut.size, spec.multiword.size, spec.multiword.bias};
  boundary_ = {at += spec.multiword.size, spec.boundary.size, spec.boundary.bias};
  for (const std::string& form : spec.abbreviations) {
    if (form.size() < 2 || form.back() != '.') throw std::invalid_argument("abbreviation '" + form + "' must end in a point");
    abbreviations_.add(form.substr(0, form.size() - 1), 0);
  }
  for (const uint32_t place : spec.closed) {
    if (place >= kPlaces) throw std::invalid_argument("closed place " + std::to_string(place) + " is out of range");
    closed_[place] = 1;
  }
  for (const std::string& ending : spec.endings) endings_.add(ending, 0);
}

namespace {

void check_size(const std::string& text) {
  if (text.size() >= std::numeric_limits<uint32_t>::max()) {
    throw std::invalid_argument("the text is 4 GiB or longer; cut it into documents");
  }
}

}  // namespace

Words Tokenizer::operator()(std::string text, bool lines) const {
  check_size(text);
  Words words;
  words.text = std::move(text);
  words.reserve(words.text.size() / 5 + 16);
  Kept<Space> space;
  Run run{*this, words.text, lines, *space};
  run.find_tokens();
  run.add_paragraphs(words);
  return words;
}

Lessons Tokenizer::follow(const std::string& text, const std::vector<uint8_t>& guide) const {
  check_size(text);
  if (guide.size() != text.size()) throw std::invalid_argument("the guide needs one byte for every byte of the text");
  Lessons lessons;
  Words words;
  Kept<Space> space;
  Run run{*this, text, false, *space, &guide, &lessons};
  run.find_tokens();
  run.add_paragraphs(words);
  return lessons;
}

}  // namespace posmoe
