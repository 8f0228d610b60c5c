"""What an operator can set: by environment variables POSMOE_SERVE_*, the first five by options too."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ..limits import MAX_THREADS

PREFIX = "POSMOE_SERVE_"


class Settings(BaseSettings):
    """The service's settings, with defaults for a service of one's own machine."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True)

    host: str = Field(default="127.0.0.1", description="address to listen at; 0.0.0.0 opens the service to the network")
    port: int = Field(default=8400, ge=0, le=65535, description="port to listen at; 0: any free one")
    model: str | None = Field(
        default=None, description="an installed model's name or a bundle's path; unset: the bundled one"
    )
    backends: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("auto",),
        min_length=1,
        description="engines to load, separated by commas; the first one is the default",
    )
    threads: int = Field(default=1, ge=1, le=MAX_THREADS, description="batches computed at a time, for each engine")

    api_key: SecretStr | None = Field(default=None, description="the key that requests to /v1 and /metrics must carry")
    max_body: int = Field(default=1 << 20, ge=1, description="bytes of a request's body; more: 413")
    max_texts: int = Field(default=1000, ge=1, description="texts in a request; more: 422")
    max_words: int = Field(
        default=100_000, ge=1, description="words in an answer, or in a part of a stream, times trees; more: 422"
    )
    max_trees: int = Field(default=20, ge=1, le=100, description="trees of a sentence that may be asked for; more: 422")
    max_ranked: int = Field(
        default=150, ge=1, description="words of a sentence whose trees are ranked; longer: its best tree alone"
    )
    max_queue: int = Field(
        default=256, ge=1, description="requests that may wait for an engine; more: 429 with Retry-After"
    )
    max_seconds: float = Field(
        default=10, gt=0, description="seconds until an answer, or a part of a stream, is computed; more: 503"
    )
    max_connections: int = Field(default=1000, ge=1, description="open connections; more: 503")
    receive_seconds: float = Field(
        default=10, gt=0, description="seconds for a request's head, and for its body; more: closed, 408"
    )
    send_seconds: float = Field(
        default=30, gt=0, description="seconds for a client to take a part of an answer; more: closed"
    )
    stop_seconds: float = Field(
        default=30, gt=0, description="seconds that requests under way have to finish after SIGTERM"
    )
    window: float = Field(
        default=0.001, ge=0, le=10, description="seconds in which requests are gathered into one batch"
    )

    @field_validator("backends", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        """Names separated by commas, as an environment variable has them."""
        return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value

    @field_validator("api_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not 16 <= len(value.get_secret_value().encode()) <= 1024:
            raise ValueError("expected a key of 16 to 1,024 bytes; `openssl rand -hex 32` makes one")
        return value


def described(settings: Settings) -> str:
    """The settings, a line each: the environment variable, the value now, and what it is."""
    lines = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        shown = "-" if value is None else ",".join(value) if isinstance(value, tuple) else str(value)
        lines.append(f"{PREFIX + name.upper():<31} {shown:<12} {field.description}\n")
    return "".join(lines)
