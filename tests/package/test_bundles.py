"""The data wheels under bundles/: what their entry points name is a whole bundle of that name."""

import importlib.util
import tomllib
from pathlib import Path

import pytest

from bench.tables import models_table
from posmoe.bundle import Bundle
from tests.paths import ROOT

if not (ROOT / "bundles").is_dir():
    pytest.skip("the source distribution leaves out the larger models", allow_module_level=True)
FOLDERS = sorted(path.parent for path in (ROOT / "bundles").glob("*/pyproject.toml"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_entry_point_names_a_whole_bundle(folder: Path) -> None:
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ((name, target),) = project["entry-points"]["posmoe.models"].items()
    module, attribute = target.split(":")
    spec = importlib.util.spec_from_file_location(module, folder / module / "__init__.py")
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    bundle = Bundle.load(getattr(loaded, attribute))
    assert (bundle.name, bundle.version) == (name, project["version"])


def test_the_sizes_that_the_readme_lists_are_there() -> None:
    assert [folder.name for folder in FOLDERS] == ["en-base", "en-large"]


def test_the_readme_lists_what_was_measured() -> None:
    assert models_table() in (ROOT / "bundles" / "README.md").read_text(encoding="utf-8")
