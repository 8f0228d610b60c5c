"""The page at /, in a real browser: by the keyboard, in the dark, with a key, and when the service says no."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from posmoe.pictures.html import page as drawn_page
from posmoe.pictures.picture import of_document
from tests.server.conftest import Server

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
KEY = "0123456789abcdef"
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield running
        running.close()


@pytest.fixture
def show(browser: Any) -> Iterator[Open]:
    """Opens an address; nothing may be said in the console, and nothing be loaded from elsewhere."""
    said: list[str] = []
    contexts = []

    def opened(url: str, **options: Any) -> Any:
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write"], **options)
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(20_000)
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on(
            "request", lambda request: said.append(request.url) if not request.url.startswith((url, "data:")) else None
        )
        tab.goto(url)
        return tab

    yield opened
    for context in contexts:
        context.close()
    # a refused request is a line in the console
    assert [text for text in said if "Failed to load resource" not in text] == []


def test_a_text_becomes_pictures_by_the_keyboard(server: Server, show: Open) -> None:
    tab = show(server.url)
    tab.get_by_text("2 sentences.").wait_for()
    tab.keyboard.press("Tab")
    tab.keyboard.press("Control+A")
    tab.keyboard.type("I saw the man.\n\nكتب درس.\n\nHe waved.")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Control+A")
    tab.keyboard.type("2")
    tab.keyboard.press("Enter")
    tab.get_by_text("3 sentences.").wait_for()
    assert tab.locator("#trees svg").count() == 6
    assert tab.locator("#trees section").nth(1).get_attribute("dir") == "rtl"
    tab.get_by_role("button", name="Copy CoNLL-U").press("Enter")
    tab.get_by_text("CoNLL-U is in the clipboard.").wait_for()
    copied = tab.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("# sent_id = 1-1\n# posmoe_tree = 1/2\n")


def test_what_a_screen_reader_finds(server: Server, show: Open) -> None:
    tab = show(server.url)
    tab.get_by_text("2 sentences.").wait_for()
    for role, name in (("textbox", "Text"), ("combobox", "Engine"), ("spinbutton", "Trees of a sentence")):
        assert tab.get_by_role(role, name=name).count() == 1
    picture = tab.get_by_role("img", name="Dependency tree: He waved.")
    assert picture.locator("desc").text_content().startswith("He (word 1): nsubj of waved (word 2).")
    tab.get_by_text("Table").last.press("Enter")
    assert tab.get_by_role("row", name="2 waved VERB root root").count() == 1


def test_pictures_follow_a_dark_page(server: Server, show: Open) -> None:
    colours = []
    for scheme in ("light", "dark"):
        tab = show(server.url, color_scheme=scheme)
        tab.get_by_text("2 sentences.").wait_for()
        colours.append(tab.locator(".page").first.evaluate("node => getComputedStyle(node).fill"))
    assert colours == ["rgb(255, 255, 255)", "rgb(22, 24, 29)"]


def test_a_text_is_never_taken_for_a_page(server: Server, show: Open) -> None:
    tab = show(server.url)
    tab.get_by_text("2 sentences.").wait_for()
    tab.get_by_label("Text").fill("<img src=x onerror=alert(1)> </style><script>alert(2)</script> waved")
    tab.get_by_label("Text").press("Control+Enter")
    tab.get_by_role("heading", name="<img src=x onerror=alert(1)>").first.wait_for()
    assert tab.locator("#trees img, #trees script").count() == 0


def test_refusals_are_told(server: Server, show: Open) -> None:
    tab = show(server.url)
    tab.get_by_text("2 sentences.").wait_for()
    tab.get_by_label("Text").evaluate("node => { node.value = 'a '.repeat(700000) }")
    tab.get_by_role("button", name="Parse").click()
    tab.get_by_role("alert").get_by_text(
        "expected a body of at most 1,048,576 bytes. Send the texts in parts."
    ).wait_for()
    assert tab.locator("#trees svg").count() == 0
    assert tab.get_by_role("button", name="Copy CoNLL-U").is_disabled()


def test_a_key_is_asked_for(tmp_path: Path, show: Open) -> None:
    with Server(tmp_path, api_key=KEY) as server:
        tab = show(server.url)
        tab.get_by_role("alert").get_by_text("expected the service's key").wait_for()
        tab.get_by_label("API key").fill(KEY)
        tab.get_by_role("button", name="Parse").click()
        tab.get_by_text("2 sentences.").wait_for()


def test_no_label_is_outside_its_picture(tmp_path: Path, show: Open, nlp: Any) -> None:
    """Widths are estimated, so a browser's own are held against them."""
    texts = ["WWW MMMM incomprehensibilities @@ %%", "今日は 晴れ です", "iiii llll ....", "كتب درس."]
    path = tmp_path / "a.html"
    pictures = [picture for text in texts for picture in of_document(nlp(text))]
    over = "[b.x, b.y, b.x + b.width - svg.width.baseVal.value, b.y + b.height - svg.height.baseVal.value]"
    for layout in ("line", "list"):
        path.write_text(drawn_page(pictures, layout), encoding="utf-8")
        tab = show(path.as_uri())
        boxes = tab.locator("svg").evaluate_all(f"all => all.map(svg => {{ const b = svg.getBBox(); return {over} }})")
        assert len(boxes) == len(pictures)
        for left, top, right, bottom in boxes:
            assert left >= 0 and top >= 0 and right <= 0.5 and bottom <= 0.5
