"""Applications without a network, and a real server in a process of its own, on the packaged model."""

import contextlib
import json
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Self

import pytest

pytest.importorskip("fastapi", reason="needs the extra serve")
pytest.importorskip("prometheus_client", reason="needs the extra serve")
pytest.importorskip("pydantic_settings", reason="needs the extra serve")
pytest.importorskip("uvicorn", reason="needs the extra serve")

import httpx

import posmoe
from posmoe.server.app import create
from posmoe.server.settings import Settings
from tests.runtime.command import COMMAND, ENVIRONMENT

Connect = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture(scope="session")
def nlp() -> posmoe.Parser:
    """The packaged model, as the service loads it."""
    return posmoe.load()


@pytest.fixture
def connect() -> Connect:
    """Makes an application with settings, and a client of it; the application is `client.app`."""

    @contextlib.asynccontextmanager
    async def connected(**settings: Any) -> AsyncIterator[httpx.AsyncClient]:
        app = create(Settings(**settings))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://test") as client,
        ):
            client.app = app  # type: ignore[attr-defined]
            yield client

    return connected


class Server:
    """`posmoe serve` in a process; `log` is what it said."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self._log = folder / "log"
        environment = {f"POSMOE_SERVE_{name.upper()}": str(value) for name, value in settings.items()}
        command = [*COMMAND, "serve", "--port", "0"]
        with self._log.open("wb") as file:
            self.process = subprocess.Popen(command, stderr=file, env=ENVIRONMENT | environment)
        while not self.log:
            assert self.process.poll() is None, self._log.read_text()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.02)
        self.url: str = self.log[0]["url"]
        self.address = ("127.0.0.1", int(self.url.rstrip("/").rpartition(":")[2]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(20)

    @property
    def log(self) -> list[dict[str, Any]]:
        """The events so far."""
        return [json.loads(line) for line in self._log.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def stop(self) -> int:
        """End it as a service manager does; returns its exit code."""
        self.process.terminate()
        return self.process.wait(20)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with little patience; it must outlive everything that is done to it."""
    folder = tmp_path_factory.mktemp("server")
    with Server(folder, receive_seconds=0.4, send_seconds=0.4, max_body=1 << 20) as running:
        yield running
        assert running.stop() == 0
    assert [one for one in running.log if one["level"] not in ("info", "warning")] == []
