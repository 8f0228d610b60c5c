"""The public types, as a user's mypy sees them."""

import pytest

from tests.paths import ROOT

api = pytest.importorskip("mypy.api", reason="needs mypy")


@pytest.mark.timeout(180)
def test_the_public_types_say_what_users_rely_on() -> None:
    config = str(ROOT / "pyproject.toml")
    out, err, code = api.run(["--config-file", config, str(ROOT / "tests" / "typing" / "usage.py")])
    assert code == 0, out + err
