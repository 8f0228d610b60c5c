"""The service as a process: slow clients, clients that go away, and the end."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from posmoe.server.settings import Settings
from tests.paths import ROOT
from tests.runtime.command import ENVIRONMENT, posmoe, said
from tests.server.conftest import Server

BODY = b'{"text": "He waved."}'
HEAD = b"POST /v1/parse HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"


def everything(connection: socket.socket) -> bytes:
    """What a server sends until it closes."""
    parts = []
    try:
        while part := connection.recv(1 << 16):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def test_a_real_request(server: Server) -> None:
    answer = httpx.post(f"{server.url}v1/parse", json={"text": "He waved."})
    assert answer.status_code == 200
    assert [token["text"] for token in answer.json()["documents"][0]["sentences"][0]["tokens"]] == ["He", "waved", "."]
    assert "server" not in answer.headers


@pytest.mark.parametrize("start", [b"", b"POST /v1/par", HEAD])
def test_a_head_that_does_not_come(server: Server, start: bytes) -> None:
    with socket.create_connection(server.address, 10) as connection:
        connection.sendall(start)
        begin = time.monotonic()
        assert everything(connection) == b""
        assert time.monotonic() - begin < 5


def test_a_second_head_that_does_not_come(server: Server) -> None:
    with socket.create_connection(server.address, 10) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY) + b"POST /v1/")
        assert everything(connection).startswith(b"HTTP/1.1 200 OK")


def test_a_body_that_does_not_come(server: Server) -> None:
    with socket.create_connection(server.address, 10) as connection:
        connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
        answer = everything(connection)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"the body did not come within 0.4 s. Send it at once" in answer


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_that_is_too_large(server: Server, chunked: bool) -> None:
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    parts = (b" " * 100_000 for _ in range(20)) if chunked else b" " * 2_000_000
    connection.request("POST", "/v1/parse", parts, {"Content-Type": "application/json"}, encode_chunked=chunked)
    answer = connection.getresponse()
    assert (answer.status, answer.headers["connection"]) == (413, "close")
    assert b"expected a body of at most 1,048,576 bytes" in answer.read()
    connection.close()


@pytest.mark.parametrize("rest", [b"Content-Length: 5\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"])
def test_a_client_that_goes_away_while_it_sends(server: Server, rest: bytes) -> None:
    name, head = named()
    with socket.create_connection(server.address, 10) as connection:
        connection.sendall(head + rest)
    assert status_of(server, name) == 499


def named() -> tuple[str, bytes]:
    """A name that no other request has, and a head with it."""
    name = uuid4().hex
    return name, HEAD + f"X-Request-ID: {name}\r\n".encode()


def status_of(server: Server, name: str) -> int:
    """The status that the log gives to a request, once it is over."""
    for _ in range(500):
        for event in server.log:
            if event.get("id") == name:
                return int(event["status"])
        time.sleep(0.01)
    raise AssertionError("no such request")


def test_a_client_that_does_not_read(server: Server) -> None:
    body = json.dumps({"texts": ["he saw it. " * 60] * 500}).encode()
    name, head = named()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(10)
        connection.connect(server.address)
        connection.sendall(head + b"Accept: application/x-ndjson\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        assert status_of(server, name) == 499
    assert httpx.get(f"{server.url}readyz").status_code == 200


@pytest.mark.parametrize(
    "noise", [b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 50 + b"\0", b"A" * 70_000]
)
def test_noise(server: Server, noise: bytes) -> None:
    with socket.create_connection(server.address, 10) as connection:
        connection.sendall(noise)
        everything(connection)
    assert httpx.get(f"{server.url}healthz").status_code == 200


def test_more_connections_than_allowed(tmp_path: Path) -> None:
    with Server(tmp_path, max_connections=1) as server:
        with socket.create_connection(server.address, 10):
            assert httpx.get(f"{server.url}healthz").status_code == 503
        for _ in range(500):
            if httpx.get(f"{server.url}healthz").status_code == 200:
                break
            time.sleep(0.01)
        assert httpx.get(f"{server.url}healthz").status_code == 200
        assert server.stop() == 0


def test_requests_under_way_are_finished(tmp_path: Path) -> None:
    answers: list[int] = []

    def ask() -> None:
        answer = httpx.post(f"{server.url}v1/parse", json={"text": "He waved."}, timeout=20)
        answers.append(answer.status_code if answer.content == before else 0)

    with Server(tmp_path, window=2) as server, httpx.Client() as idle:  # requests wait for two seconds
        before = httpx.post(f"{server.url}v1/parse", json={"text": "He waved."}).content
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        name, head = named()
        with socket.create_connection(server.address, 10) as leaving:
            leaving.sendall(head + b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY))
        while "posmoe_requests_in_progress 9.0" not in idle.get(f"{server.url}metrics").text:
            time.sleep(0.02)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{server.url}healthz")
        for thread in threads:
            thread.join()
        assert answers == [200] * 8
        assert server.process.wait(20) == 0
        assert server.log[-1]["event"] == "stopped"
        assert status_of(server, name) == 499


def test_a_port_that_is_taken(server: Server) -> None:
    result = posmoe("serve", "--port", str(server.address[1]))
    assert result.returncode == 1
    assert re.search(r"cannot listen at 127.0.0.1:\d+: Address already in use. Give another --port.", said(result))


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "says"),
    [
        (["--port", "70000"], {}, 2, "70000 is not in the range"),
        (["--backend", "steam"], {}, 2, "expected one of auto, "),
        (["--model", "nothing"], {}, 1, "nothing"),
        (["--host", "no.such.host.invalid"], {}, 1, "cannot listen at no.such.host.invalid: "),
        ([], {"MAX_BODY": "many"}, 2, "$POSMOE_SERVE_MAX_BODY: Input should be a valid integer"),
        ([], {"WINDOW": "20"}, 2, "$POSMOE_SERVE_WINDOW: Input should be less than or equal to 10."),
        ([], {"MAX_WORD": "1"}, 2, "$POSMOE_SERVE_MAX_WORD: there is no such setting. --show-settings lists all."),
        ([], {"API_KEY": "secret"}, 2, "$POSMOE_SERVE_API_KEY: expected a key of 16 to 1,024 bytes"),
    ],
)
def test_wrong_settings(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], environment: dict[str, str], code: int, says: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setitem(ENVIRONMENT, f"POSMOE_SERVE_{name}", value)
    result = posmoe("serve", *arguments)
    assert result.returncode == code
    assert says in said(result)
    assert "secret" not in said(result)


def test_the_settings_are_shown_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRONMENT, "POSMOE_SERVE_API_KEY", "0123456789abcdef")
    monkeypatch.setitem(ENVIRONMENT, "POSMOE_SERVE_MAX_WORDS", "77")
    result = posmoe("serve", "--show-settings", "--port", "99")
    lines = result.stdout.decode().splitlines()
    assert (result.returncode, len(lines)) == (0, len(Settings.model_fields))
    shown = dict(line.split()[:2] for line in lines)
    assert shown["POSMOE_SERVE_MAX_WORDS"] == "77" and shown["POSMOE_SERVE_PORT"] == "99"
    assert "0123456789abcdef" not in result.stdout.decode()


def test_without_the_extra_the_command_names_it() -> None:
    code = (
        "import sys; sys.modules['uvicorn'] = None; sys.argv = ['posmoe', 'serve']; from posmoe.cli import main; main()"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert run.returncode == 1
    assert "Install it with: pip install 'pos-moe-parser[serve]'" in run.stderr
    assert "Traceback" not in run.stderr


def settings_table() -> str:
    """The settings as the guide shows them."""
    rows = ["| environment variable | default | what it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        value = ",".join(field.default) if isinstance(field.default, tuple) else field.default
        shown = "" if value is None else f"`{value}`"
        rows.append(f"| `POSMOE_SERVE_{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(rows)


def test_the_guide_lists_the_settings() -> None:
    assert settings_table() in (ROOT / "docs" / "guide" / "service.md").read_text(encoding="utf-8")
