"""The progress bar: on a terminal, not elsewhere."""

import os
import re
import sys
from pathlib import Path

import pytest

from posmoe.cli.inputs import sources
from posmoe.cli.progress import Progress
from posmoe.cli.stream import Reading, Stream
from tests.bundles import TAGS


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_for_terminals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    (tmp_path / "in.txt").write_text("Some text.\n\n" * 20_000)
    monkeypatch.setattr("posmoe.cli.progress.PATIENCE", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    reading, writing = os.openpty() if terminal else os.pipe()
    with os.fdopen(writing, "w") as errors:
        monkeypatch.setattr(sys, "stderr", errors)
        stream = Stream(sources([str(tmp_path / "in.txt")], []), Reading("text", "text", tuple(TAGS), False, False))
        requests = iter(stream)
        with Progress(stream, str(tmp_path / "out")) as progress:
            next(requests)
            progress.update(1234, 56789)
        requests.close()
        shown = os.read(reading, 10_000) if terminal else b""
        while terminal and not re.search(rb"1,234 sentences, [\d,]+ words/s", shown):
            shown += os.read(reading, 10_000)  # the bar comes in pieces; without it the test runs into its time limit
    if terminal:
        assert b"kB" in shown
    else:
        assert os.read(reading, 10_000) == b""
    os.close(reading)
