"""Configurations from TOML files and `key=value` settings, checked against their dataclasses."""

import dataclasses
import tomllib
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from posmoe_train.errors import TrainError

T = TypeVar("T")


class ConfigError(TrainError, ValueError):
    """A setting that its configuration doesn't have, or of another type."""


def load_config(kind: type[T], path: Path | None, settings: Sequence[str] = ()) -> T:
    """Read a TOML file into a dataclass, then apply settings such as `parser.k=1`."""
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8")) if path else {}
    except ValueError as error:
        raise ConfigError(f"{path}: expected TOML in UTF-8, got: {error}") from None
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise ConfigError(f"setting '{setting}': expected key=value")
        *parents, last = key.split(".")
        inner = values
        for parent in parents:
            inner = inner.setdefault(parent, {})
            if not isinstance(inner, dict):
                raise ConfigError(f"setting '{setting}': '{parent}' is {inner!r}, it has no settings of its own")
        try:
            inner[last] = tomllib.loads(f"x = {text}")["x"]
        except tomllib.TOMLDecodeError:
            inner[last] = text
    sources = [*([str(path)] if path else []), *(["settings"] if settings or not path else [])]
    return from_dict(kind, values, " and ".join(sources))


def from_dict(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    """Build a dataclass, inner ones too, from plain values; names the first wrong one."""
    hints = typing.get_type_hints(kind)
    known = {f.name for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    arguments: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise ConfigError(f"{where}: {kind.__name__} has no '{name}'; it has {', '.join(sorted(known))}")
        arguments[name] = _checked(hints[name], value, f"{where}: {name}")
    try:
        return kind(**arguments)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None


def _checked(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        assert isinstance(hint, type)
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: expected settings of {hint.__name__}, got {value!r}")
        return from_dict(hint, value, where)
    if typing.get_origin(hint) is Literal:
        if value not in typing.get_args(hint):
            raise ConfigError(f"{where}: expected one of {typing.get_args(hint)}, got {value!r}")
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise ConfigError(f"{where}: expected {hint.__name__}, got {value!r}")
    return value
