"""Arrow tables in and out, held against documents and JSON lines."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import posmoe
from posmoe.arrow import schema_of
from posmoe.errors import InputError, MissingExtraError
from tests.runtime.command import posmoe as command
from tests.runtime.command import said

pa = pytest.importorskip("pyarrow", reason="needs PyArrow, the extra `arrow`")
NEW = ["sentences", "ids", "forms", "starts", "ends", "upos", "heads", "deprels"]
TEXTS = ["I don't know. Él ate 🙂 it.", None, "", "He waved.\n\nTwice", " "]


def expected(document: posmoe.Document) -> dict[str, list[Any]]:
    """The lists of a text's row, from its tokens."""
    tokens = [token for sentence in document for token in sentence]
    rows = [(t.sentence.index, t.index, t.text, t.start, t.end, t.upos, t.head, t.deprel) for t in tokens]
    return {name: [row[at] for row in rows] for at, name in enumerate(NEW)}


@given(st.lists(st.none() | st.text(alphabet="I don't. Él\n🙂", max_size=30), max_size=6), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_tables_hold_what_documents_hold(nlp: posmoe.Parser, texts: list[str | None], size: int) -> None:
    table = pa.table({"text": pa.array(texts, pa.string()), "k": list(range(len(texts)))})
    parsed = nlp.parse_arrow(pa.Table.from_batches(table.to_batches(max_chunksize=size), table.schema), threads=size)
    parsed.validate(full=True)
    assert parsed.schema == schema_of(table.schema)
    for row, text in zip(parsed.to_pylist(), texts, strict=True):
        assert row.pop("text") == text
        row.pop("k")
        assert row == (dict.fromkeys(NEW) if text is None else expected(nlp(text)))


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view", "dictionary"])
def test_batches_and_every_kind_of_strings(nlp: posmoe.Parser, kind: str) -> None:
    kinds = {"string_view": pa.string_view, "large_string": pa.large_string}
    array = pa.array(TEXTS, kinds.get(kind, pa.string)())
    array = array.dictionary_encode() if kind == "dictionary" else array
    batch = pa.record_batch([array, pa.array(range(5))], ["body", "start"])
    parsed = nlp.parse_arrow(batch.slice(1), "body", prefix="w_")
    assert isinstance(parsed, pa.RecordBatch)
    parsed.validate(full=True)
    assert parsed.schema.names == ["body", "start", *(f"w_{name}" for name in NEW)]
    assert parsed.column("start").to_pylist() == [1, 2, 3, 4]
    for row, text in zip(parsed.to_pylist(), TEXTS[1:], strict=True):
        lists = {name: row[f"w_{name}"] for name in NEW}
        assert lists == (dict.fromkeys(NEW) if text is None else expected(nlp(text)))


def test_what_is_no_table_of_texts_is_refused(nlp: posmoe.Parser) -> None:
    table = pa.table({"text": ["a"], "n": [1], "heads": [2]})
    for data, column, why in (
        (["a"], "text", "expected a pyarrow RecordBatch or Table, got list"),
        (table, "body", "expected one column 'body', the table has text, n, heads"),
        (table, "n", "expected strings in column 'n', it has int64"),
        (table, "text", "the table has a column 'heads' already"),
    ):
        with pytest.raises(InputError, match=why):
            nlp.parse_arrow(data, column)
    assert nlp.parse_arrow(pa.table({"text": pa.nulls(2)}))["ids"].to_pylist() == [None, None]


def test_without_pyarrow_the_line_that_installs_it_is_named(
    nlp: posmoe.Parser, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = nlp("One.")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    match = r"PyArrow .* pip install 'pos-moe-parser\[arrow\]'"
    with pytest.raises(MissingExtraError, match=match):
        document.to_arrow()
    with pytest.raises(MissingExtraError, match=match):
        nlp.parse_arrow([])


def test_a_document_is_a_row_a_sentence(nlp: posmoe.Parser) -> None:
    document = nlp(TEXTS[0] or "")
    batch = document.to_arrow()
    batch.validate(full=True)
    assert batch.num_rows == len(document)
    for row, sentence in zip(batch.to_pylist(), document, strict=True):
        assert (row["id"], row["source"]) == (sentence.index + 1, None)
        assert (row["text"], row["start"], row["end"]) == (sentence.text, sentence.start, sentence.end)
        assert row["forms"] == [token.text for token in sentence]
        assert row["starts"] == [token.start for token in sentence]
        assert row["upos"] == [token.upos for token in sentence]
        assert (row["heads"], row["deprels"]) == sentence.tree()
    assert nlp("").to_arrow().num_rows == 0


def test_the_command_streams_record_batches(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\n\n".join(f"Pärt {number} don't" for number in range(9000)))
    arguments = ["parse", "--model", str(tiny), str(tmp_path / "a.txt"), "six seven"]
    result = command(*arguments, "--format", "arrow")
    assert (result.returncode, said(result)) == (0, "")
    rows = pa.ipc.open_stream(io.BytesIO(result.stdout)).read_all().to_pylist()
    values = [json.loads(line) for line in command(*arguments, "--format", "jsonl").stdout.splitlines()]
    assert len(rows) == len(values) == 9001
    for row, value in zip(rows, values, strict=True):
        assert [str(row["id"]), row["source"], row["text"], row["start"], row["end"]] == [
            value[key] for key in ("id", "source", "text", "start", "end")
        ]
        for name, key in (("forms", "text"), ("starts", "start"), ("ends", "end"), ("heads", "head")):
            assert row[name] == [token[key] for token in value["tokens"]]
    empty = command("parse", "--model", tiny, "--format", "arrow")
    assert pa.ipc.open_stream(io.BytesIO(empty.stdout)).read_all().num_rows == 0
    refused = command("parse", "--model", tiny, "--format", "arrow", "--k-best", "2", "a b")
    assert refused.returncode == 2
    assert "--k-best needs --format conllu, jsonl or tree." in said(refused)
