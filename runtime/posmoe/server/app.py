"""The application: what is at which path, behind the guard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from .. import __version__
from ..pictures.html import SURROUNDINGS
from ..pictures.marks import STYLE
from . import parsing
from .description import describe
from .guard import Guard
from .metrics import CONTENT_TYPE_LATEST
from .problems import Problem, documented, of_http, of_problem, of_validation
from .schemas import StateAnswer
from .service import Service
from .settings import Settings

PAGE = Path(__file__).parent / "page"
PAGE_FILES = {
    "/": ("text/html", "index.html"),
    "/page.css": ("text/css", "page.css"),
    "/page.js": ("text/javascript", "page.js"),
}
SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


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
    parsing.add(app, service)
    _add_watching(app, service)
    _add_page(app)
    describe(app, service)
    paths = {path: "post" in methods for path, methods in app.openapi()["paths"].items()}
    paths |= dict.fromkeys(("/openapi.json", *PAGE_FILES), False)
    app.add_middleware(Guard, settings=service.settings, metrics=service.metrics, paths=paths)
    return app


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
        dead = [batcher.name for batcher in service.batchers.values() if not batcher.alive]
        if dead:
            raise Problem(503, f"{', '.join(dead)} ended. Start the service again.")
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
    for path, (media, name) in PAGE_FILES.items():
        text = (PAGE / name).read_text(encoding="utf-8")
        if media == "text/css":
            text += SURROUNDINGS + STYLE
        answer = Response(text, media_type=media, headers={"Content-Security-Policy": SECURITY})
        app.add_api_route(path, _always(answer), include_in_schema=False)


def _always(answer: Response) -> Callable[[], Awaitable[Response]]:
    async def endpoint() -> Response:
        return answer

    return endpoint
