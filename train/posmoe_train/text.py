"""Raw text to a prepared corpus: tokenised, cleaned of duplicates and of what overlaps held-out trees."""

import hashlib
import lzma
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posmoe import _core
from posmoe_train.corpus import MAX_WORDS, Corpus

NGRAM = 8
_ODD = [pow(0x9E3779B97F4A7C15, power, 1 << 64) for power in range(1, NGRAM + 1)]


def read_text(path: Path) -> str:
    """A text file, plain or .xz; one paragraph a line."""
    raw = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
    return raw.decode("utf-8", "replace")


def tokenised(tokenizer: _core.Tokenizer, paths: Sequence[Path], block: int = 4_000_000) -> Iterator[list[str]]:
    """The sentences of the files; every line is a paragraph. Sentences that were cut at a bound are left out."""
    for path in paths:
        text = read_text(path)
        for at in range(0, len(text), block):
            # blocks end at line breaks: begin after the first one past `at`, end at the first one past the block
            begin = text.find("\n", at) + 1 if at else 0
            end = text.find("\n", at + block)
            words = tokenizer(text[begin : end if end >= 0 else None].replace("\n", "\n\n"))
            forms, offsets = words.forms(), words.sentences
            for s in range(len(offsets) - 1):
                if not words.split[s]:
                    yield forms[offsets[s] : offsets[s + 1]]
            if end < 0:
                break


def clean(corpus: Corpus, held_out: Corpus) -> NDArray[np.int64]:
    """Sentences to keep: 3 to MAX_WORDS words, each text once, none that shares 8 words in a row with held-out text.

    Case is ignored. A held-out sentence of fewer than 8 words is not searched for: such are common phrases.
    """
    lengths = np.diff(corpus.offsets)
    codes = _codes(corpus.forms)[corpus.words]
    place = np.arange(len(codes)) - np.repeat(corpus.offsets[:-1], lengths)
    held_codes = _codes(held_out.forms)[held_out.words]
    held_place = np.arange(len(held_codes)) - np.repeat(held_out.offsets[:-1], np.diff(held_out.offsets))
    sentence = np.repeat(np.arange(len(corpus)), lengths)
    overlaps = np.isin(_ngrams(codes, place), _ngrams(held_codes, held_place)) & (place >= NGRAM - 1)
    keep = (lengths >= 3) & (lengths <= MAX_WORDS)
    keep[sentence[overlaps]] = False
    texts = np.zeros(len(corpus), np.uint64)
    np.add.at(texts, sentence, codes * (2 * place.astype(np.uint64) + 1))
    _, first = np.unique(texts, return_index=True)
    once = np.zeros(len(corpus), bool)
    once[first] = True
    return np.flatnonzero(keep & once)


def _codes(forms: list[str]) -> NDArray[np.uint64]:
    """A 64-bit code of each form, case ignored."""
    digests = (hashlib.blake2b(form.lower().encode(), digest_size=8).digest() for form in forms)
    return np.frombuffer(b"".join(digests), np.uint64)


def _ngrams(codes: NDArray[np.uint64], place: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A hash of the NGRAM words that end at each place; 0 where the sentence has fewer before it."""
    gram = np.zeros_like(codes)
    for back in range(NGRAM):
        gram[NGRAM - 1 :] += codes[NGRAM - 1 - back : max(0, len(codes) - back)] * np.uint64(_ODD[back])
    gram[place < NGRAM - 1] = 0
    return gram
