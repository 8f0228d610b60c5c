"""What goes wrong, as RFC 9457 wants it told: a status, a title, and what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

MEDIA = "application/problem+json"


class Fault(BaseModel):
    """A value of the request that cannot be taken."""

    where: str = Field(description="its place in the body, such as texts.3", examples=["texts.3"])
    problem: str = Field(examples=["Input should be a valid string"])


class ProblemBody(BaseModel):
    """What every answer with a status of 400 or above says."""

    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(description="what was expected, what came, and what to do")
    errors: list[Fault] | None = None


class Problem(Exception):
    """A request that ends with an error status."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})

    def response(self, errors: list[dict[str, str]] | None = None) -> Response:
        """The answer."""
        value: dict[str, Any] = {"title": HTTPStatus(self.status).phrase, "status": self.status, "detail": self.detail}
        if errors is not None:
            value["errors"] = errors
        return Response(json.dumps(value), self.status, self.headers, MEDIA)


async def of_problem(request: Request, error: Exception) -> Response:
    """The answer to a `Problem`."""
    assert isinstance(error, Problem)
    return error.response()


async def of_validation(request: Request, error: Exception) -> Response:
    """The answer to a body of another shape; it names places, and repeats nothing of what was sent."""
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return Problem(400, 'the body is no JSON. Send an object such as {"text": "He waved."}.').response()
    errors = []
    for one in found:
        where = ".".join(str(part) for part in one["loc"][1:] if isinstance(part, int) or part.isidentifier())
        errors.append({"where": where[:80], "problem": one["msg"].removeprefix("Value error, ")})
    first = errors[0]
    place = f"{first['where']}: " if first["where"] else ""
    return Problem(422, f"{place}{first['problem']}. /openapi.json describes what is taken.").response(errors)


async def of_http(request: Request, error: Exception) -> Response:
    """The answer to a wrong path or method, and to JSON that cannot be read."""
    assert isinstance(error, HTTPException)
    advice = {
        400: 'the body cannot be read as JSON. Send an object such as {"text": "He waved."}.',
        404: "there is nothing at this path. /openapi.json lists what there is.",
        405: "this path doesn't take this method. /openapi.json lists what there is.",
    }
    detail = advice.get(error.status_code, str(error.detail))
    return Problem(error.status_code, detail, error.headers).response()


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Descriptions of error answers for OpenAPI."""
    content = {MEDIA: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
    result: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        result[status] = {"description": HTTPStatus(status).phrase, "content": content}
        if status in (429, 503):
            result[status]["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}}
    return result
