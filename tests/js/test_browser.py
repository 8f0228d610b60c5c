"""The example page in a real Chromium: drawn while one types, usable by keyboard, calm with long texts, closed."""

import json
import shutil
from typing import Any

import pytest

import posmoe
from tests.js.package import has, run
from tests.paths import ROOT

pytestmark = pytest.mark.timeout(60, func_only=True)  # building the package, before the first test, takes longer

PAGE = ROOT / "build" / "browser" / "posmoe.html"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a walk through the page saw; skips where there is no Chromium."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip(f"needs Chromium: one of {', '.join(BROWSERS)} on the path (Debian's package chromium)")
    for module in ("esbuild", "playwright-core"):
        if not has(module):
            pytest.skip(f"needs {module}: run `npm ci --ignore-scripts` in js")
    run(["npm", "run", "--silent", "example"])
    out = tmp_path_factory.mktemp("browser")
    found: dict[str, Any] = json.loads(run(["node", ROOT / "tests" / "js" / "browser.mjs", PAGE, browser, out]))
    found["pictures"] = sorted(path.name for path in out.glob("*.png"))
    return found


def test_a_tree_is_drawn_while_one_types(seen: dict[str, Any]) -> None:
    sentence = posmoe.load()("I don't think so. He waved 😀!")[0]
    assert seen["typed"] == {
        "words": [token.text for token in sentence],
        "tags": [token.upos for token in sentence],
        "relations": sorted(token.deprel for token in sentence),
    }
    assert seen["empty"] == 0
    assert seen["pictures"] == ["narrow.png", "sentence.png", "wide.png"]


def test_keyboard_and_screen_reader_reach_everything(seen: dict[str, Any]) -> None:
    assert seen["label"].startswith("Tree of sentence 1, its root is think.")
    assert seen["focus"] == ["Tree of sentence 1, scrolls sideways", "As a table"]
    assert seen["table"][0] == ["Word", "Part of speech", "Relation", "Head"]
    assert seen["table"][1:3] == [["I", "PRON", "nsubj", "think"], ["do", "AUX", "aux", "think"]]
    for part in ('heading "Sentences to trees"', 'textbox "Text"', "status: 2 sentences", 'list "Sentences"'):
        assert part in seen["accessible"]


def test_a_narrow_screen_has_room(seen: dict[str, Any]) -> None:
    assert seen["narrow"] == 320


def test_a_hundred_thousand_characters_are_answered(seen: dict[str, Any]) -> None:
    assert seen["long"]["items"] > 3000
    assert 0 < seen["long"]["drawn"] < 20  # what is near the screen, and no more
    assert seen["last"][-3:] == ["It", "ends", "."]
    assert seen["endless"] == {"pages": "words 1 to 80 of 10000", "words": 80, "next": "words 81 to 160 of 10000"}


def test_nothing_leaves_the_page(seen: dict[str, Any]) -> None:
    assert seen["blocked"] == ["connect-src", "connect-src", "img-src"]
    schemes = [url.partition(":")[0] for url in seen["made"]]
    assert schemes == ["file", "blob"]  # the page itself and its worker
    assert seen["problems"] == []
