"""`posmoe serve`: the application under uvicorn, until a signal ends it."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from ..errors import InputError
from .app import create
from .logs import log, to_standard_error
from .settings import Settings


def serve(settings: Settings) -> None:
    """Load, listen, and answer until SIGTERM or SIGINT; requests under way are finished.

    Raises:
        InputError: the address cannot be listened at.
        BundleError, EngineError: there is no such model, or an engine cannot be had.
    """
    to_standard_error()
    app = create(settings)
    config = uvicorn.Config(
        app,
        http=_patient(settings.receive_seconds),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=max(1, round(settings.stop_seconds)),
        limit_concurrency=settings.max_connections + 1,  # it counts the one that asks
        h11_max_incomplete_event_size=1 << 14,
    )
    with _listening(settings.host, settings.port) as place:
        host, port = place.getsockname()[:2]
        server = uvicorn.Server(config)
        # uvicorn repeats a signal to whoever had it before, so that is not the end of the process
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(server, "should_exit", True))
        log(logging.INFO, "ready", {"url": f"http://{f'[{host}]' if ':' in host else host}:{port}/"})
        asyncio.run(server.serve([place]))
    log(logging.INFO, "stopped", {})


def _listening(host: str, port: int) -> socket.socket:
    """A socket at an address.

    Raises:
        InputError: there is no such address, or another process has it.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        place = socket.socket(family, kind, protocol)
    except OSError as error:
        raise InputError(f"cannot listen at {host}: {error.strerror or error}. Give another --host.") from error
    try:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind(address)
        place.listen(1024)
    except OSError as error:
        place.close()
        raise InputError(f"cannot listen at {host}:{port}: {error.strerror or error}. Give another --port.") from error
    place.setblocking(False)
    return place


def _patient(seconds: float) -> type[asyncio.Protocol]:
    """Uvicorn's protocol, with an end to its patience: a request's head has to come within so many seconds."""

    class Patient(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
        _late: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._late = self.loop.call_later(seconds, self._give_up)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._late is None and self._between():
                self._late = self.loop.call_later(seconds, self._give_up)

        def connection_lost(self, error: Exception | None) -> None:
            if self._late is not None:
                self._late.cancel()
            super().connection_lost(error)

        def _between(self) -> bool:
            """Whether no request is under way."""
            return self.cycle is None or self.cycle.response_complete

        def _give_up(self) -> None:
            self._late = None
            if self._between() and not self.transport.is_closing():
                self.transport.close()

    return Patient
