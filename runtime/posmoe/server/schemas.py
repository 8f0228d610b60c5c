"""Bodies of requests and answers, as OpenAPI shows them."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ..request import whole

EXAMPLE = "I saw the man with a telescope."


def _whole(value: object) -> object:
    return whole(value) if isinstance(value, str) else value


def _integral(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


# in JSON 2.0 is an integer
Count = Annotated[int, BeforeValidator(_integral)]
# a lone surrogate counts as U+FFFD, as everywhere in posmoe
Text = Annotated[str, BeforeValidator(_whole)]


def _exactly_one(schema: dict[str, Any]) -> None:
    """Say in the schema that there is one of `text` and `texts`, and no null."""
    for name in ("text", "texts", "engine"):
        found = schema["properties"][name]
        found |= next(one for one in found.pop("anyOf") if one.get("type") != "null")
        found.pop("default", None)
    schema["oneOf"] = [{"required": ["text"]}, {"required": ["texts"]}]


class ParseBody(BaseModel):
    """A text, or several."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra=_exactly_one,
    )

    text: Text | None = Field(None, description="one text", examples=[EXAMPLE])
    texts: list[Text] | None = Field(None, description="several texts; each is parsed alone", min_length=1)
    lines: bool = Field(False, description="every line is one sentence")
    engine: str | None = Field(None, description="one of the engines that /v1/info lists", examples=["native"])

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.text is None) == (self.texts is None):
            raise ValueError("expected either text or texts")
        return self

    @model_validator(mode="before")
    @classmethod
    def _no_null(cls, value: object) -> object:
        if isinstance(value, dict) and any(value.get(name, "") is None for name in ("text", "texts", "engine")):
            raise ValueError("expected no null; leave out what is not given")
        return value

    @property
    def given(self) -> list[str]:
        """The texts."""
        return [self.text] if self.text is not None else self.texts or []


class RankBody(ParseBody):
    """A text, or several, and how many trees of every sentence are wanted."""

    k: Count = Field(5, ge=1, description="trees of every sentence; /v1/info says how many at most")


class TokenAnswer(BaseModel):
    """A word. Offsets are code points into its text."""

    id: int = Field(description="place in the sentence, from 1")
    text: str
    start: int
    end: int
    upos: str
    head: int = Field(description="0 for the root, else the head's id")
    deprel: str
    space_after: bool


class MultiwordAnswer(BaseModel):
    """A surface token of several words, such as don't."""

    first: int
    last: int
    text: str
    start: int
    end: int


class TreeAnswer(BaseModel):
    """One of the likeliest trees."""

    probability: float | None = Field(description="of the whole tree; null where the sentence is too long to rank")
    heads: list[int]
    deprels: list[str]


class SentenceAnswer(BaseModel):
    """A sentence."""

    id: str
    text: str
    start: int
    end: int
    tokens: list[TokenAnswer]
    multiwords: list[MultiwordAnswer]


class RankedSentenceAnswer(SentenceAnswer):
    """A sentence with its likeliest trees, best first."""

    trees: list[TreeAnswer]


class DocumentAnswer(BaseModel):
    """A text's sentences. `cut` counts those that were longer than the model's bound and were cut there."""

    text: str
    cut: int
    sentences: list[SentenceAnswer]


class RankedDocumentAnswer(DocumentAnswer):
    """A text's sentences with their likeliest trees."""

    sentences: list[RankedSentenceAnswer]  # type: ignore[assignment]


class ParseAnswer(BaseModel):
    """The texts' documents, in their order."""

    model: str = Field(examples=["en-edge"])
    engine: str = Field(examples=["native"])
    documents: list[DocumentAnswer]


class RankAnswer(ParseAnswer):
    """The texts' documents with ranked trees, in their order."""

    documents: list[RankedDocumentAnswer]  # type: ignore[assignment]


class EngineInfo(BaseModel):
    """An engine and why it was taken."""

    name: str
    reason: str


class InfoAnswer(BaseModel):
    """What answers, and what it takes."""

    version: str
    model: str
    model_version: str
    language: str
    licence: str | None
    tags: list[str]
    labels: list[str]
    engines: list[EngineInfo] = Field(description="the first one is the default")
    limits: dict[str, float] = Field(description="by the names of the settings")


class StateAnswer(BaseModel):
    """The state of the service."""

    status: str = Field(examples=["ok"])
