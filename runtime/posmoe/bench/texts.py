"""The text that is measured with: paragraphs of our own in ever new orders, so that no processor learns them."""

from __future__ import annotations

import random
from pathlib import Path

WORDS = 12_000


def paragraphs() -> list[str]:
    """The bundled paragraphs: news, mail, reviews, fiction, instructions and more."""
    text = Path(__file__).with_name("text.txt").read_text(encoding="utf-8")
    return [block for block in text.strip().split("\n\n") if block]


def documents(words: int = WORDS, seed: int = 1) -> list[str]:
    """Documents of one to six paragraphs, of about so many words in all; the same for the same seed."""
    source, waiting, found, size = random.Random(seed), list[str](), list[str](), 0
    while size < words:
        chosen = []
        for _ in range(source.randint(1, 6)):
            if not waiting:
                waiting = paragraphs()
                source.shuffle(waiting)
            chosen.append(waiting.pop())
        found.append("\n\n".join(chosen))
        size += len(found[-1].split())
    return found
