"""The service against its own description: what schemathesis makes of it gets the answers that it promises.

For more of it: `schemathesis run http://127.0.0.1:8400/openapi.json --checks all --max-examples 1000`.
"""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.server.conftest import Server

KEY = "0123456789abcdef"


@pytest.mark.skipif(find_spec("schemathesis") is None, reason="needs schemathesis, of the dependency group dev")
@pytest.mark.parametrize("key", [None, KEY], ids=["open", "with a key"])
def test_what_is_promised_is_kept(tmp_path: Path, key: str | None) -> None:
    with Server(tmp_path, **({"api_key": key} if key else {})) as server:
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}openapi.json", "--checks", "all"]
        command += ["--max-examples", "8", "--seed", "7", "--no-color", "--wait-for-schema", "20"]
        command += ["--header", f"Authorization: Bearer {key}"] if key else []
        run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=55, check=False)
        assert run.returncode == 0, run.stdout
        assert "6 selected" in run.stdout
        assert server.stop() == 0
    assert [event for event in server.log if event["level"] == "error"] == []
