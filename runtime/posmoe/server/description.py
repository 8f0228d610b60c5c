"""The OpenAPI description, as exact as the service is."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from .problems import ProblemBody
from .schemas import EXAMPLE
from .service import Service


def describe(app: FastAPI, service: Service) -> None:
    """Make the description as exact as the service: names of formats, limits and engines, the key."""
    plain, settings = app.openapi, service.settings

    def openapi() -> dict[str, Any]:
        if app.openapi_schema:
            return app.openapi_schema
        found = plain()
        parts = found["components"]["schemas"]
        for name in ("HTTPValidationError", "ValidationError"):
            parts.pop(name, None)
        parts |= ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}").pop("$defs")
        parts["ProblemBody"] = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
        parts["ProblemBody"].pop("$defs")
        engines = list(service.parsers)
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
