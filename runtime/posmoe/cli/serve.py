"""`posmoe serve`: options and environment to settings, and the service."""

from __future__ import annotations

import os
from typing import Any

from ..errors import MissingExtraError, PosmoeError
from .messages import say
from .output import OutputError, show


def run(show_settings: bool, given: dict[str, Any]) -> int:
    """Serve until a signal comes; returns the exit code.

    Args:
        given: settings that were given as options.
    """
    try:
        settings = _settings(given)
        if show_settings:
            from ..server.settings import described

            show(described(settings))
            return 0
        from ..server.run import serve

        serve(settings)
    except OutputError as error:
        say(str(error))
        return 1
    except PosmoeError as error:
        say(str(error))
        return 2 if isinstance(error, _WrongSetting) else 1
    except ImportError as error:
        say(str(MissingExtraError(f"{error.name or 'a package'}, which the service needs,", "serve")))
        return 1
    return 0


class _WrongSetting(PosmoeError):
    """A setting has a value that it cannot have."""


def _settings(given: dict[str, Any]) -> Any:
    """The settings.

    Raises:
        _WrongSetting: one has a value that it cannot have, or there is none of such a name; the message names it, and
            no value.
    """
    from pydantic import ValidationError

    from ..server.settings import PREFIX, Settings

    names = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    unknown = sorted(name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in names)
    if unknown:
        raise _WrongSetting(f"${unknown[0]}: there is no such setting. --show-settings lists all.")
    try:
        return Settings(**given)
    except ValidationError as error:
        faults = []
        for one in error.errors(include_input=False, include_url=False):
            name = str(one["loc"][0]) if one["loc"] else ""
            source = f"--{name}" if name in given else f"${PREFIX}{name.upper()}"
            faults.append(f"{source}: {one['msg'].removeprefix('Value error, ')}.")
        raise _WrongSetting(" ".join(faults)) from None
