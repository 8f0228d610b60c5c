"""A plain twin of the core's hashed features: of cuts, multiword tokens and sentence boundaries."""

from bisect import bisect_left
from dataclasses import dataclass

from .tokenizer_twin_atoms import APOSTROPHES, DIGITS, MASK, NONE, POINT, SIGN, Atom, text_hash

(NUMBER, ALPHANUMERIC, COMPOUND, LOWER_POINT, INITIAL_POINT, CAPITAL_POINT, POINTS, ADDRESS, SIGNS, ELLIPSIS,
 TERMINAL, COMMA, SEMICOLON, COLON, OPEN, CLOSE, QUOTE, OPEN_QUOTE, CLOSE_QUOTE, APOSTROPHE, DASH, BULLET,
 OTHER_SIGN) = range(10, 33)  # fmt: skip

SIGN_LOOKS = {
    TERMINAL: ".!?\u203c\u3002\uff01\uff1f\uff0e\u061f\u06d4\u0964\u0965\u0589\u1362",
    ELLIPSIS: "\u2026",
    COMMA: ",\u060c\u3001\uff0c",
    SEMICOLON: ";\u061b\uff1b",
    COLON: ":\uff1a",
    OPEN: "([{\uff08\u300c\u3010",
    CLOSE: ")]}\uff09\u300d\u3011",
    QUOTE: '"\uff02',
    OPEN_QUOTE: "\u00ab\u201c\u201e\u2039",
    CLOSE_QUOTE: "\u00bb\u201d\u203a",
    APOSTROPHE: "'" + APOSTROPHES,
    DASH: "-\u2010\u2011\u2012\u2013\u2014\u2015",
    BULLET: "*#><|=_~+\u2022\u00b7\u25a0\u25cf",
}
LOOK_OF_SIGN = {c: look for look, signs in SIGN_LOOKS.items() for c in signs}

SPACE_GAP = ("none", "space", "line", "paragraph")


def mix(*values: int) -> int:
    """The hash of a feature: its seed and its values."""
    h = values[0]
    for v in values[1:]:
        h = (h ^ (v & MASK)) * 0x9E3779B1 & MASK
        h ^= h >> 15
    return h


def slot(h: int, size: int) -> int:
    """A feature's place in a table."""
    h = h * 0x85EBCA6B & MASK
    return (h ^ h >> 13) * size >> 32


class Features(list[int]):
    """Feature hashes, each seeded by its place."""

    def add(self, *values: int) -> None:
        self.append(mix((len(self) + 1) * 0xC2B2AE35 & MASK, *values))


@dataclass
class Token:
    """A surface token: code points start..end, the gap behind it as an index of SPACE_GAP."""

    start: int
    end: int
    hash: int
    look: int
    points: int
    gap: int = 0


OUTSIDE_ATOM = Atom(0, 0, 0, NONE)
OUTSIDE = Token(0, 0, 0, NONE, 0, 3)


def look_of(atoms: list[Atom], is_address: bool) -> int:
    """How a token of these atoms looks."""
    looks = [a.look for a in atoms]
    signs = [chr(x - SIGN) for x in looks if x >= SIGN]
    if len(atoms) == 1:
        return LOOK_OF_SIGN.get(signs[0], OTHER_SIGN) if signs else looks[0]
    if is_address:
        return ADDRESS
    letters, digits = any(x < DIGITS for x in looks), DIGITS in looks
    if len(signs) == len(atoms):
        if set(signs) == {"."}:
            return ELLIPSIS
        kinds = [LOOK_OF_SIGN.get(s, OTHER_SIGN) for s in signs]
        return TERMINAL if set(kinds) == {TERMINAL} else kinds[0] if len(set(signs)) == 1 else SIGNS
    if not letters:
        return NUMBER if digits else 9
    if digits:
        return ALPHANUMERIC
    if looks[-1] != POINT:
        return COMPOUND
    return POINTS if looks.count(POINT) > 1 else {2: INITIAL_POINT, 1: LOWER_POINT}.get(looks[0], CAPITAL_POINT)


def cut_features(text: str, atoms: list[Atom], first: int, i: int, hints: tuple[bool, int],
                 before: tuple[int, int], context_after: int) -> Features:  # fmt: skip
    """The features of the place between atoms i and i + 1; `first` begins the token that i belongs to."""
    abbreviation, ending = hints

    def atom(k: int) -> Atom:
        return atoms[k] if 0 <= k < len(atoms) else OUTSIDE_ATOM

    def repeats(k: int, step: int) -> int:
        count = 1
        while count < 4 and atom(k + count * step).look == atoms[k].look:
            count += 1
        return count

    a, b, p, q, pp, qq = (atom(i + k) for k in (0, 1, -1, 2, -2, 3))
    rest = text_hash(text[b.start : atoms[min(len(atoms), i + 9) - 1].end])
    so_far = text_hash(text[atoms[max(first, i - 7)].start : a.end])
    pieces, last = min(i - first, 4), i + 2 == len(atoms)
    after = context_after if last else 99
    f = Features()
    f.add(a.form)
    f.add(b.form)
    f.add(a.look, b.look, min(a.points, 5), min(b.points, 5))
    f.add(a.form, b.form)
    f.add(p.look, a.form, b.look)
    f.add(a.look, b.form, q.look)
    f.add(p.form, a.form, b.form)
    f.add(a.form, b.form, q.form)
    f.add(p.look, a.look, b.look, q.look)
    f.add(pp.look, p.look, a.look, b.look, q.look, qq.look)
    f.add(so_far, b.form)
    f.add(so_far, rest)
    f.add(rest, a.look)
    f.add(pieces, a.look, b.look)
    f.add(so_far, after, b.look)
    f.add(pieces, a.look, min(a.points, 5), b.look, after)
    f.add(abbreviation, b.look, after)
    f.add(atoms[0].look, a.look, b.look, last)
    f.add(a.form, b.form, last, min(i, 2))
    f.add(before[0], a.look, b.look, i == 0)
    f.add(before[1], a.form, b.form, i == 0)
    f.add(repeats(i, -1), repeats(i + 1, 1), a.look, b.look)
    f.add(a.look, b.look, q.look, qq.look, last)
    f.add(pp.look, p.look, a.look, b.look, pieces)
    f.add(p.form, b.form, a.look)
    f.add(a.look, b.look, q.form, min(b.points, 5))
    f.add(ending, abbreviation)
    f.add(ending, abbreviation, a.look, b.look)
    return f


def multiword_features(text: str, paragraph: list[Token], i: int) -> Features:
    """The features of whether token i of a paragraph is a multiword token."""

    def token(k: int) -> Token:
        return paragraph[k] if 0 <= k < len(paragraph) else OUTSIDE

    def ending(t: Token) -> int:
        return text_hash(text[max(t.start, t.end - 3) : t.end])

    t, left, right, ll, rr = (token(i + k) for k in (0, -1, 1, -2, 2))
    f = Features()
    f.add(t.hash)
    f.add(t.hash, left.hash)
    f.add(t.hash, right.hash)
    f.add(left.hash)
    f.add(right.hash)
    f.add(t.hash, left.look, right.look)
    f.add(t.hash, right.hash, rr.hash)
    f.add(t.hash, ll.hash, left.hash)
    f.add(t.hash, t.look)
    f.add(left.hash, right.hash)
    f.add(rr.hash, t.hash)
    f.add(t.look, left.look, right.look)
    f.add(t.hash, ending(left))
    f.add(t.hash, ending(right))
    f.add(t.hash, ending(left), ending(right))
    f.add(t.hash, ll.hash)
    return f


def _bucket(length: int) -> int:
    return bisect_left([1, 2, 3, 4, 6, 8, 12, 18, 26, 40], length)


def boundary_features(text: str, paragraph: list[Token], i: int, begin: int) -> Features:
    """The features of the place behind token i of a paragraph; token `begin` began the sentence."""

    def token(k: int) -> Token:
        return paragraph[k] if 0 <= k < len(paragraph) else OUTSIDE

    left, right, ll, lll, rr, rrr = (token(i + k) for k in (0, 1, -1, -2, 2, 3))
    quoted = False
    for t in paragraph[: i + 1]:
        quoted = not quoted if t.look == QUOTE else {OPEN_QUOTE: True, CLOSE_QUOTE: False}.get(t.look, quoted)
    depth = 0
    for t in paragraph[begin : i + 1]:
        depth = max(0, depth + (t.look == OPEN) - (t.look == CLOSE))
    n, nested, length = len(paragraph), depth > 0, _bucket(i + 1 - begin)
    terminal = next((k for k in range(i + 1, n) if paragraph[k].look in (TERMINAL, ELLIPSIS)), n)
    ahead = 20 + _bucket(n - 1 - i) if terminal == n else _bucket(terminal - i)
    line_start = max((k + 1 for k in range(i) if paragraph[k].gap == 2), default=0)
    line_bytes = len(text[paragraph[line_start].start : left.end].encode())
    line = 1 + min(line_bytes // 8, 14) if left.gap == 2 else 0
    opening = paragraph[begin]
    style = paragraph[0].look + 64 * (paragraph[-1].look in (TERMINAL, ELLIPSIS))
    f = Features()
    f.add(left.hash, left.gap)
    f.add(right.hash, right.look)
    f.add(left.hash, right.hash)
    f.add(left.look, right.look, left.gap)
    f.add(ll.look, left.look, right.look, rr.look)
    f.add(left.hash, right.look, left.gap)
    f.add(left.look, right.hash, right.look)
    f.add(ll.hash, left.hash)
    f.add(right.hash, rr.hash, right.look)
    f.add(ll.hash, left.look, right.look)
    f.add(left.look, right.hash, rr.look)
    f.add(length, left.look, right.look)
    f.add(length, left.hash)
    f.add(quoted, left.hash, right.look)
    f.add(nested, left.look, right.look)
    f.add(ahead, left.look, right.look)
    f.add(ahead, length, left.look == TERMINAL, right.look)
    f.add(line, left.look, right.look)
    f.add(line, length, right.look)
    f.add(min(left.points, 8), left.look, right.look)
    f.add(style, left.look, right.look)
    f.add(opening.look, length, left.look, right.look)
    f.add(left.look, right.look, rr.look, rrr.look)
    f.add(lll.look, ll.look, left.look, right.look)
    f.add(ll.hash, right.hash)
    f.add(right.hash == opening.hash, left.look, right.look)
    f.add(left.look, right.look, rr.hash)
    f.add(quoted, ll.look, left.look, right.look, left.gap)
    f.add(right.look, length, min(n - 1 - i, 6))
    f.add(left.look, min(i + 1, 6), right.look)
    f.add(opening.hash, length, right.look)
    f.add(left.gap, right.look, rr.look, left.look == TERMINAL)
    return f
