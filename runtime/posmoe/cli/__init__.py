"""The command `posmoe`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command and exit with its code: 0, 1 some input failed, 2 usage, 130 interrupted."""
    try:
        sys.exit(_run())
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        from .messages import say

        if sys.stdout is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # takes what is left in the buffer
        say(f"cannot write standard output: {error.strerror or error}.")
        sys.exit(1)


def _run() -> int:
    import click

    from .app import app

    try:
        code = app.main(prog_name="posmoe", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()  # help and version; at exit a failure would be beyond reach
