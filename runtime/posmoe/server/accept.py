"""Which of the media types that a resource has a client wants (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence


def chosen(accept: str, offered: Sequence[str]) -> str | None:
    """The offered type that is wanted most, the earlier one of equals; None where none is.

    Args:
        accept: the header; empty takes anything.
        offered: types without parameters.
    """
    if not accept.strip():
        return offered[0]
    wanted = [_range(part) for part in accept.split(",") if part.strip()]
    best, most = None, 0.0
    for media in offered:
        kind = media.partition("/")[0]
        # the most specific range that fits decides
        fitting = [
            (wanted.index((name, quality)), name, quality)
            for name, quality in wanted
            if name in (media, f"{kind}/*", "*/*")
        ]
        if not fitting:
            continue
        quality = max(fitting, key=lambda one: (one[1] == media, one[1] != "*/*"))[2]
        if quality > most:
            best, most = media, quality
    return best


def _range(part: str) -> tuple[str, float]:
    """A media range and its quality; one that cannot be read counts 1."""
    name, *parameters = part.split(";")
    quality = 1.0
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "q":
            try:
                quality = min(max(float(value), 0.0), 1.0)
            except ValueError:
                quality = 1.0
    return name.strip().lower(), quality
