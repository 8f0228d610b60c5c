"""The feature hashing in plain Python, after docs/features.md.

`python -m tests.core.features_twin` prints docs/features.vectors.json.
"""

import json
from collections.abc import Mapping, Sequence

# (first, last, step, what is added) for every run of upper-case code points
UPPER = (
    (0x41, 0x5A, 1, 32),
    (0xC0, 0xD6, 1, 32),
    (0xD8, 0xDE, 1, 32),
    (0x100, 0x12E, 2, 1),
    (0x130, 0x130, 1, 0x69 - 0x130),
    (0x132, 0x136, 2, 1),
    (0x139, 0x147, 2, 1),
    (0x14A, 0x176, 2, 1),
    (0x178, 0x178, 1, 0xFF - 0x178),
    (0x179, 0x17D, 2, 1),
    (0x386, 0x386, 1, 38),
    (0x388, 0x38A, 1, 37),
    (0x38C, 0x38C, 1, 64),
    (0x38E, 0x38F, 1, 63),
    (0x391, 0x3A1, 1, 32),
    (0x3A3, 0x3AB, 1, 32),
    (0x400, 0x40F, 1, 80),
    (0x410, 0x42F, 1, 32),
)
LOWER_OF = {c: c + add for first, last, step, add in UPPER for c in range(first, last + 1, step)}
LOWER_RANGES = ((0x61, 0x7A), (0xDF, 0xF6), (0xF8, 0x17F), (0x390, 0x390), (0x3AC, 0x3CE), (0x430, 0x45F))
LOWER = {c for first, last in LOWER_RANGES for c in range(first, last + 1)} - set(LOWER_OF)
SIZES = ("words", "remainder", "suffix2", "suffix3", "suffix4", "prefix3", "shape")


def normal(form: str) -> str:
    """The form in lower case, every digit as 0."""
    return "".join("0" if c in "0123456789" else chr(LOWER_OF.get(ord(c), ord(c))) for c in form)


def shape(form: str) -> str:
    """The classes of the first 12 code points, runs cut to 2."""
    out: list[str] = []
    previous, run = "", 0
    for c in form[:12]:
        letter = (
            "X" if ord(c) in LOWER_OF else "x" if ord(c) in LOWER else "d" if c in "0123456789"
            else "o" if ord(c) >= 0x80 else c
        )  # fmt: skip
        run = run + 1 if letter == previous else 1
        previous = letter
        if run <= 2:
            out.append(letter)
    return "".join(out)


def hash32(text: str, seed: int) -> int:
    """FNV-1a over the UTF-8 bytes, its basis xor `seed`, then murmur3's fmix32."""
    h = 0x811C9DC5 ^ seed
    for byte in text.encode():
        h = (h ^ byte) * 0x01000193 & 0xFFFFFFFF
    h = (h ^ h >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    h = (h ^ h >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return h ^ h >> 16


def hashes(form: str) -> list[int]:
    n = normal(form)
    parts = (n, n[-2:], n[-3:], n[-4:], n[:3], shape(form))
    return [hash32(part, seed) for seed, part in enumerate(parts)]


def ids(form: str, spec: Mapping[str, int], keys: Sequence[int]) -> list[int]:
    """The six rows of a form."""
    h = hashes(form)
    out = []
    base = 2 + spec["words"]
    for seed, name in enumerate(SIZES[1:]):
        out.append(base + (h[seed] * spec[name] >> 32))
        base += spec[name]
    if h[0] in keys:
        out[0] = 2 + list(keys).index(h[0])
    return out


SPEC = {"version": 1, **dict(zip(SIZES, (5, 50, 20, 30, 40, 30, 10), strict=True))}
KEY_FORMS = ("the", ",", "to", "i", "2000")
FORMS = (
    *("", "a", "The", ",", "I", "1984", "2024", "to", "walking", "USA", "McDonald's", "don't", "--"),
    *("......", ":-)", "http://www.example.com/A1", "aaaaaaaaaaa111", "AAAbbb---444z", "x" * 40, "\0", "a b"),
    *("Straße", "STRASSE", "ÀÖ\u00d7Þß÷ÿ", "Œuvre", "İstanbul", "ıŸĸŉſ", "ŹŻĽŁŇ", "é", "e\u0301", "“", "—"),
    *("ΆΈΌΎΏ", "ΟΔΟΣ", "Ϊΐς", "Ѐљ", "Москва", "Ёлка", "Ґ", "日本語", "한국어", "ไทย", "עברית", "٣", "ǅ", "ﬀ"),
    *("\U0001d518", "👩\u200d💻", "🇬🇧ab"),
)  # fmt: skip


def vectors() -> str:
    """What docs/features.vectors.json holds."""
    keys = [hash32(normal(form), 0) for form in KEY_FORMS]
    rows = []
    for form in FORMS:
        row = {"form": form, "normal": normal(form), "shape": shape(form), "hashes": hashes(form)}
        rows.append(json.dumps({**row, "ids": ids(form, SPEC, keys)}))
    head = f'{{\n  "spec": {json.dumps(SPEC)},\n  "keys": {json.dumps(keys)},\n  "vectors": [\n    '
    return head + ",\n    ".join(rows) + "\n  ]\n}\n"


if __name__ == "__main__":
    print(vectors(), end="")
