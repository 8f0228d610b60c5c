"""Ray Data in earnest: several workers, one of them killed in the middle. CONTRIBUTING.md says how to run it."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from posmoe.cluster import Settings, parse
from posmoe.ray import Parser
from tests.paths import ROOT

pa = pytest.importorskip("pyarrow", reason="needs PyArrow, the extra `arrow`")
ray = pytest.importorskip("ray", reason="needs Ray, the extra `ray`")
pytest.importorskip("ray.data", reason="needs Ray Data, the extra `ray`")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(300)]
ROWS = 400


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Ray on this machine; two of four places are left for what is no worker of ours."""
    ray.init(
        num_cpus=4,
        include_dashboard=False,
        logging_level="error",
        runtime_env={"env_vars": {"PYTHONPATH": str(ROOT / "runtime")}},
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


def texts() -> Any:
    rows = [None if n % 50 == 7 else f"I don't see dog {n}. He waved." for n in range(ROWS)]
    return pa.table({"id": list(range(ROWS)), "text": rows})


def run(worker: type, **settings: Any) -> Any:
    """The table that two workers make, in the order of `id`."""
    dataset = ray.data.from_arrow(texts()).repartition(16).materialize()
    pool = ray.data.ActorPoolStrategy(size=2)
    parsed = dataset.map_batches(
        worker, fn_constructor_kwargs=settings, batch_format="pyarrow", batch_size=25, compute=pool
    )
    return pa.concat_tables(ray.get(parsed.to_arrow_refs())).combine_chunks().sort_by("id")


def test_a_killed_worker_loses_nothing(cluster: None, tiny: Path, tmp_path: Path) -> None:
    killed = tmp_path / "killed"

    class Mortal(Parser):
        def __call__(self, table: Any) -> Any:
            result = super().__call__(table)
            if 201 in table["id"].to_pylist() and not killed.exists():
                killed.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return result

    found = run(Mortal, model=str(tiny))
    assert killed.exists()
    assert found.to_pylist() == parse(texts(), Settings(str(tiny))).to_pylist()


def test_a_row_that_cannot_be_parsed_and_a_missing_model_end_the_run(cluster: None, tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"row \d+ of a batch of 25: expected a text of at most 29 bytes"):
        run(Parser, model=str(tiny), longest=29)
    with pytest.raises(Exception, match=r"no bundle at .*gone.*Install the model on every worker"):
        run(Parser, model=str(tmp_path / "gone"))


def test_rows_of_other_kinds_are_skipped_with_a_reason(cluster: None, tiny: Path) -> None:
    dataset = ray.data.from_items([{"text": value} for value in ("One.", 7, None)], override_num_blocks=1)
    settings = {"model": str(tiny), "on_error": "skip"}
    pool = ray.data.ActorPoolStrategy(size=1)
    rows = dataset.map_batches(Parser, fn_constructor_kwargs=settings, batch_format="pyarrow", compute=pool).take_all()
    reasons = {str(row["text"]): row["errors"] for row in rows}
    assert reasons == {"One.": None, "7": "expected a string, got int.", "None": None}
