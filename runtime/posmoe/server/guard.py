"""What every request passes before the application sees it: identity, key, size, time, and a line in the log."""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .logs import log
from .metrics import Metrics
from .problems import Problem
from .settings import Settings

GONE = 499  # in log and metrics: the client went away, or was too slow to read
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"))
_NAME = re.compile(rb"[\w-]{1,64}")
_JSON = re.compile(rb"application/(?:[\w.-]+\+)?json\s*(?:;.*)?", re.I | re.S)
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]


@dataclass
class Record:
    """What is known of a request, for log and metrics."""

    id: str
    begun: float
    status: int = 0
    finished: bool = False
    size: int = 0
    endpoint: str = "other"
    engine: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


class Guard:
    """ASGI middleware around the application.

    Args:
        paths: those that log and metrics may name, for a wrong one may hold a text; true where JSON is posted.
    """

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics, paths: Mapping[str, bool]) -> None:
        self._app = app
        self._paths = paths
        self._settings = settings
        self._metrics = metrics
        key = settings.api_key
        self._key = key.get_secret_value().encode() if key is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        name = given.decode() if _NAME.fullmatch(given) else uuid4().hex
        record = Record(name, time.perf_counter())
        scope.setdefault("state", {})["record"] = record
        self._metrics.busy.inc()
        try:
            await self._answer(scope, headers, receive, _Sender(send, record, self._settings.send_seconds), record)
        finally:
            self._metrics.busy.dec()
            self._account(scope, record)

    async def _answer(
        self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, send: _Sender, record: Record
    ) -> None:
        try:
            try:
                self._check(scope, headers)
                body = await self._body(receive)
                record.facts["bytes"] = len(body)
                await self._run(scope, body, receive, send)
            except Problem as problem:
                await _refuse(problem, receive, send)
        except ClientGone:
            record.status = GONE
        except Exception as error:
            log(logging.ERROR, "failure", {"id": record.id}, error)
            if not record.status:
                detail = f"the service failed; its log has the reason under {record.id}."
                await Problem(500, detail).response()(scope, receive, send)

    def _check(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        """Refuse what can be refused by the head alone.

        Raises:
            Problem: 401 no or another key; 413 a longer body; 415 no JSON.
        """
        path = scope["path"]
        if self._key is not None and (path.startswith("/v1/") or path == "/metrics"):
            scheme, _, value = headers.get(b"authorization", b"").partition(b" ")
            given = value.strip() if scheme.lower() == b"bearer" else headers.get(b"x-api-key", b"")
            if not hmac.compare_digest(given, self._key):
                detail = "expected the service's key as `Authorization: Bearer KEY` or `X-API-Key: KEY`."
                raise Problem(401, detail, {"WWW-Authenticate": "Bearer"})
        length = headers.get(b"content-length", b"")
        if length.isdigit() and (len(length) > 18 or int(length) > self._settings.max_body):
            raise self._too_large()
        if scope["method"] == "POST" and self._paths.get(path, False):
            kind = headers.get(b"content-type", b"")
            if not _JSON.fullmatch(kind):
                raise Problem(415, "expected JSON. Send the header `Content-Type: application/json`.")
            if headers.get(b"content-encoding", b"identity").lower() != b"identity":
                raise Problem(415, "expected a body as it is. Send it without Content-Encoding.")

    async def _body(self, receive: Receive) -> bytes:
        """The whole body.

        Raises:
            ClientGone: there is no client any more.
            Problem: 408 it took too long; 413 it is too large, whatever length was stated.
        """
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._settings.receive_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientGone
                    part = message.get("body", b"")
                    size += len(part)
                    if size > self._settings.max_body:
                        raise self._too_large()
                    parts.append(part)
                    if not message.get("more_body", False):
                        return b"".join(parts)
        except TimeoutError:
            detail = (
                f"the body did not come within {self._settings.receive_seconds:g} s. Send it at once, or less of it."
            )
            raise Problem(408, detail) from None

    def _too_large(self) -> Problem:
        return Problem(413, f"expected a body of at most {self._settings.max_body:,} bytes. Send the texts in parts.")

    async def _run(self, scope: Scope, body: bytes, receive: Receive, send: _Sender) -> None:
        """Run the application; stop it when the client goes away.

        Raises:
            ClientGone: it did.
        """
        parts = [body]
        gone = asyncio.Event()

        async def replay() -> Message:
            if parts:
                return {"type": "http.request", "body": parts.pop(), "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def run() -> None:
            await self._app(scope, replay, send)

        work = asyncio.create_task(run())
        watch = asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and not send.record.finished:
                work.cancel()
                await asyncio.wait({work})
                raise ClientGone
            await work
        finally:
            gone.set()
            work.cancel()
            watch.cancel()

    def _account(self, scope: Scope, record: Record) -> None:
        """Log a request and count it."""
        if scope["path"] in self._paths:
            record.endpoint = scope["path"]
        seconds = time.perf_counter() - record.begun
        self._metrics.requests.labels(record.endpoint, record.engine, record.status).inc()
        self._metrics.seconds.labels(record.endpoint, record.engine).observe(seconds)
        facts: dict[str, Any] = {"id": record.id, "method": scope["method"] if scope["method"] in METHODS else "other"}
        facts |= {"endpoint": record.endpoint, "status": record.status, "ms": round(seconds * 1000, 2)}
        facts |= {"sent": record.size, "engine": record.engine} if record.engine else {"sent": record.size}
        log(logging.INFO, "request", facts | record.facts)


class ClientGone(Exception):
    """The client went away, or takes nothing."""


class _Sender:
    """Sends with our headers, and gives up on a client that doesn't take what it asked for."""

    def __init__(self, send: Send, record: Record, seconds: float) -> None:
        self.record = record
        self._send = send
        self._seconds = seconds

    async def __call__(self, message: Message) -> None:
        record = self.record
        if message["type"] == "http.response.start":
            record.status = message["status"]
            given = {name for name, _ in message.get("headers", ())}
            own = [header for header in HEADERS if header[0] not in given]
            message = {**message, "headers": [*message.get("headers", ()), *own, (b"x-request-id", record.id.encode())]}
        elif message["type"] == "http.response.body":
            record.size += len(message.get("body", b""))
        try:
            async with asyncio.timeout(self._seconds):
                await self._send(message)
        except TimeoutError:
            raise ClientGone from None
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            record.finished = True


async def _refuse(problem: Problem, receive: Receive, send: Send) -> None:
    """Answer a request that is still coming, and close the connection.

    A client that finds the connection closed while it sends may never read the answer, so a second is spent on
    taking what it sends.
    """
    answer = problem.response()
    headers = [*answer.raw_headers, (b"connection", b"close")]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": True})
    with suppress(TimeoutError):
        async with asyncio.timeout(1):
            while (await receive()).get("more_body", False):
                pass
    await send({"type": "http.response.body", "body": b""})


async def _disconnected(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
