"""What a parser is asked to parse: a text, or sentences that are cut into words already."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import InputError

if TYPE_CHECKING:
    from ._core import Words

# a surface token: its form, its words, whether white space follows
Surface = tuple[str, list[str], bool]
MAX_BYTES = (1 << 32) - 1
_SURROGATES = re.compile("[\ud800-\udfff]")


class Request(NamedTuple):
    """Either a text (with `lines`, every line of it is one sentence), sentences of surface tokens, or words.

    `upos` may give the tag of every word, or None where it is to be predicted.
    """

    text: str | None = None
    lines: bool = False
    sentences: list[list[Surface]] | None = None
    upos: list[str | None] | None = None
    words: Words | None = None

    def size(self) -> int:
        """About how many characters there are to parse."""
        if self.text is not None:
            return len(self.text)
        if self.words is not None:
            return 6 * len(self.words)
        return 6 * sum(len(sentence) for sentence in self.sentences or ())

    def gold(self, tags: Mapping[str, int]) -> list[int] | None:
        """Indices of the given tags, -1 where one is to be predicted; None without any.

        Raises:
            InputError: the model has no such tag.
        """
        if self.upos is None:
            return None
        try:
            return [-1 if tag is None else tags[tag] for tag in self.upos]
        except KeyError as error:
            raise InputError(
                f"expected one of the model's tags {', '.join(tags)} or None, got {error.args[0]!r}."
            ) from error


def checked_text(text: str) -> str:
    """The text itself.

    Raises:
        InputError: it is no string, or one of 4 GiB or more.
    """
    if not isinstance(text, str):
        raise InputError(f"expected a text as str, got {type(text).__name__}.")
    if len(text) > MAX_BYTES // 4 and len(text.encode(errors="replace")) > MAX_BYTES:
        raise InputError("expected a text of less than 4 GiB; parse it in parts.")
    return text


def tokens_request(sentences: Iterable[Iterable[str]], upos: Iterable[Iterable[str | None]] | None = None) -> Request:
    """Ask for sentences of words.

    Raises:
        InputError: a sentence is no sequence of words or has none, a word is no string or blank, a tag is neither
            a string nor None, or there are more or fewer tags than words.
    """
    surfaces: list[list[Surface]] = []
    for number, sentence in enumerate(_items(sentences, "expected a list of sentences")):
        words = _items(sentence, f"sentence {number}: expected a list of words")
        for place, word in enumerate(words):
            if not isinstance(word, str) or not word.strip(" \t\r\n"):
                raise InputError(f"sentence {number}, word {place}: expected a word, got {word!r:.80}.")
        if not words:
            raise InputError(f"sentence {number}: expected at least one word, got none.")
        surfaces.append([(form, [form], True) for form in map(whole, words)])
    if upos is None:
        return Request(sentences=surfaces)
    tags: list[str | None] = []
    given = _items(upos, "expected a list of tags for every sentence")
    if len(given) != len(surfaces):
        raise InputError(f"expected tags for {len(surfaces)} sentences, got {len(given)}.")
    for number, (surface, sentence_tags) in enumerate(zip(surfaces, given, strict=True)):
        expected = f"sentence {number}: expected a list of {len(surface)} tags"
        row = _items(sentence_tags, expected)
        if len(row) != len(surface):
            raise InputError(f"{expected}, got {len(row)}.")
        for place, tag in enumerate(row):
            if not isinstance(tag, str | None):
                raise InputError(f"sentence {number}, word {place}: expected a tag or None, got {tag!r:.80}.")
        tags.extend(row)
    return Request(sentences=surfaces, upos=tags)


def _items(value: object, expected: str) -> list[Any]:
    """The items of a list, of a row of a NumPy array, or of whatever else has an order."""
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping | Set):
        try:
            return list(value)
        except TypeError:  # an array without a dimension
            pass
    raise InputError(f"{expected}, got {type(value).__name__}.")


def whole(text: str) -> str:
    """The text with every lone surrogate replaced by U+FFFD, so that it has a UTF-8 form."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATES.sub("\ufffd", text)
    return text
