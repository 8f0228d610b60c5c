"""What the service answers: the same trees as the library, in every format."""

import asyncio
import json
import xml.etree.ElementTree as ElementTree
from typing import Any

import httpx
import pytest

import posmoe
from posmoe.server.accept import chosen
from posmoe.writers import Place, conllu, jsonl
from tests.server.conftest import Connect

TEXTS = ["I don't know. He waved.\n\nA line", "", "今日 a\u202eb\x00c \U0001f600", "x " * 300]


def post(connect: Connect, body: dict[str, Any], path: str = "/v1/parse", **options: Any) -> httpx.Response:
    """The answer of a service of its own."""

    async def ask() -> httpx.Response:
        async with connect(**options.pop("settings", {})) as client:
            return await client.post(path, json=body, **options)

    return asyncio.run(ask())


def accepting(media: str) -> dict[str, Any]:
    return {"headers": {"Accept": media}}


def test_json_is_what_the_library_says(connect: Connect, nlp: posmoe.Parser) -> None:
    answer = post(connect, {"texts": TEXTS})
    assert answer.status_code == 200
    value = answer.json()
    assert (value["model"], value["engine"]) == (nlp.bundle.name, nlp.engine.name)
    for found, text in zip(value["documents"], TEXTS, strict=True):
        document = nlp(text)
        for number, sentence in enumerate(found["sentences"], 1):
            assert sentence.pop("id") == str(number)
        assert found == {**document.to_dict(), "cut": document.cut}
    assert (
        post(connect, {"text": TEXTS[0]}).json()["documents"] == post(connect, {"texts": TEXTS[:1]}).json()["documents"]
    )


def test_lines_are_sentences(connect: Connect) -> None:
    (document,) = post(connect, {"text": "One. Two.\nThree", "lines": True}).json()["documents"]
    assert [sentence["text"] for sentence in document["sentences"]] == ["One. Two.", "Three"]


def test_conllu_is_what_the_library_writes(connect: Connect, nlp: posmoe.Parser) -> None:
    answer = post(connect, {"text": TEXTS[0]}, **accepting("text/x-conllu"))
    assert answer.text == nlp(TEXTS[0]).to_conllu()
    assert answer.headers["content-type"] == "text/x-conllu; charset=utf-8"
    answer = post(connect, {"texts": TEXTS[:3]}, **accepting("text/x-conllu"))
    first, third = nlp(TEXTS[0]), nlp(TEXTS[2])
    parts = (conllu(first, Place(1, 0, "0", True)), conllu(third, Place(len(first) + 1, 0, "2", True)))
    assert answer.content == b"".join(parts)


def test_streamed_lines_are_those_of_the_library(connect: Connect, nlp: posmoe.Parser) -> None:
    texts = ["He waved at " + "me and " * 4000, *TEXTS, "He waved.\n\n" * 7000] * 2
    answer = post(connect, {"texts": texts}, **accepting("application/x-ndjson"))
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert "content-length" not in answer.headers
    expected = b"".join(jsonl(nlp(text), Place(source=str(number))) for number, text in enumerate(texts))
    assert answer.content == expected
    one = post(connect, {"text": TEXTS[0]}, **accepting("application/x-ndjson"))
    assert one.content == jsonl(nlp(TEXTS[0]))


@pytest.mark.parametrize("media", ["application/json", "application/x-ndjson", "text/x-conllu"])
def test_ranked_trees_are_those_of_the_library(connect: Connect, nlp: posmoe.Parser, media: str) -> None:
    text = "I saw the man. He waved."
    answer = post(connect, {"text": text, "k": 3}, "/v1/k-best", **accepting(media))
    document = nlp(text)
    trees = nlp.rank(document, 3)
    if media == "text/x-conllu":
        assert answer.content == conllu(document, trees=trees)
        return
    expected = [json.loads(line) for line in jsonl(document, trees=trees).splitlines()]
    lines = (
        answer.json()["documents"][0]["sentences"]
        if "ndjson" not in media
        else map(json.loads, answer.text.splitlines())
    )
    assert list(lines) == expected


def test_long_sentences_are_not_ranked(connect: Connect) -> None:
    body = {"text": "one two three four\n\none two", "k": 2}
    answer = post(connect, body, "/v1/k-best", settings={"max_ranked": 3})
    long, short = answer.json()["documents"][0]["sentences"]
    assert [tree["probability"] for tree in long["trees"]] == [None]
    assert len(short["trees"]) == 2


def test_pictures(connect: Connect, nlp: posmoe.Parser) -> None:
    answer = post(connect, {"text": "He waved."}, **accepting("image/svg+xml"))
    assert answer.text == nlp("He waved.")[0].to_svg()
    answer = post(connect, {"text": "A. B <b>"}, **accepting("text/html"))
    assert answer.text == nlp("A. B <b>").to_html()
    answer = post(connect, {"text": "He waved.", "k": 2}, "/v1/k-best", **accepting("image/svg+xml"))
    assert len(ElementTree.fromstring(answer.text).findall("{*}g[@role]")) == 2
    answer = post(connect, {"texts": ["a"] * 501}, **accepting("image/svg+xml"))
    assert (answer.status_code, answer.json()["detail"][:46]) == (422, "expected at most 500 trees in one SVG, got 501")


def test_requests_together_have_the_answers_of_requests_alone(connect: Connect) -> None:
    texts = [f"He saw {i} men. " * (i % 7) for i in range(80)]
    bodies = [{"text": text, "lines": i % 5 == 0} for i, text in enumerate(texts)]

    async def ask() -> None:
        async with connect(threads=2) as client:
            alone = [await client.post("/v1/parse", json=body) for body in bodies]
            before = (await client.get("/metrics")).text
            together = await asyncio.gather(*(client.post("/v1/parse", json=body) for body in bodies))
            after = (await client.get("/metrics")).text
        assert [one.content for one in together] == [one.content for one in alone]
        count = 'posmoe_batch_texts_count{engine="native"} '
        batches = [float(text.partition(count)[2].partition("\n")[0]) for text in (before, after)]
        assert batches[0] == len(bodies)
        assert batches[1] - batches[0] < len(bodies) / 2

    asyncio.run(ask())


def test_one_engine_of_several(connect: Connect) -> None:
    pytest.importorskip("onnxruntime", reason="needs the extra onnx")

    async def ask() -> None:
        async with connect(backends="native, onnxruntime") as client:
            info = (await client.get("/v1/info")).json()
            assert [engine["name"] for engine in info["engines"]] == ["native", "onnxruntime"]
            for engine in ("native", "onnxruntime"):
                answer = (await client.post("/v1/parse", json={"text": "He waved.", "engine": engine})).json()
                assert answer["engine"] == engine
                assert [token["text"] for token in answer["documents"][0]["sentences"][0]["tokens"]] == [
                    "He",
                    "waved",
                    ".",
                ]
            metrics = (await client.get("/metrics")).text
            assert 'posmoe_words_total{engine="native"} 3.0' in metrics
            assert 'posmoe_words_total{engine="onnxruntime"} 3.0' in metrics

    asyncio.run(ask())


def test_what_is_told_of_the_service(connect: Connect, nlp: posmoe.Parser) -> None:
    async def ask() -> None:
        async with connect() as client:
            assert (await client.get("/healthz")).json() == {"status": "ok"}
            assert (await client.get("/readyz")).json() == {"status": "ready"}
            info = (await client.get("/v1/info")).json()
            assert (info["version"], info["model"]) == (posmoe.__version__, nlp.bundle.name)
            assert info["limits"]["max_texts"] == 1000
            await client.post("/v1/parse", json={"text": "He waved."})
            await client.post("/v1/parse", json={"text": 1})
            metrics = (await client.get("/metrics")).text
        for line in (
            'posmoe_requests_total{endpoint="/v1/parse",engine="native",status="200"} 1.0',
            'posmoe_requests_total{endpoint="/v1/parse",engine="",status="422"} 1.0',
            'posmoe_words_total{engine="native"} 3.0',
            'posmoe_queue_length{engine="native"} 0.0',
            'posmoe_request_seconds_count{endpoint="/v1/parse",engine="native"} 1.0',
            "posmoe_requests_in_progress 1.0",
        ):
            assert line in metrics

    asyncio.run(ask())


def test_the_examples_of_the_description_work(connect: Connect) -> None:
    async def ask() -> None:
        async with connect() as client:
            description = (await client.get("/openapi.json")).json()
            assert set(description["paths"]) == {
                "/v1/parse",
                "/v1/k-best",
                "/v1/info",
                "/healthz",
                "/readyz",
                "/metrics",
            }
            for path in ("/v1/parse", "/v1/k-best"):
                post = description["paths"][path]["post"]
                assert {"413", "422", "429", "503"} <= set(post["responses"])
                examples = post["requestBody"]["content"]["application/json"]["examples"]
                assert len(examples) == 2
                for example in examples.values():
                    answer = await client.post(path, json=example["value"])
                    assert answer.status_code == 200, answer.text

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "a/b"),
        ("*/*", "a/b"),
        ("c/d", "c/d"),
        ("C/D", "c/d"),
        ("c/*", "c/d"),
        ("x/y", None),
        ("a/b;q=0.1, c/d", "c/d"),
        ("a/b;q=0, */*", "c/d"),
        ("*/*;q=0.5, c/d;q=0.4", "a/b"),
        ("c/d;q=x", "c/d"),
        (",;,", None),
        ("a/b;q=0", None),
    ],
)
def test_formats_by_accept(accept: str, expected: str | None) -> None:
    assert chosen(accept, ["a/b", "c/d"]) == expected
