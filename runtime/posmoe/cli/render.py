"""`posmoe render`: trees drawn for the terminal, as SVG or as a page."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..draw import draw
from ..errors import InputError, PosmoeError, PosmoeWarning
from ..pictures import html, svg
from ..pictures.picture import Picture, of_conllu, of_document
from ..pipeline import load
from .files import named, opened
from .inputs import sources
from .messages import say
from .output import ClosedPipe, Output, open_output
from .parse import leave_by_exceptions
from .problems import Tally
from .stream import Reading, Stream

ENDINGS = {".svg": "svg", ".html": "html", ".htm": "html"}


class Job(NamedTuple):
    """The command's options, as they were given."""

    inputs: tuple[str, ...]
    texts: tuple[str, ...]
    output: Path | None
    model: str | None
    format: str
    input: str
    given: bool
    backend: str
    k_best: int
    layout: str


class NothingDrawn(PosmoeError):
    """No input had a tree."""


def run(job: Job) -> int:
    """Draw everything; what goes wrong is said on standard error. Returns the exit code."""
    leave_by_exceptions()
    warnings.simplefilter("ignore", PosmoeWarning)
    try:
        return _Run(job).run()
    except ClosedPipe:
        return 0
    except KeyboardInterrupt:
        return 130
    except NothingDrawn:
        return 1
    except PosmoeError as error:
        say(str(error))
        return 1


class _Run:
    """One run of the command."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.format = job.format
        if job.format == "auto":
            self.format = ENDINGS.get(job.output.suffix.lower(), "tree") if job.output else "tree"
        self.failed = 0

    def run(self) -> int:
        """Draw every sentence; returns the exit code."""
        pictures = self._given() if self.job.given else self._parsed()
        with open_output(self.job.output) as output:
            drawn = self._write(output, pictures)
            if self.failed and not drawn:
                raise NothingDrawn
        return 1 if self.failed else 0

    def _write(self, output: Output, pictures: Iterator[list[Picture]]) -> int:
        """Write the drawings; returns how many sentences there were."""
        count = 0
        if self.format == "svg":
            rows = []
            for row in pictures:
                count += len(row)
                rows.append(row)
                if count > svg.MOST:
                    break
            output.write(svg.svg(rows, self.job.layout).encode() + b"\n")
            return len(rows)
        output.write(html.head().encode() if self.format == "html" else b"")
        for row in pictures:
            text = html.section(row, self.job.layout) if self.format == "html" else "".join(map(_terminal, row))
            output.write(text.encode())
            count += 1
        output.write(html.TAIL.encode() if self.format == "html" else b"")
        return count

    def _parsed(self) -> Iterator[list[Picture]]:
        """What the model makes of the inputs."""
        job = self.job
        parser = load(job.model, backend=job.backend)
        stream = Stream(sources(job.inputs, job.texts), Reading(job.input, "text", parser.bundle.tags, False, False))
        tally = Tally(len(stream.sources))
        for document in parser.run(stream, 1 if stream.live else 64):
            stream.taken(tally.add)
            trees = parser.rank(document, job.k_best) if job.k_best > 1 else None
            yield from of_document(document, trees)
        stream.finish(tally.add)
        self.failed = tally.spoilt

    def _given(self) -> Iterator[list[Picture]]:
        """The trees that the inputs hold."""
        import io

        from ..readers.conllu import read_conllu
        from ..request import whole

        for source in sources(self.job.inputs, self.job.texts):
            try:
                if source.text is not None:
                    file = io.BytesIO(whole(source.text).encode())
                    yield from ([of_conllu(one, source.name)] for one in read_conllu(file, source.name))
                    continue
                with opened(source) as raw:
                    lines = named(raw, source)
                    yield from ([of_conllu(one, source.name)] for one in read_conllu(lines, source.name))
            except InputError as error:
                say(str(error))
                self.failed += 1


def _terminal(picture: Picture) -> str:
    tree = picture.tree
    caption = f"{picture.caption}\n" if picture.caption else ""
    return f"{caption}{draw(picture.forms, picture.tags, tree.heads, tree.deprels)}\n\n"
