"""The paths under /v1: texts in, answers in the format that the client accepts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.responses import StreamingResponse

from .. import __version__
from ..document import Document
from ..errors import InputError
from ..pipeline import GROUP
from ..request import Request as Asked
from .accept import chosen
from .answers import ANSWERS, JSON, NDJSON, Parsed
from .guard import Record
from .problems import Problem, documented
from .schemas import EngineInfo, InfoAnswer, ParseAnswer, ParseBody, RankAnswer, RankBody
from .service import Service

LIMITS = ("max_body", "max_texts", "max_words", "max_trees", "max_ranked", "max_queue", "max_seconds")
ERRORS = (400, 401, 406, 408, 413, 415, 422, 429, 503)


def add(app: FastAPI, service: Service) -> None:
    """Add the paths that parse, and the one that says what they can do."""
    errors = documented(*ERRORS)

    @app.post("/v1/parse", response_model=ParseAnswer, responses={**_formats(), **errors}, tags=["parsing"])
    async def parse(request: Request, body: ParseBody) -> Response:
        """Parse a text or several.

        The answer is JSON, or by `Accept`: `application/x-ndjson` (a sentence a line, sent while it is computed),
        `text/x-conllu`, `image/svg+xml` or `text/html` (pictures).
        """
        return await _answered(service, request, body)

    @app.post("/v1/k-best", response_model=RankAnswer, responses={**_formats(), **errors}, tags=["parsing"])
    async def k_best(request: Request, body: RankBody) -> Response:
        """The k likeliest trees of every sentence, best first, with their probabilities.

        A sentence that is longer than `max_ranked` words has its best tree alone, with null as its probability. Formats
        are those of `/v1/parse`.
        """
        return await _answered(service, request, body, body.k)

    @app.get("/v1/info", responses=documented(401), tags=["parsing"])
    async def info() -> InfoAnswer:
        """Model, engines and limits."""
        bundle = next(iter(service.parsers.values())).bundle
        return InfoAnswer(
            version=__version__,
            model=bundle.name,
            model_version=bundle.version,
            language=bundle.manifest["language"],
            licence=bundle.manifest.get("licence"),
            tags=list(bundle.tags),
            labels=list(bundle.labels),
            engines=[EngineInfo(**parser.engine._asdict()) for parser in service.parsers.values()],
            limits={name: getattr(service.settings, name) for name in LIMITS},
        )


async def _answered(service: Service, request: Request, body: ParseBody, k: int = 0) -> Response:
    """Parse, rank k trees of every sentence unless k is 0, and answer in the format that is wanted.

    Raises:
        Problem: 406, no format is known; 422, 429, 503 as `Service.check` and `Batcher.answer` say.
    """
    record: Record = request.state.record
    media = chosen(request.headers.get("accept", ""), list(ANSWERS))
    if media is None:
        raise Problem(406, f"expected one of {', '.join(ANSWERS)} in Accept.")
    batcher = service.batcher(body.engine)
    service.check(body)
    record.engine = batcher.name
    record.facts["texts"] = len(body.given)
    record.facts["format"] = media
    asked = [Asked(text=text, lines=body.lines) for text in body.given]
    several, ranked = body.texts is not None, k > 0

    def writing(first: int) -> Callable[[Sequence[Document]], bytes]:
        def write(documents: Sequence[Document]) -> bytes:
            parser, limit = batcher.parser, service.settings.max_ranked
            service.check_words(sum(len(document.analysis.words) for document in documents), max(k, 1))
            trees = [parser.rank(document, k, limit) if ranked else None for document in documents]
            return ANSWERS[media](Parsed(parser.bundle.name, batcher.name, documents, trees, first, several))

        return write

    try:
        if media != NDJSON:
            return Response(await batcher.answer(asked, writing(0), ranked), media_type=media)
        parts = _parts(asked)
        first, rest = parts[0], parts[1:]
        # the first part before the head of the answer, so that a refusal has its own status
        begun = await batcher.answer(first, writing(0), ranked)
    except InputError as error:
        raise Problem(422, str(error)) from None

    async def stream() -> AsyncIterator[bytes]:
        yield begun
        done = len(first)
        for part in rest:
            try:
                yield await batcher.answer(part, writing(done), ranked)
            except Problem as problem:
                yield json.dumps({"error": {"status": problem.status, "detail": problem.detail}}).encode() + b"\n"
                return
            done += len(part)

    return StreamingResponse(stream(), media_type=media)


def _parts(asked: list[Asked]) -> list[list[Asked]]:
    """Requests in parts that are computed and sent one after the other."""
    parts: list[list[Asked]] = [[]]
    size = 0
    for one in asked:
        if size >= GROUP:
            parts.append([])
            size = 0
        parts[-1].append(one)
        size += one.size()
    return parts


def _formats() -> dict[int | str, dict[str, Any]]:
    """The formats of an answer besides JSON, for OpenAPI."""
    kinds = {media: {"schema": {"type": "string"}} for media in ANSWERS if media != JSON}
    return {200: {"description": "The trees.", "content": kinds}}
