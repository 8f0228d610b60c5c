"""What the service refuses, and how it says so; nothing of it ends the service."""

import asyncio
import json
import logging
from typing import Any

import httpx
import pytest

from posmoe.server.service import Service
from tests.server.conftest import Connect

JSON = {"Content-Type": "application/json"}
KEY = "0123456789abcdef"


def send(connect: Connect, method: str, path: str, settings: dict[str, Any], **request: Any) -> httpx.Response:
    """The answer of a service of its own, which still answers after it."""

    async def ask() -> httpx.Response:
        async with connect(**settings) as client:
            answer = await client.request(method, path, **request)
            assert (await client.get("/healthz")).status_code == 200
            return answer

    return asyncio.run(ask())


def problem(answer: httpx.Response, status: int) -> str:
    """What a refusal says; its form is that of RFC 9457."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"]
    value = answer.json()
    assert value["status"] == status and value["title"]
    return str(value["detail"])


LIMITS: list[tuple[dict[str, Any], str, dict[str, Any], int, str]] = [
    (
        {"max_body": 30},
        "parse",
        {"text": "a" * 30},
        413,
        "expected a body of at most 30 bytes. Send the texts in parts.",
    ),
    ({"max_texts": 2}, "parse", {"texts": ["a"] * 3}, 422, "texts: expected at most 2, got 3. Send them in parts."),
    ({"max_words": 3}, "parse", {"texts": ["a b", "c d"]}, 422, "expected at most 3 words, got 4."),
    ({"max_words": 1}, "parse", {"text": "can't"}, 422, "expected at most 1 words, got 2."),
    ({"max_words": 5}, "k-best", {"text": "a b c", "k": 2}, 422, "expected at most 5 words, got 3 times 2 trees."),
    ({"max_trees": 2}, "k-best", {"text": "a", "k": 3}, 422, "k: expected at most 2, got 3."),
    ({"max_seconds": 0.05, "window": 1}, "parse", {"text": "a"}, 503, "not computed within 0.05 s. Send less text"),
    ({}, "parse", {"text": "a", "engine": "steam"}, 422, "engine: expected one of native."),
    ({}, "parse", {}, 422, "expected either text or texts."),
    ({}, "parse", {"text": "a", "texts": ["b"]}, 422, "expected either text or texts."),
    ({}, "parse", {"texts": []}, 422, "texts: List should have at least 1 item"),
    ({}, "parse", {"text": None}, 422, "expected no null; leave out what is not given."),
    ({}, "parse", {"text": 1}, 422, "text: Input should be a valid string."),
    ({}, "parse", {"texts": ["a", ["b"]]}, 422, "texts.1: Input should be a valid string."),
    ({}, "parse", {"text": "a", "lines": "yes"}, 422, "lines: Input should be a valid boolean."),
    ({}, "parse", {"text": "a", "k": 2}, 422, "k: Extra inputs are not permitted."),
    ({}, "k-best", {"text": "a", "k": 0}, 422, "k: Input should be greater than or equal to 1."),
    ({}, "k-best", {"text": "a", "k": 2.5}, 422, "k: Input should be a valid integer."),
    ({}, "k-best", {"text": "a", "k": 10**30}, 422, "k: "),
]


@pytest.mark.parametrize(("settings", "path", "body", "status", "says"), LIMITS)
def test_limits(
    connect: Connect, settings: dict[str, Any], path: str, body: dict[str, Any], status: int, says: str
) -> None:
    answer = send(connect, "POST", f"/v1/{path}", settings, json=body)
    assert problem(answer, status).startswith(says)
    assert (answer.headers.get("retry-after") == "1") is (status == 503)


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
def test_a_full_queue(connect: Connect, accept: str) -> None:
    async def ask() -> None:
        async with connect(max_queue=2, window=0.2) as client:
            post = [client.post("/v1/parse", json={"text": "a"}, headers={"Accept": accept}) for _ in range(5)]
            waiting = asyncio.gather(*post)
            await asyncio.sleep(0.1)
            assert problem(await client.get("/readyz"), 503) == "the queue of native is full. Try again later."
            answers = await waiting
            assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429, 429]
            refused = next(answer for answer in answers if answer.status_code == 429)
            assert problem(refused, 429).startswith("2 requests are waiting already.")
            assert refused.headers["retry-after"] == "1"
            assert (await client.get("/readyz")).status_code == 200

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", 422),
        (b'{"text":', 400),
        (b'{"text": "a"}}', 400),
        (b"\xff\xfe", 400),
        (b'{"text": "\xff"}', 400),
        (b"[" * 100_000, 400),
        (b'{"text": ' + b"1" * 5000 + b"}", 400),
        (b"[]", 422),
        (b"null", 422),
        (b'"text"', 422),
        (b"NaN", 422),
    ],
)
def test_bodies_that_are_no_request(connect: Connect, content: bytes, says: int) -> None:
    problem(send(connect, "POST", "/v1/parse", {}, content=content, headers=JSON), says)


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/nothing", {}, 404),
        ("GET", "/v1/parse", {}, 405),
        ("DELETE", "/healthz", {}, 405),
        ("POST", "/v1/parse", {"Content-Type": "text/plain"}, 415),
        ("POST", "/v1/parse", {"Content-Type": "application/jsonx"}, 415),
        ("POST", "/v1/parse", JSON | {"Content-Encoding": "gzip"}, 415),
        ("POST", "/v1/parse", JSON | {"Accept": "image/png"}, 406),
        ("POST", "/v1/parse", JSON | {"Content-Length": "99999999999999999999"}, 413),
    ],
)
def test_what_is_not_here(connect: Connect, method: str, path: str, headers: dict[str, str], status: int) -> None:
    problem(send(connect, method, path, {}, content=b'{"text": "a"}', headers=headers), status)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (r"a \ud800 b", "a \ufffd b"),
        (r"\udc00\ud800", "\ufffd\ufffd"),
        (r"\u0000", "\x00"),
        (r"\u202e\u2066 x \ufeff", "\u202e\u2066 x \ufeff"),
        (r"\ud83d\ude00", "\U0001f600"),
        (r"e" + r"\u0301" * 3000, "e" + "\u0301" * 3000),
    ],
)
@pytest.mark.parametrize(
    "accept", ["application/json", "application/x-ndjson", "text/x-conllu", "text/html", "image/svg+xml"]
)
def test_hostile_unicode(connect: Connect, text: str, found: str, accept: str) -> None:
    content = f'{{"text": "{text}", "k": 2}}'.encode()
    answer = send(connect, "POST", "/v1/k-best", {}, content=content, headers=JSON | {"Accept": accept})
    assert answer.status_code == 200
    answer.content.decode()
    if accept == "application/json":
        assert answer.json()["documents"][0]["text"] == found


def test_wrong_names_are_not_repeated(connect: Connect) -> None:
    secret = "\ud800 my secret"
    content = json.dumps({"text": "a", secret: 1}).encode()
    assert "secret" not in send(connect, "POST", "/v1/parse", {}, content=content, headers=JSON).text


def test_a_key_is_asked_for(connect: Connect) -> None:
    async def ask() -> None:
        async with connect(api_key=KEY) as client:
            for path in ("/v1/info", "/metrics", "/v1/nothing"):
                wrong: list[dict[str, str]] = [{}, {"X-API-Key": KEY[:-1]}, {"Authorization": f"Basic {KEY}"}]
                for headers in wrong:
                    answer = await client.get(path, headers=headers)
                    assert "Authorization: Bearer KEY" in problem(answer, 401)
                    assert answer.headers["www-authenticate"] == "Bearer"
            right: list[dict[str, str]] = [
                {"X-API-Key": KEY},
                {"Authorization": f"Bearer {KEY}"},
                {"Authorization": f"bearer  {KEY}"},
            ]
            for headers in right:
                assert (await client.get("/v1/info", headers=headers)).status_code == 200
            for path in ("/", "/healthz", "/readyz", "/openapi.json"):
                assert (await client.get(path)).status_code == 200
            description = (await client.get("/openapi.json")).json()
            assert description["paths"]["/v1/parse"]["post"]["security"] == [{"key": []}]

    asyncio.run(ask())


def test_a_failure_is_a_500_and_spares_its_neighbours(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def ask() -> None:
        async with connect(window=0.1) as client:
            service: Service = client.app.state.service  # type: ignore[attr-defined]
            parser = service.parsers["native"]
            run = parser.run

            def failing(requests: Any, *more: Any, **named: Any) -> Any:
                if any(request.text == "bad" for request in requests):
                    raise RuntimeError("broken")
                return run(requests, *more, **named)

            monkeypatch.setattr(parser, "run", failing)
            bodies = [{"text": text} for text in ("good", "bad", "fine")]
            good, bad, fine = await asyncio.gather(*(client.post("/v1/parse", json=body) for body in bodies))
            assert (good.status_code, fine.status_code) == (200, 200)
            name = bad.headers["x-request-id"]
            assert problem(bad, 500) == f"the service failed; its log has the reason under {name}."

    with caplog.at_level(logging.INFO, "posmoe.server"):
        asyncio.run(ask())
    assert any(record.getMessage() == "failure" and record.exc_info for record in caplog.records)


def test_the_log_has_no_text(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    async def ask() -> None:
        async with connect(api_key=KEY) as client:
            headers = {"X-API-Key": KEY, "X-Request-ID": "mine-1"}
            await client.post("/v1/parse?text=tellnoone", json={"text": "tellnoone"}, headers=headers)
            await client.post("/v1/parse", json={"text": "tellnoone", "tellnoone": 1}, headers=headers)
            await client.get("/tellnoone", headers=headers | {"X-Request-ID": "tellnoone " * 20})

    with caplog.at_level(logging.DEBUG, "posmoe.server"):
        asyncio.run(ask())
    facts = [record.facts for record in caplog.records if record.name == "posmoe.server"]  # type: ignore[attr-defined]
    assert len(facts) == 3
    assert "tellnoone" not in str(facts) and KEY not in str(facts)
    expected = {
        "id": "mine-1",
        "endpoint": "/v1/parse",
        "status": 200,
        "engine": "native",
        "texts": 1,
        "method": "POST",
    }
    assert expected.items() <= facts[0].items()
    assert facts[2]["endpoint"] == "other" and len(facts[2]["id"]) == 32


def test_every_answer_is_closed_to_others(connect: Connect) -> None:
    for path in ("/", "/healthz", "/page.js"):
        answer = send(connect, "GET", path, {}, headers={"Origin": "http://elsewhere"})
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers
    policy = send(connect, "GET", "/", {}).headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
