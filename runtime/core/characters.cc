#include "characters.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace posmoe {
namespace {

struct Range {
  uint32_t first, last;
  Char value;
};

// Ascending; what no range covers is Char::letter.
constexpr Range kRanges[] = {
    {0x0080, 0x0084, Char::sign},      {0x0085, 0x0085, Char::space},     {0x0086, 0x009F, Char::sign},
    {0x00A0, 0x00A0, Char::space},     {0x00A1, 0x00A9, Char::sign},      {0x00AB, 0x00AC, Char::sign},
    {0x00AD, 0x00AD, Char::extend},    {0x00AE, 0x00B1, Char::sign},      {0x00B2, 0x00B3, Char::digit},
    {0x00B4, 0x00B4, Char::sign},      {0x00B6, 0x00B8, Char::sign},      {0x00B9, 0x00B9, Char::digit},
    {0x00BB, 0x00BB, Char::sign},      {0x00BC, 0x00BE, Char::digit},     {0x00BF, 0x00BF, Char::sign},
    {0x00D7, 0x00D7, Char::sign},      {0x00F7, 0x00F7, Char::sign},      {0x0300, 0x036F, Char::extend},
    {0x037E, 0x037E, Char::sign},      {0x0387, 0x0387, Char::sign},      {0x0483, 0x0489, Char::extend},
    {0x055A, 0x055F, Char::sign},      {0x0589, 0x058F, Char::sign},      {0x0591, 0x05BD, Char::extend},
    {0x05BE, 0x05BE, Char::sign},      {0x05BF, 0x05BF, Char::extend},    {0x05C0, 0x05C0, Char::sign},
    {0x05C1, 0x05C2, Char::extend},    {0x05C3, 0x05C3, Char::sign},      {0x05C4, 0x05C5, Char::extend},
    {0x05C6, 0x05C6, Char::sign},      {0x05F3, 0x05F4, Char::sign},      {0x0600, 0x0605, Char::sign},
    {0x0606, 0x060F, Char::sign},      {0x0610, 0x061A, Char::extend},    {0x061B, 0x061B, Char::sign},
    {0x061C, 0x061C, Char::extend},    {0x061D, 0x061F, Char::sign},      {0x064B, 0x065F, Char::extend},
    {0x0660, 0x0669, Char::digit},     {0x066A, 0x066D, Char::sign},      {0x0670, 0x0670, Char::extend},
    {0x06D4, 0x06D4, Char::sign},      {0x06D6, 0x06DC, Char::extend},    {0x06DF, 0x06E4, Char::extend},
    {0x06E7, 0x06E8, Char::extend},    {0x06EA, 0x06ED, Char::extend},    {0x06F0, 0x06F9, Char::digit},
    {0x0700, 0x070D, Char::sign},      {0x07C0, 0x07C9, Char::digit},     {0x0964, 0x0965, Char::sign},
    {0x0966, 0x096F, Char::digit},     {0x0970, 0x0970, Char::sign},      {0x09E6, 0x09EF, Char::digit},
    {0x0A66, 0x0A6F, Char::digit},     {0x0AE6, 0x0AEF, Char::digit},     {0x0B66, 0x0B6F, Char::digit},
    {0x0BE6, 0x0BEF, Char::digit},     {0x0C66, 0x0C6F, Char::digit},     {0x0CE6, 0x0CEF, Char::digit},
    {0x0D66, 0x0D6F, Char::digit},     {0x0E01, 0x0E3A, Char::ideograph}, {0x0E3F, 0x0E3F, Char::sign},
    {0x0E40, 0x0E4E, Char::ideograph}, {0x0E4F, 0x0E4F, Char::sign},      {0x0E50, 0x0E59, Char::digit},
    {0x0E5A, 0x0E5B, Char::sign},      {0x0E81, 0x0ECE, Char::ideograph}, {0x0ED0, 0x0ED9, Char::digit},
    {0x0F01, 0x0F14, Char::sign},      {0x0F20, 0x0F29, Char::digit},     {0x0F3A, 0x0F3D, Char::sign},
    {0x1000, 0x103F, Char::ideograph}, {0x1040, 0x1049, Char::digit},     {0x104A, 0x104F, Char::sign},
    {0x1361, 0x1368, Char::sign},      {0x1400, 0x1400, Char::sign},      {0x166D, 0x166E, Char::sign},
    {0x1680, 0x1680, Char::space},     {0x1780, 0x17D3, Char::ideograph}, {0x17D4, 0x17DA, Char::sign},
    {0x17E0, 0x17E9, Char::digit},     {0x1800, 0x180A, Char::sign},      {0x180B, 0x180F, Char::extend},
    {0x1AB0, 0x1AFF, Char::extend},    {0x1DC0, 0x1DFF, Char::extend},    {0x2000, 0x200A, Char::space},
    {0x200B, 0x200F, Char::extend},    {0x2010, 0x2027, Char::sign},      {0x2028, 0x2029, Char::space},
    {0x202A, 0x202E, Char::extend},    {0x202F, 0x202F, Char::space},     {0x2030, 0x205E, Char::sign},
    {0x205F, 0x205F, Char::space},     {0x2060, 0x206F, Char::extend},    {0x2070, 0x2070, Char::digit},
    {0x2074, 0x2079, Char::digit},     {0x207A, 0x207E, Char::sign},      {0x2080, 0x2089, Char::digit},
    {0x208A, 0x208E, Char::sign},      {0x20A0, 0x20CF, Char::sign},      {0x20D0, 0x20FF, Char::extend},
    {0x2100, 0x214F, Char::sign},      {0x2150, 0x215F, Char::digit},     {0x2190, 0x2BFF, Char::sign},
    {0x2CF9, 0x2CFF, Char::sign},      {0x2DE0, 0x2DFF, Char::extend},    {0x2E00, 0x2E7F, Char::sign},
    {0x2E80, 0x2FDF, Char::ideograph}, {0x2FF0, 0x2FFF, Char::sign},      {0x3000, 0x3000, Char::space},
    {0x3001, 0x3004, Char::sign},      {0x3005, 0x3007, Char::ideograph}, {0x3008, 0x3020, Char::sign},
    {0x3021, 0x3029, Char::ideograph}, {0x302A, 0x302F, Char::extend},    {0x3030, 0x3030, Char::sign},
    {0x3031, 0x3035, Char::ideograph}, {0x3036, 0x3037, Char::sign},      {0x3038, 0x303C, Char::ideograph},
    {0x303D, 0x303F, Char::sign},      {0x3041, 0x3098, Char::ideograph}, {0x3099, 0x309A, Char::extend},
    {0x309B, 0x309C, Char::sign},      {0x309D, 0x309F, Char::ideograph}, {0x30A0, 0x30A0, Char::sign},
    {0x30A1, 0x30FA, Char::ideograph}, {0x30FB, 0x30FB, Char::sign},      {0x30FC, 0x312F, Char::ideograph},
    {0x31F0, 0x31FF, Char::ideograph}, {0x3200, 0x33FF, Char::sign},      {0x3400, 0x4DBF, Char::ideograph},
    {0x4DC0, 0x4DFF, Char::sign},      {0x4E00, 0x9FFF, Char::ideograph}, {0xA4FE, 0xA4FF, Char::sign},
    {0xA60D, 0xA60F, Char::sign},      {0xA66F, 0xA672, Char::extend},    {0xA673, 0xA673, Char::sign},
    {0xA8CE, 0xA8CF, Char::sign},      {0xABEB, 0xABEB, Char::sign},      {0xE000, 0xF8FF, Char::sign},
    {0xF900, 0xFAFF, Char::ideograph}, {0xFD3E, 0xFD3F, Char::sign},      {0xFE00, 0xFE0F, Char::extend},
    {0xFE10, 0xFE19, Char::sign},      {0xFE20, 0xFE2F, Char::extend},    {0xFE30, 0xFE6B, Char::sign},
    {0xFEFF, 0xFEFF, Char::extend},    {0xFF01, 0xFF0F, Char::sign},      {0xFF10, 0xFF19, Char::digit},
    {0xFF1A, 0xFF20, Char::sign},      {0xFF3B, 0xFF40, Char::sign},      {0xFF5B, 0xFF65, Char::sign},
    {0xFF66, 0xFF9F, Char::ideograph}, {0xFFE0, 0xFFEE, Char::sign},      {0xFFF0, 0xFFFF, Char::sign},
    {0x1F000, 0x1F1E5, Char::picture}, {0x1F1E6, 0x1F1FF, Char::flag},    {0x1F200, 0x1F3FA, Char::picture},
    {0x1F3FB, 0x1F3FF, Char::extend},  {0x1F400, 0x1FAFF, Char::picture}, {0x1FB00, 0x1FBFF, Char::sign},
    {0x20000, 0x3FFFF, Char::ideograph}, {0xE0000, 0xE0FFF, Char::extend}, {0xF0000, 0x10FFFF, Char::sign},
};

// Case of a code point ≥ 0x80: 1 upper, -1 lower, 0 none; `other` becomes the lower-case form.
int letter_case(uint32_t p, uint32_t& lower) {
  lower = p;
  const auto pair = [&](bool upper_is_even) {
    const bool upper = (p % 2 == 0) == upper_is_even;
    if (upper) lower = p + 1;
    return upper ? 1 : -1;
  };
  const auto upper = [&](uint32_t to) {
    lower = to;
    return 1;
  };
  if (p >= 0xC0 && p <= 0xDE && p != 0xD7) return upper(p + 0x20);
  if (p >= 0xDF && p <= 0xFF && p != 0xF7) return -1;
  if (p >= 0x100 && p <= 0x17F) {
    if (p == 0x130) return upper('i');
    if (p == 0x131 || p == 0x138 || p == 0x149 || p == 0x17F) return -1;
    if (p == 0x178) return upper(0xFF);
    if ((p >= 0x139 && p <= 0x148) || (p >= 0x179 && p <= 0x17E)) return pair(false);
    return pair(true);
  }
  if (p == 0x386) return upper(0x3AC);
  if (p >= 0x388 && p <= 0x38A) return upper(p + 37);
  if (p == 0x38C) return upper(0x3CC);
  if (p == 0x38E || p == 0x38F) return upper(p + 63);
  if (p >= 0x391 && p <= 0x3AB && p != 0x3A2) return upper(p + 0x20);
  if (p == 0x390 || (p >= 0x3AC && p <= 0x3CE)) return -1;
  if (p >= 0x400 && p <= 0x40F) return upper(p + 0x50);
  if (p >= 0x410 && p <= 0x42F) return upper(p + 0x20);
  if (p >= 0x430 && p <= 0x45F) return -1;
  return 0;
}

constexpr uint32_t kTable = 0x500;  // code points below are looked up

Char find_class(uint32_t p) {
  if (p < 0x80) {
    if ((p >= 9 && p <= 13) || p == ' ') return Char::space;
    if (p >= 'a' && p <= 'z') return Char::lower;
    if (p >= 'A' && p <= 'Z') return Char::upper;
    if (p >= '0' && p <= '9') return Char::digit;
    return Char::sign;
  }
  const auto* range = std::upper_bound(std::begin(kRanges), std::end(kRanges), p,
                                       [](uint32_t point, const Range& r) { return point < r.first; });
  if (range != std::begin(kRanges) && p <= (range - 1)->last) return (range - 1)->value;
  uint32_t lower;
  const int c = letter_case(p, lower);
  return c > 0 ? Char::upper : c < 0 ? Char::lower : Char::letter;
}

uint32_t find_fold(uint32_t p) {
  if (p >= 'A' && p <= 'Z') return p + 32;
  if (p == '`' || p == 0xB4) return '\'';
  uint32_t lower = p;
  if (p >= 0xC0) letter_case(p, lower);
  return lower;
}

struct Tables {
  std::array<Char, kTable> classes;
  std::array<uint16_t, kTable> folds;
  Tables() {
    for (uint32_t p = 0; p < kTable; ++p) {
      classes[p] = find_class(p);
      folds[p] = static_cast<uint16_t>(find_fold(p));
    }
  }
};

const Tables kTables;

}  // namespace

AsciiTables::AsciiTables() {
  for (uint32_t p = 0; p < 128; ++p) {
    classes[p] = find_class(p);
    folds[p] = static_cast<uint8_t>(find_fold(p));
  }
}

const AsciiTables kAscii;

Char char_class(uint32_t point) { return point < kTable ? kTables.classes[point] : find_class(point); }

uint32_t fold(uint32_t point) {
  if (point < kTable) return kTables.folds[point];
  if (point == 0x2018 || point == 0x2019) return '\'';
  return point;
}

}  // namespace posmoe
