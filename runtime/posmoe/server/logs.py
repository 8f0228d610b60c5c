"""A JSON object a line on standard error for every request; never a text, a query or a key."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Mapping
from typing import Any

LOGGER = logging.getLogger("posmoe.server")


class JsonLines(logging.Formatter):
    """Records as JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        value: dict[str, Any] = {"time": f"{when}.{int(record.msecs):03}Z", "level": record.levelname.lower()}
        value |= {"event": record.getMessage(), **getattr(record, "facts", {})}
        if record.exc_info:
            value["trace"] = self.formatException(record.exc_info)
        return json.dumps(value, ensure_ascii=False)


def log(level: int, event: str, facts: Mapping[str, Any], trace: BaseException | None = None) -> None:
    """Write an event and its facts."""
    LOGGER.log(level, event, extra={"facts": facts}, exc_info=trace)


def to_standard_error() -> None:
    """Send this service's events and uvicorn's warnings to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    # uvicorn says so of clients that we gave up, each of which has a line of its own
    handler.addFilter(lambda record: "without completing response" not in record.getMessage())
    for name, level in (("posmoe.server", logging.INFO), ("uvicorn.error", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False
