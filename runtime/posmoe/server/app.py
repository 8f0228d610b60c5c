"""The application: what is at which path."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse

from .. import __version__
from ..document import Document
from ..errors import InputError
from ..pictures.html import SURROUNDINGS
from ..pictures.marks import STYLE
from ..pipeline import GROUP, load
from ..request import Request as Asked
from .accept import chosen
from .answers import ANSWERS, JSON, NDJSON, Parsed
from .batches import Batcher
from .guard import Guard, Record
from .metrics import CONTENT_TYPE_LATEST, Metrics
from .problems import Problem, ProblemBody, documented, of_http, of_problem, of_validation
from .schemas import EXAMPLE, EngineInfo, InfoAnswer, ParseAnswer, ParseBody, RankAnswer, RankBody, StateAnswer
from .settings import Settings

PAGE = Path(__file__).parent / "page"
SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
LIMITS = ("max_body", "max_texts", "max_words", "max_trees", "max_ranked", "max_queue", "max_seconds")
ERRORS = (400, 401, 406, 408, 413, 415, 422, 429, 503)


class Service:
    """The parsers of one application, and the state of it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.parsers = [load(settings.model, backend=name) for name in settings.backends]
        self.batchers: dict[str, Batcher] = {}
        self.ready = False

    @property
    def names(self) -> list[str]:
        """The engines that are loaded; the first one is the default."""
        return [parser.engine.name for parser in self.parsers]

    @asynccontextmanager
    async def running(self, app: FastAPI) -> AsyncIterator[None]:
        """Compute while the application is up."""
        for parser in self.parsers:
            self.batchers[parser.engine.name] = Batcher(parser, self.settings, self.metrics)
        for batcher in self.batchers.values():
            batcher.start()
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
        # a text of n characters has at most n / 2 + 1 words
        if sum(len(text) // 2 + 1 for text in texts) > limits.max_words:
            words = sum(len(text.split()) for text in texts)
            if words > limits.max_words:
                detail = f"expected at most {limits.max_words:,} words, got {words:,}. Send the texts in parts."
                raise Problem(422, detail)
        if isinstance(body, RankBody) and body.k > limits.max_trees:
            raise Problem(422, f"k: expected at most {limits.max_trees}, got {min(body.k, 10**9):,}.")


def create(settings: Settings | None = None) -> FastAPI:
    """The application, its models loaded.

    Raises:
        BundleError, EngineError: there is no such model, or an engine cannot be had.
    """
    service = Service(settings or Settings())
    app = FastAPI(
        title="posmoe",
        version=__version__,
        summary="Raw text to Universal Dependencies trees",
        lifespan=service.running,
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        responses={500: documented(500)[500]},
    )
    app.state.service = service
    app.add_exception_handler(Problem, of_problem)
    app.add_exception_handler(RequestValidationError, of_validation)
    app.add_exception_handler(HTTPException, of_http)
    _add_parsing(app, service)
    _add_watching(app, service)
    _add_page(app)
    paths = {getattr(route, "path", "") for route in app.routes}
    app.add_middleware(Guard, settings=service.settings, metrics=service.metrics, paths=paths)
    _describe(app, service.settings)
    return app


def _add_parsing(app: FastAPI, service: Service) -> None:
    """The paths that parse, and what they can do."""
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
        bundle = service.parsers[0].bundle
        return InfoAnswer(
            version=__version__,
            model=bundle.name,
            model_version=bundle.version,
            language=bundle.manifest["language"],
            licence=bundle.manifest.get("licence"),
            tags=list(bundle.tags),
            labels=list(bundle.labels),
            engines=[EngineInfo(**parser.engine._asdict()) for parser in service.parsers],
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


def _add_watching(app: FastAPI, service: Service) -> None:
    """The paths for those who keep the service running."""

    @app.get("/healthz", tags=["watching"])
    async def healthz() -> StateAnswer:
        """The process answers."""
        return StateAnswer(status="ok")

    @app.get("/readyz", responses=documented(503), tags=["watching"])
    async def readyz() -> StateAnswer:
        """The models are loaded, and the queues have room."""
        service.batcher(None)
        full = [batcher.name for batcher in service.batchers.values() if batcher.full]
        if full:
            raise Problem(503, f"the queue of {', '.join(full)} is full. Try again later.", {"Retry-After": "1"})
        return StateAnswer(status="ready")

    kind: dict[int | str, dict[str, Any]] = {
        200: {"description": "Prometheus' text format.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    }

    @app.get("/metrics", response_class=Response, responses={**kind, **documented(401)}, tags=["watching"])
    async def metrics() -> Response:
        """Requests, words, seconds, batches and queue, by engine."""
        return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)


def _add_page(app: FastAPI) -> None:
    """The page at /, which draws nothing of its own: its pictures are those of /v1/parse."""
    files = {
        "/": ("text/html", (PAGE / "index.html").read_text(encoding="utf-8")),
        "/page.css": ("text/css", (PAGE / "page.css").read_text(encoding="utf-8") + SURROUNDINGS + STYLE),
        "/page.js": ("text/javascript", (PAGE / "page.js").read_text(encoding="utf-8")),
    }
    for path, (media, text) in files.items():
        answer = Response(text, media_type=media, headers={"Content-Security-Policy": SECURITY})
        app.add_api_route(path, _always(answer), include_in_schema=False)


def _always(answer: Response) -> Callable[[], Awaitable[Response]]:
    async def endpoint() -> Response:
        return answer

    return endpoint


def _describe(app: FastAPI, settings: Settings) -> None:
    """Make the description as exact as the service: names of formats, limits and engines, the key."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema:
            return app.openapi_schema
        found = describe()
        parts = found["components"]["schemas"]
        for name in ("HTTPValidationError", "ValidationError"):
            parts.pop(name, None)
        parts |= ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}").pop("$defs")
        parts["ProblemBody"] = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
        parts["ProblemBody"].pop("$defs")
        engines = app.state.service.names
        for name in ("ParseBody", "RankBody"):
            parts[name]["properties"]["texts"]["maxItems"] = settings.max_texts
            parts[name]["properties"]["engine"]["enum"] = engines
        parts["RankBody"]["properties"]["k"]["maximum"] = settings.max_trees
        several = {"texts": [EXAMPLE, "He waved."]}
        for path, one in (("/v1/parse", {"text": EXAMPLE}), ("/v1/k-best", {"text": EXAMPLE, "k": 2})):
            examples = {"one text": {"value": one}, "several texts": {"value": several}}
            found["paths"][path]["post"]["requestBody"]["content"]["application/json"]["examples"] = examples
        if settings.api_key is not None:
            found["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            for path, methods in found["paths"].items():
                if path.startswith("/v1/") or path == "/metrics":
                    for method in methods.values():
                        method["security"] = [{"key": []}]
        app.openapi_schema = found
        return found

    app.openapi = openapi  # type: ignore[method-assign]
