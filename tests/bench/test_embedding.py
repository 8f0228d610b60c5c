"""The programs of several languages, on a thousand sentences: equal trees, or no figures."""

import pytest

from bench import data, embedding
from tests.paths import shared


def test_all_programs_that_can_be_had_give_the_same_trees() -> None:
    shared("data", "ewt", "dev.conllu.xz")
    rows, missing = embedding.measure(runs=1, rounds=1)
    assert len(rows) + len(missing) == len(embedding.PROGRAMS)
    assert rows[0]["program"] == "Python" and rows[0]["times"] == "1.00"
    assert all(isinstance(row["words_s"], int) and row["words_s"] > 0 for row in rows)


def test_other_trees_are_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    shared("data", "ewt", "dev.conllu.xz")
    wrong = embedding.Program("wrong", "native", lambda: ["sh", "-c", "echo 1 >&2; printf '1\\tx\\n'"])
    monkeypatch.setattr(embedding, "PROGRAMS", [embedding.PROGRAMS[0], wrong])
    with pytest.raises(RuntimeError, match="wrong with native gives other trees than Python"):
        embedding.measure(runs=1, rounds=1)


def test_words_are_counted_without_ranges() -> None:
    assert embedding.words(b"# sent_id = 1\n1-2\tdon't\n1\tdo\n2\tn't\n\n") == 2
    assert data.MADE.parts[-2:] == ("build", "bench")
