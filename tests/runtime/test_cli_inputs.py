"""What `posmoe parse` reads: folders, patterns, packed files, JSON Lines and Parquet; and how they fail."""

import bz2
import gzip
import json
import lzma
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from posmoe import Parser
from posmoe.cli.inputs import Source, sources
from posmoe.cli.stream import Reading, Stream
from posmoe.errors import LineError
from posmoe.packing import packer
from posmoe.readers import records
from posmoe.readers.records import JsonLines
from tests.bundles import TAGS
from tests.runtime.command import ENVIRONMENT, posmoe, said

TEXT = "I saw the dog. I don't know.\n\nHe waved at Wörld."
DATA = TEXT.encode()


def zstd(data: bytes) -> bytes:
    pytest.importorskip("pyarrow")
    packing = packer(".zst")
    return packing.compress(data) + packing.flush()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "xz": lzma.compress,
    "bz2": bz2.compress,
    "zst": zstd,
}


@pytest.mark.parametrize("suffix", PACKED)
def test_packed_files_are_unpacked_whatever_their_names(tiny: Path, nlp: Parser, tmp_path: Path, suffix: str) -> None:
    pack = PACKED[suffix]
    (tmp_path / "in").write_bytes(pack(DATA[:20]) + pack(DATA[20:]))
    for arguments, given in (["in"], b""), ([], pack(DATA)):
        result = posmoe("parse", "--model", tiny, *arguments, cwd=tmp_path, given=given)
        assert (result.returncode, said(result)) == (0, "")
        assert result.stdout.decode() == nlp(TEXT).to_conllu()


@pytest.mark.parametrize("suffix", PACKED)
def test_outputs_are_packed_by_their_names(tiny: Path, nlp: Parser, tmp_path: Path, suffix: str) -> None:
    name = f"out.conllu.{suffix}"
    (tmp_path / "in.txt").write_bytes(DATA)
    pytest.importorskip("pyarrow")
    assert posmoe("parse", "--model", tiny, "in.txt", "-o", name, cwd=tmp_path).returncode == 0
    assert not (tmp_path / name).read_bytes().startswith(b"#")
    (tmp_path / name).rename(tmp_path / "x")
    result = posmoe("parse", "--model", tiny, "--input", "conllu", "x", cwd=tmp_path)
    assert result.stdout.decode() == nlp(TEXT).to_conllu()


@pytest.mark.parametrize("suffix", PACKED)
def test_truncated_and_damaged_files_are_named(tiny: Path, tmp_path: Path, suffix: str) -> None:
    data = PACKED[suffix](bytes(range(97, 123)) * 9 + DATA * 500)
    (tmp_path / "cut.txt").write_bytes(data[: len(data) - 9])
    (tmp_path / "good.txt").write_bytes(DATA)
    result = posmoe("parse", "--model", tiny, "cut.txt", "good.txt", cwd=tmp_path)
    assert result.returncode == 1
    kind = {"gz": "gzip", "xz": "xz", "bz2": "bzip2", "zst": "zstd"}[suffix]
    assert f"posmoe: cut.txt: cannot read it: its {kind} data end too early.\n" in said(result)
    assert "posmoe: 1 of 2 inputs could not be read, or not to their end.\n" in said(result)
    assert b"# newdoc id = good.txt" in result.stdout
    if suffix != "zst":  # without a checksum nothing shows that a frame was altered
        (tmp_path / "cut.txt").write_bytes(data[:30] + bytes(20) + data[50:])
        result = posmoe("parse", "--model", tiny, "cut.txt", cwd=tmp_path)
        assert result.returncode == 1
        assert f"cut.txt: cannot read it: its {kind} data are damaged (" in said(result)


def test_missing_pyarrow_is_an_install_line(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "in.txt.zst").write_bytes(b"\x28\xb5\x2f\xfd")
    code = "import sys; sys.modules['pyarrow'] = None; sys.argv[0] = 'posmoe'; from posmoe.cli import main; main()"
    for arguments in (["in.txt.zst"], ["a b", "-o", "x.parquet"], ["a b", "-o", "x.conllu.zst"]):
        command = [sys.executable, "-c", code, "parse", "--model", str(tiny), *arguments]
        run = subprocess.run(command, env=ENVIRONMENT, capture_output=True, cwd=tmp_path, timeout=50)
        assert run.returncode == 1
        assert b"PyArrow is not installed. Install it with: pip install 'pos-moe-parser[arrow]'" in run.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.txt.zst"]


def names(found: list[Source]) -> list[tuple[str, str]]:
    return [(source.key, source.stem) for source in found]


def test_folders_and_patterns_are_walked_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("in/b.txt", "in/a/x.txt.gz", "in/.hidden", "in/.git/x", "in/c", "in/_posmoe/x", "in/out/y", "z.jsonl"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("a")
    Path("in/loop").symlink_to("..")
    Path("in/gone").symlink_to("nowhere")
    expected = [("a/x.txt.gz", "a/x"), ("b.txt", "b"), ("c", "c"), ("gone", "gone")]
    assert names(sources(["in"], [], Path("in/out"))) == expected
    assert names(sources(["in"], [])) == [*expected, ("out/y", "out/y")]
    assert names(sources(["in/**/*.txt*", "z.jsonl"], [])) == [*expected[:2], ("z.jsonl", "z")]
    assert [source.name for source in sources(["in/a"], [])] == [str(Path("in/a/x.txt.gz"))]


@pytest.mark.parametrize(
    ("name", "kind", "stem"),
    [
        ("a.txt", "text", "a"),
        ("a.b.TXT.GZ", "text", "a.b"),
        ("a.jsonl.zst", "jsonl", "a"),
        ("a.ndjson", "jsonl", "a"),
        ("x/a.parquet", "parquet", "x/a"),
        ("a.conllu.xz", "conllu", "a"),
        ("v1.2", "text", "v1.2"),
        ("a.html", "text", "a.html"),
    ],
)
def test_names_say_what_files_hold(name: str, kind: str, stem: str) -> None:
    source = Source(name, path=Path(name), key=name)
    assert (source.kind, source.stem) == (kind, stem)


def test_bytes_0_in_a_folder_are_no_text(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0")
    (tmp_path / "in" / "b.txt").write_bytes(DATA)
    result = posmoe("parse", "--model", tiny, "in", cwd=tmp_path)
    assert result.returncode == 1
    assert "a.png: looks like no text: there are bytes 0." in said(result)
    assert b"b.txt" in result.stdout


ROWS: list[dict[str, Any]] = [
    {"id": 1, "text": "I saw it."},
    {"text": None},
    {"text": "He waved.\n\nShe too."},
    {"text": "  "},
]


def test_json_lines_and_parquet_hold_a_document_a_row(tiny: Path, tmp_path: Path) -> None:
    lines = [*(json.dumps(row) for row in ROWS), "", json.dumps({"text": "End."})]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    result = posmoe("parse", "--model", tiny, "a.jsonl", "--format", "jsonl", cwd=tmp_path)
    assert (result.returncode, said(result)) == (0, "")
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(value["id"], value["source"]) for value in found] == [
        *(("1", "a.jsonl:1"), ("2", "a.jsonl:3"), ("3", "a.jsonl:3"), ("4", "a.jsonl:6")),
    ]
    assert [value["start"] for value in found] == [0, 0, 11, 0]
    result = posmoe("parse", "--model", tiny, "a.jsonl", cwd=tmp_path)
    marks = [line for line in result.stdout.decode().splitlines() if "newdoc" in line]
    assert marks == [f"# newdoc id = a.jsonl:{number}" for number in (1, 3, 6)]

    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    table = pa.table({"text": [1], "body": ["x"]})
    pq.write_table(
        pa.table({"body": pa.array([row["text"] for row in ROWS]).dictionary_encode()}), tmp_path / "b.parquet"
    )
    options: list[str | Path] = ["parse", "--model", tiny, "b.parquet", "--format", "jsonl"]
    result = posmoe(*options, "--text-column", "body", cwd=tmp_path)
    assert (result.returncode, said(result)) == (0, "")
    assert [json.loads(line)["source"] for line in result.stdout.splitlines()] == [f"b.parquet:{i}" for i in (1, 3, 3)]
    result = posmoe(*options, cwd=tmp_path)
    assert said(result) == "posmoe: b.parquet: expected one column 'text', found 'body'. Name it: --text-column.\n"
    result = posmoe("parse", "--model", tiny, "--input", "parquet", given=(tmp_path / "b.parquet").read_bytes())
    assert said(result) == "posmoe: standard input: Parquet is read from its end, so not from a pipe. Name the file.\n"
    pq.write_table(table, tmp_path / "b.parquet")
    assert "expected strings in column 'text', found int64" in said(posmoe(*options, cwd=tmp_path))
    data = (tmp_path / "b.parquet").read_bytes()
    for cut in (data[:-6], data[:40], b"", b"no parquet at all"):
        (tmp_path / "b.parquet").write_bytes(cut)
        result = posmoe(*options, cwd=tmp_path)
        assert result.returncode == 1
        assert "b.parquet: cannot read it as Parquet: " in said(result)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "expected a JSON object, found no JSON ("),
        (b"[1, 2]", "expected a JSON object, found '[1, 2]"),
        (b'{"body": "x"}', "expected a text under 'text', found the keys 'body'."),
        (b"{}", "found the keys none."),
        (b'{"text": 1}', "expected a string or null under 'text', found 1."),
        (b"[" * 100_000, "expected a JSON object, found "),
        (b'{"text": "' + b"a" * 2_000_000 + b'"}', "expected a line of less than 1000000 bytes, found a longer one."),
    ],
)
def test_bad_records_are_named_and_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: bytes, message: str
) -> None:
    monkeypatch.setattr(records, "MAX_LINE", 1_000_000)
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "one"}\n' + line + b'\n{"text": "two"}\n' + line)
    bad: list[LineError] = []
    with path.open("rb") as file:
        assert [record.number for record in JsonLines(file, "a.jsonl", "text", bad.append)] == [1, 3]
    assert [error.line for error in bad] == [2, 4]
    assert all(str(error).startswith(f"a.jsonl:{error.line}: ") and message in str(error) for error in bad)
    with path.open("rb") as file, pytest.raises(LineError, match=r"a\.jsonl:2"):
        list(JsonLines(file, "a.jsonl", "text"))


def test_a_line_of_any_length_takes_little_memory(tmp_path: Path) -> None:
    """A line that never ends is never in memory as a whole: 200 MB of it, under a limit of 60 MB more than at rest."""
    code = (
        "import resource, sys\nfrom posmoe.readers import records\nfrom posmoe.readers.text import TextReader\n"
        "class Endless:\n"
        "    left = 200 << 20\n"
        "    def readline(self, size):\n"
        "        size = min(size, self.left)\n        self.left -= size\n        return b'x' * size\n"
        "    read1 = readline\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "rest = peak()\n"
        "bad = []\n"
        "assert not list(records.JsonLines(Endless(), 'x', 'text', bad.append, max_line=1 << 24)) and len(bad) == 1\n"
        "assert sum(len(block.text) for block in TextReader(Endless())) == 200 << 20\n"
        "print(peak() - rest)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, timeout=50, check=True)
    assert int(run.stdout) < 60 * 1024


def test_invalid_bytes_in_records_are_replaced_and_counted(tiny: Path) -> None:
    given = b'{"text": "a \xff b"}\n{"text": "c \xef\xbf\xbd"}\n'
    result = posmoe("parse", "--model", tiny, "--input", "jsonl", "--format", "jsonl", given=given)
    assert result.returncode == 0
    assert said(result) == "posmoe: standard input: 1 invalid UTF-8 sequence(s) became U+FFFD.\n"
    assert json.loads(result.stdout.splitlines()[0])["text"] == "a \ufffd b"


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("text", b"fine \xff", "standard input: expected UTF-8, found other bytes near character 5."),
        ("jsonl", b'{"text": "a"}\nno\n', "standard input:2: expected a JSON object"),
    ],
)
def test_a_run_can_stop_at_the_first_problem(tiny: Path, tmp_path: Path, kind: str, given: bytes, message: str) -> None:
    options: list[str | Path] = ["--model", tiny, "--input", kind, "--on-error", "stop", "-o", "out.conllu"]
    result = posmoe("parse", *options, given=given, cwd=tmp_path)
    assert result.returncode == 1
    assert message in said(result)
    assert list(tmp_path.iterdir()) == []


def test_long_records_are_parsed_in_blocks(tmp_path: Path) -> None:
    paragraphs = "".join(f"Paragraph {number} of many words.\n\n" for number in range(9000))
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": paragraphs}) + "\n" + json.dumps({"text": "short"}))
    stream = Stream(sources([str(path)], []), Reading("auto", "text", tuple(TAGS), False, False))
    requests: list[Any] = list(stream)
    assert "".join(request.text for request in requests) == paragraphs + "short"
    parts = [stream.taken(lambda end: None) for _ in requests]
    assert [part.begins for part in parts] == [True, *[False] * (len(parts) - 2), True]
    assert parts[1].start == len(requests[0].text)
    assert [part.record for part in parts] == [*[1] * (len(parts) - 1), 2]


def test_parquet_is_written(tiny: Path, nlp: Parser, tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    (tmp_path / "in.txt").write_bytes(DATA)
    assert posmoe("parse", "--model", tiny, "in.txt", "-o", "out.parquet", cwd=tmp_path).returncode == 0
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.to_pylist() == nlp(TEXT).to_arrow().to_pylist()
    assert posmoe("parse", "--model", tiny, "in.txt", "--format", "parquet", "--compress", "gz").returncode == 2
    assert posmoe("parse", "--model", tiny, "in.txt", "--format", "parquet", "--k-best", "2").returncode == 2
