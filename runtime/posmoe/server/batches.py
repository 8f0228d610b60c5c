"""Requests of several clients as one batch, computed beside the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ..document import Document
from ..pipeline import GROUP, Parser
from ..request import Request
from .metrics import Metrics
from .problems import Problem
from .settings import Settings

Write = Callable[[Sequence[Document]], bytes]


@dataclass(eq=False)
class Job:
    """Texts, and what makes the answer of their documents; both is done in a thread."""

    requests: list[Request]
    write: Write
    future: asyncio.Future[bytes]
    slow: bool

    @property
    def size(self) -> int:
        """Characters to parse."""
        return sum(map(Request.size, self.requests))


class Batcher:
    """Gathers what comes within a window, or while the engine computes, into batches for one parser."""

    def __init__(self, parser: Parser, settings: Settings, metrics: Metrics) -> None:
        self.parser = parser
        self.name = parser.engine.name
        self._settings = settings
        self._metrics = metrics
        self._waiting: deque[Job] = deque()
        self._came = asyncio.Event()
        self._pool = ThreadPoolExecutor(settings.threads, f"posmoe-{self.name}")
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def full(self) -> bool:
        """Whether the next request would be refused."""
        return len(self._waiting) >= self._settings.max_queue

    @property
    def alive(self) -> bool:
        """Whether batches are computed."""
        return not any(task.done() for task in self._tasks)

    def start(self) -> None:
        """Begin to compute; called in the event loop."""
        self._tasks = [asyncio.create_task(self._serve()) for _ in range(self._settings.threads)]

    async def stop(self) -> None:
        """End; what still waits is given up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for job in self._waiting:
            job.future.cancel()
        self._pool.shutdown()

    async def answer(self, requests: Sequence[Request], write: Write, slow: bool = False) -> bytes:
        """What `write` makes of the requests' documents.

        Args:
            slow: `write` takes longer than parsing, so that others in the batch go first.
        Raises:
            Problem: 429, too many requests are waiting; 503, it took longer than `max_seconds`.
        """
        settings = self._settings
        if self.full:
            detail = f"{settings.max_queue} requests are waiting already. Try again after the seconds of Retry-After."
            raise Problem(429, detail, {"Retry-After": "1"})
        job = Job(list(requests), write, asyncio.get_running_loop().create_future(), slow)
        self._waiting.append(job)
        self._count()
        self._came.set()
        try:
            async with asyncio.timeout(settings.max_seconds):
                return await job.future
        except TimeoutError:
            detail = f"not computed within {settings.max_seconds:g} s. Send less text at once, or try again later."
            raise Problem(503, detail, {"Retry-After": "1"}) from None
        finally:
            if not job.future.done():
                job.future.cancel()

    async def _serve(self) -> None:
        """Compute batches, one after the other."""
        loop = asyncio.get_running_loop()
        while True:
            if not self._waiting:
                self._came.clear()
                await self._came.wait()
                await asyncio.sleep(self._settings.window)
            jobs = self._take()
            if jobs:
                await loop.run_in_executor(self._pool, self._compute, jobs, loop)

    def _take(self) -> list[Job]:
        """The next batch, without the jobs that nobody waits for any more."""
        jobs: list[Job] = []
        size = 0
        while self._waiting and size < GROUP:
            job = self._waiting.popleft()
            if not job.future.done():
                jobs.append(job)
                size += job.size
        self._count()
        return sorted(jobs, key=lambda job: job.slow)

    def _compute(self, jobs: list[Job], loop: asyncio.AbstractEventLoop) -> None:
        """Parse a batch and answer its jobs; where it fails as a whole, job by job."""
        requests = [request for job in jobs for request in job.requests]
        self._metrics.texts.labels(self.name).observe(len(requests))
        try:
            documents = list(self.parser.run(requests, max(1, len(requests)), quiet=True))
        except Exception as error:
            if len(jobs) == 1:
                loop.call_soon_threadsafe(_fail, jobs[0].future, error)
                return
            for job in jobs:
                self._compute([job], loop)
            return
        self._metrics.words.labels(self.name).inc(sum(len(document.analysis.words) for document in documents))
        begin = 0
        for job in jobs:
            mine = documents[begin : begin + len(job.requests)]
            begin += len(mine)
            if job.future.done():
                continue
            try:
                answer = job.write(mine)
            except Exception as error:
                loop.call_soon_threadsafe(_fail, job.future, error)
            else:
                loop.call_soon_threadsafe(_finish, job.future, answer)

    def _count(self) -> None:
        self._metrics.queue.labels(self.name).set(len(self._waiting))


def _finish(future: asyncio.Future[bytes], answer: bytes) -> None:
    if not future.done():
        future.set_result(answer)


def _fail(future: asyncio.Future[bytes], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
