"""The loaded engines behind the application, and the limits that need to know of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from ..pipeline import load
from .batches import Batcher
from .metrics import Metrics
from .problems import Problem
from .schemas import ParseBody, RankBody
from .settings import Settings


class Service:
    """The parsers of one application, and the state of it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        loaded = [load(settings.model, backend=name) for name in settings.backends]
        self.parsers = {parser.engine.name: parser for parser in loaded}  # the first one is the default
        self.batchers: dict[str, Batcher] = {}
        self.ready = False

    @asynccontextmanager
    async def running(self, app: FastAPI) -> AsyncIterator[None]:
        """Compute while the application is up."""
        for name, parser in self.parsers.items():
            self.batchers[name] = Batcher(parser, self.settings, self.metrics)
            self.batchers[name].start()
        self.ready = True
        try:
            yield
        finally:
            self.ready = False
            await asyncio.gather(*(batcher.stop() for batcher in self.batchers.values()))

    def batcher(self, engine: str | None) -> Batcher:
        """The engine that was asked for.

        Raises:
            Problem: 422, it is not loaded here; 503, none is for now.
        """
        if not self.ready:
            raise Problem(503, "the service is starting or stopping. Try again later.", {"Retry-After": "1"})
        if engine is None:
            return next(iter(self.batchers.values()))
        if engine not in self.batchers:
            raise Problem(422, f"engine: expected one of {', '.join(self.batchers)}.")
        return self.batchers[engine]

    def check(self, body: ParseBody) -> None:
        """Hold a body against the limits.

        Raises:
            Problem: 422.
        """
        texts, limits = body.given, self.settings
        if len(texts) > limits.max_texts:
            raise Problem(422, f"texts: expected at most {limits.max_texts:,}, got {len(texts):,}. Send them in parts.")
        if isinstance(body, RankBody) and body.k > limits.max_trees:
            raise Problem(422, f"k: expected at most {limits.max_trees}, got {min(body.k, 10**9):,}.")

    def check_words(self, words: int, trees: int) -> None:
        """Hold what was parsed against the limit, before an answer is made of it.

        Raises:
            Problem: 422.
        """
        most = self.settings.max_words
        if words * trees > most:
            times = f" times {trees} trees" if trees > 1 else ""
            raise Problem(422, f"expected at most {most:,} words, got {words:,}{times}. Send the texts in parts.")
