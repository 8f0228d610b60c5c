"""A plain twin of the core's characters and atoms, for tests; offsets are code points."""

from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

MASK = 0xFFFFFFFF
BASE = 0x01000193
TABLE = Path(__file__).parents[2] / "docs" / "tokenizer.characters.txt"

NONE, LOWER, INITIAL, CAPITAL, CAPITALS, MIXED, LETTERS, IDEOGRAPH, DIGITS, PICTURE = range(10)
SIGN = 0x100
POINT = SIGN + ord(".")
APOSTROPHES = "\u0060\u00b4\u2018\u2019"


def _read_table() -> tuple[list[int], list[int], list[str]]:
    firsts, lasts, classes = [], [], []
    for line in TABLE.read_text(encoding="ascii").splitlines():
        if line.startswith("#"):
            continue
        span, name = line.split()
        first, _, last = span.partition("..")
        firsts.append(int(first, 16))
        lasts.append(int(last or first, 16))
        classes.append(name)
    return firsts, lasts, classes


FIRSTS, LASTS, CLASSES = _read_table()


def lower(point: int) -> int:
    """The lower case of a letter of the ranges that docs/tokenizer.md names, else the code point."""
    if point < 0x180 or 0x386 <= point <= 0x3AB or 0x400 <= point <= 0x42F:
        return ord(chr(point).lower()[0])
    return point


def fold(point: int) -> int:
    """Lower case, and one apostrophe for all."""
    return ord("'") if chr(point) in APOSTROPHES else lower(point)


def char_class(point: int) -> str:
    """The class of a code point."""
    k = bisect_right(FIRSTS, point) - 1
    if k >= 0 and point <= LASTS[k]:
        return CLASSES[k]
    if lower(point) != point:
        return "upper"
    small = (
        0x61 <= point <= 0x7A
        or 0xC0 <= point <= 0x17F
        or 0x3AC <= point <= 0x3CE
        or point == 0x390
        or 0x430 <= point <= 0x45F
    )
    return "lower" if small else "letter"


def text_hash(text: str) -> int:
    """The polynomial hash of a folded text."""
    value = 0
    for c in text:
        value = (value * BASE + fold(ord(c)) + 1) & MASK
    return value


@dataclass(frozen=True)
class Atom:
    """A piece that is never cut: code points start..end of the text, its folded text's hash, its look."""

    start: int
    end: int
    hash: int
    look: int

    @property
    def points(self) -> int:
        return self.end - self.start

    @property
    def form(self) -> int:
        if self.look == DIGITS:
            return 0x80 + min(self.points, 6)
        return self.look if self.look >= SIGN else self.hash


def _extensions(text: str, at: int) -> tuple[int, bool]:
    """Skip what belongs to the character before `at`; whether it makes an emoji of it."""
    picture = False
    while at < len(text) and char_class(ord(text[at])) == "extend":
        c = text[at]
        picture |= c in "\ufe0f\u20e3"
        at += 1
        if c == "\u200d" and at < len(text):
            joined = ord(text[at])
            at += char_class(joined) == "picture" or 0x2190 <= joined <= 0x2BFF
    return at, picture


def _letters(text: str, at: int) -> tuple[int, int]:
    start, counts = at, {"upper": 0, "lower": 0, "letter": 0, "extend": 0}
    while at < len(text) and (c := char_class(ord(text[at]))) in counts:
        counts[c] += 1
        at += 1
    upper, small, other = counts["upper"], counts["lower"], counts["letter"]
    if upper == 0:
        return at, LOWER if small else LETTERS
    if small + other == 0:
        return at, INITIAL if upper == 1 else CAPITALS
    first = char_class(ord(text[start])) == "upper"
    return at, CAPITAL if first and upper == 1 else MIXED


def _is_keycap(text: str, at: int) -> bool:
    return text[at + 1 : at + 2] == "\u20e3" or text[at + 1 : at + 3] == "\ufe0f\u20e3"


def _digits(text: str, at: int) -> tuple[int, int]:
    keycap = _is_keycap(text, at)
    while True:
        at, more = _extensions(text, at + 1)
        keycap |= more
        if keycap or at >= len(text) or char_class(ord(text[at])) != "digit" or _is_keycap(text, at):
            return at, PICTURE if keycap else DIGITS


def next_atom(text: str, start: int) -> Atom:
    """The atom at `start`, which is not white space."""
    point = ord(text[start])
    c = char_class(point)
    if c in ("lower", "upper", "letter", "extend"):
        end, look = _letters(text, start)
    elif c == "digit":
        end, look = _digits(text, start)
    else:
        end = start + 1
        if c == "flag" and end < len(text) and char_class(ord(text[end])) == "flag":
            end += 1
        end, picture = _extensions(text, end)
        pictured = picture or c in ("picture", "flag")
        look = PICTURE if pictured else IDEOGRAPH if c == "ideograph" else SIGN + point
    return Atom(start, end, text_hash(text[start:end]), look)


def _is_sign(atom: Atom, signs: str) -> bool:
    return atom.look >= SIGN and chr(atom.look - SIGN) in signs


def _is_word(atom: Atom) -> bool:
    return atom.look < SIGN and atom.look != PICTURE


def _joined_emails(atoms: list[Atom]) -> set[int]:
    joined: set[int] = set()
    done, at = 0, 1
    while at + 1 < len(atoms):
        if _is_sign(atoms[at], "@") and _is_word(atoms[at + 1]):
            first, end = at, at + 1
            while first > done and (_is_word(atoms[first - 1]) or _is_sign(atoms[first - 1], "._-+")):
                first -= 1
            while first < at and not _is_word(atoms[first]):
                first += 1
            while end < len(atoms) and (_is_word(atoms[end]) or _is_sign(atoms[end], ".-_")):
                end += 1
            while not _is_word(atoms[end - 1]):
                end -= 1
            if first < at and any(_is_sign(a, ".") for a in atoms[at:end]):
                joined.update(range(first, end - 1))
            done, at = end, end - 1
        at += 1
    return joined


def _begins_url(text: str, atoms: list[Atom], i: int) -> bool:
    if not _is_word(atoms[i]) or i + 2 >= len(atoms):
        return False
    behind = "".join(
        chr(a.look - SIGN) if a.look >= SIGN else "w" if _is_word(a) else "p" for a in atoms[i + 1 : i + 4]
    )
    www = text[atoms[i].start : atoms[i].end].lower() == "www"
    return behind == "://" or (www and behind[:2] == ".w")


def _joined_urls(text: str, atoms: list[Atom]) -> set[int]:
    joined: set[int] = set()
    first = 0
    while first < len(atoms):
        if not _begins_url(text, atoms, first):
            first += 1
            continue
        end = first
        while end < len(atoms) and not _is_sign(atoms[end], '<>"') and atoms[end].look != PICTURE:
            end += 1
        bracket = any(_is_sign(a, "(") for a in atoms[first:end])
        closing = ".,;:!?'*]}|»" + ("" if bracket else ")")
        while end > first + 1 and (_is_sign(atoms[end - 1], closing) or atoms[end - 1].look >= SIGN + 0x2010):
            end -= 1
        joined.update(range(first, end - 1))
        first = max(end, first + 1)
    return joined


def addresses(text: str, atoms: list[Atom]) -> set[int]:
    """The atoms that are of one URL or e-mail address with the next atom."""
    if len(atoms) < 4:
        return set()
    return _joined_emails(atoms) | _joined_urls(text, atoms)
