"""What workers do with tables, held against the parser; and what they say of rows that can't be parsed."""

import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import posmoe
from posmoe.cluster import Settings, parse, parser_of, schema_of
from posmoe.errors import BundleError, InputError, MissingExtraError

pa = pytest.importorskip("pyarrow", reason="needs PyArrow, the extra `arrow`")
import posmoe.ray  # noqa: E402
import posmoe.spark  # noqa: E402

BAD = b"\xff\xfe"


def texts(*rows: bytes | None) -> Any:
    """A column of strings that may be no UTF-8."""
    array = pa.array(rows, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(array), array.buffers())


@given(st.lists(st.none() | st.text(alphabet="I don't. é\n", max_size=20), max_size=6), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_workers_give_what_the_parser_gives(nlp: posmoe.Parser, rows: list[str | None], size: int) -> None:
    table = pa.table({"text": pa.array(rows, pa.string()), "id": list(range(len(rows)))})
    table = pa.Table.from_batches(table.to_batches(max_chunksize=size), table.schema)
    own = Settings(model=str(nlp.bundle.path))
    whole = parse(table, own)
    assert whole.schema == schema_of(table.schema, own)
    assert whole.to_pylist() == nlp.parse_arrow(table).to_pylist()
    parts = [row for batch in table.to_batches() for row in parse(batch, own).to_pylist()]
    assert parts == whole.to_pylist()
    skipping = parse(table, Settings(model=str(nlp.bundle.path), on_error="skip", prefix="w_"))
    assert skipping["w_errors"].to_pylist() == [None] * len(rows)
    assert skipping.drop_columns("w_errors").to_pydict() == nlp.parse_arrow(table, prefix="w_").to_pydict()


@pytest.mark.parametrize("kind", ["Table", "RecordBatch"])
def test_rows_that_cannot_be_parsed_are_named_or_skipped(nlp: posmoe.Parser, kind: str) -> None:
    model = str(nlp.bundle.path)
    batch = pa.record_batch([texts(b"One.", None, b"x" * 90, BAD, b"Two."), pa.array(range(5))], ["text", "id"])
    data = batch if kind == "RecordBatch" else pa.Table.from_batches([batch.slice(0, 2), batch.slice(2)])
    with pytest.raises(InputError, match=r"column 'text', row 2 of a batch of 5: .* at most 80 bytes, got 90\. Cut it"):
        parse(data, Settings(model, longest=80))
    with pytest.raises(InputError, match=r"column 'text', row 3 of a batch of 5: expected UTF-8: 'utf-8' codec"):
        parse(data, Settings(model))
    parsed = parse(data, Settings(model, longest=80, on_error="skip"))
    assert parsed.schema == schema_of(data.schema, Settings(model, on_error="skip"))
    assert parsed["text"].is_null().to_pylist() == [False, True, False, False, False]
    lists = parsed["forms"].to_pylist()
    assert lists == [["One."], None, None, None, ["Two."]]
    reasons = parsed["errors"].to_pylist()
    assert reasons[0] is reasons[1] is reasons[4] is None
    assert reasons[2].startswith("expected a text of at most 80 bytes, got 90.")
    assert reasons[3].startswith("expected UTF-8")


def test_rows_that_are_no_strings_are_named(nlp: posmoe.Parser) -> None:
    class Objects(pa.ExtensionType):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__(pa.binary(), "posmoe.test.objects")

        def __arrow_ext_serialize__(self) -> bytes:
            return b""

        @classmethod
        def __arrow_ext_deserialize__(cls, storage_type: Any, serialized: bytes) -> Any:
            return cls()

        def __arrow_ext_scalar_class__(self) -> Any:
            return Scalar

    class Scalar(pa.ExtensionScalar):  # type: ignore[misc, name-defined]
        def as_py(self, **_: Any) -> Any:
            return None if self.value is None else pickle.loads(self.value.as_py())

    rows = ["One.", None, 7, "Two."]
    storage = pa.array([None if row is None else pickle.dumps(row) for row in rows], pa.binary())
    table = pa.table({"text": pa.ExtensionArray.from_storage(Objects(), storage)})
    with pytest.raises(InputError, match="row 2 of a batch of 4: expected a string, got int"):
        parse(table, Settings(str(nlp.bundle.path)))
    parsed = parse(table, Settings(str(nlp.bundle.path), on_error="skip"))
    assert parsed["forms"].to_pylist() == [["One."], None, None, ["Two."]]
    assert parsed["errors"].to_pylist() == [None, None, "expected a string, got int.", None]
    assert parsed["text"].type == table["text"].type


def test_tables_and_settings_that_do_not_fit_are_refused(tiny: Path) -> None:
    table = pa.table({"text": ["a"], "n": [1], "errors": ["b"]})
    cases: tuple[tuple[Any, dict[str, Any], str], ...] = (
        (["a"], {}, "expected a pyarrow RecordBatch or Table, got list"),
        (table, {"text": "body"}, "expected one column 'body', the table has text, n, errors"),
        (table, {"text": "n"}, "expected strings in column 'n', it has int64"),
        (table, {"on_error": "skip"}, "the table has a column 'errors' already. Give another prefix"),
        (table, {"on_error": "stay"}, "expected on_error to be 'stop' or 'skip', got 'stay'"),
        (table, {"text": 3}, "expected text to be a string, got 3"),
        (table, {"longest": 0}, "expected longest to be a whole number from 1"),
        (table, {"threads": "two"}, "expected threads to be a whole number from 1"),
    )
    for data, changes, why in cases:
        with pytest.raises(InputError, match=why):
            parse(data, Settings(str(tiny), **changes))


def test_a_worker_without_the_model_says_where_it_is_missing(tmp_path: Path) -> None:
    with pytest.raises(
        BundleError, match=r"process \d+ on .*: no bundle at .*gone.* Install the model on every worker"
    ):
        posmoe.ray.Parser(model=str(tmp_path / "gone"))


def test_a_process_loads_its_model_once(tiny: Path) -> None:
    assert parser_of(str(tiny), "auto") is parser_of(str(tiny), "auto")


def test_ray_s_class_takes_tables_alone(nlp: posmoe.Parser) -> None:
    worker = posmoe.ray.Parser(model=str(nlp.bundle.path))
    table = pa.table({"text": ["I saw the dog."]})
    assert worker(table).to_pylist() == nlp.parse_arrow(table).to_pylist()
    with pytest.raises(InputError, match="got a dict: give map_batches batch_format='pyarrow'"):
        worker({"text": ["a"]})


def test_without_pyspark_the_line_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyspark.sql.pandas.types", None)
    with pytest.raises(MissingExtraError, match=r"PySpark .* pip install 'pos-moe-parser\[spark\]'"):
        posmoe.spark.parse(None)
