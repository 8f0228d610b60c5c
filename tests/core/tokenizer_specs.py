"""Specifications and texts that the tokeniser's tests share."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

FEATURES = {"cut": 28, "multiword": 16, "boundary": 32}

PIECES = [
    "a", "Word", "word", "WORD", "iPhone", "W", "U.S.", "Mr.", "etc.", "don't", "DON\u2019T", "John's",
    "its", "Its", "du", "DU", "12", "1,000.50", "10:30am", "000", "1 000", "x@y.org", "john.d...@mail.com",
    "@name", "#tag", "http://a.b/c?d=(e).", "(www.site.com)", "file.pdf", "site.Com", "well-known",
    "and/or", "...", "!!", "?!", ":-)", "''", "\"", "\u201c", "\u201d", "\xab", "\xbb", "(", ")", "[", "]",
    ",", ";", ":", "-", "\u2014", "\u2013", "*", ">", "$5", "\u20ac", "%", "&", "'", "`", "\u2026",
    "\u3002", "\u061f", "\u060c", "\n", "\n\n", "\r\n", "\r", " ", "  ", "\t", "\xa0", "\u3000", "\u2029",
    "\x85", "\x00", "\x1c", "\x7f", "\u200b", "\u200d", "\u200f", "\ufeff", "\u0301", "\ufe0f", "\u20e3",
    "\xad", "1\ufe0f\u20e3", "#\u20e3", "\U0001f44d", "\U0001f44d\U0001f3fd",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\u2764\ufe0f\u200d\U0001f525", "\U0001f1e9\U0001f1ea",
    "\U0001f1e9", "\u2665", "\u2605", "\u05e9\u05dc\u05d5\u05dd", "\u0645\u0631\u062d\u0628\u0627",
    "\u65e5\u672c\u8a9e", "\u0e44\u0e17\u0e22", "\u0395\u03bb\u03bb\u03ac\u03b4\u03b1", "\xff", "\u0178",
    "Stra\xdfe", "\u0130", "\u043f\u0440\u0438\u0432\u0435\u0442", "\ud800", "\udfff", "\ufffd",
    "\U0010ffff", "\u0663", "\xbd", "x\xb2",
]  # fmt: skip

TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=24).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=16).map(" ".join),
    st.text(st.characters(), max_size=40),
    st.text("ab.A1 -'/@:\n\u0301", max_size=40),
)


def make_spec(**changes: Any) -> dict[str, Any]:
    """A small specification with rules of every sort."""
    tables = {name: {"size": 64, "bias": 0, "features": n} for name, n in FEATURES.items()}
    spec: dict[str, Any] = {
        "version": 1,
        "max_sentence": 10000,
        "grouped_digits": False,
        "abbreviations": ["Mr.", "etc.", "U.S."],
        "endings": ["com", "org", "pdf"],
        "multiwords": {"gonna": ["gon", "na"], "du": ["de", "le"], "ÿx": ["ÿ", "y", "x"]},
        "ambiguous": {"its": ["it", "s"], "des": ["de", "les"]},
        "suffixes": {"n't": ["", "n't"], "'s": ["", "'s"], "lo": ["r", "lo"]},
        "closed": [(1 * 64 + 1) * 4 + 1],
        "tables": tables,
    }
    return spec | changes


def random_weights(spec: dict[str, Any], seed: int) -> NDArray[np.int8]:
    """Weights that decide at random, but always the same."""
    size = sum(table["size"] for table in spec["tables"].values())
    weights: NDArray[np.int8] = np.random.default_rng(seed).integers(-127, 128, size, np.int8)
    return weights


def cutting(spec: dict[str, Any], *, cut: bool, boundary: bool = False, multiword: bool = True) -> dict[str, Any]:
    """The specification without weights: every open decision is the same."""
    answers = {"cut": cut, "boundary": boundary, "multiword": multiword}
    tables = {name: {"size": 0, "bias": 0 if answers[name] else -1, "features": n} for name, n in FEATURES.items()}
    return spec | {"tables": tables}
