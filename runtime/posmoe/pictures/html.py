"""Trees as HTML: a picture and a table of each; no scripts, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import islice

from .marks import STYLE
from .picture import Picture
from .svg import svg

# what the pictures' surroundings look like; names begin with posmoe, as a notebook has styles of its own
SURROUNDINGS = """\
.posmoe-trees { display: flex; flex-wrap: wrap; gap: 1em; align-items: flex-start }
.posmoe-figure { margin: 0 0 1em; max-width: 100% }
.posmoe-scroll { overflow-x: auto; border: 1px solid #8884; border-radius: 6px }
.posmoe-scroll svg { display: block }
.posmoe-figure summary { cursor: pointer; font-size: .9em; padding: .3em 0 }
.posmoe-figure table { border-collapse: collapse; font-size: .9em }
.posmoe-figure td, .posmoe-figure th { border-bottom: 1px solid #8884; padding: .15em .8em .15em 0; text-align: start }
"""
PAGE = """\
:root { color-scheme: light dark }
body { font: 16px/1.4 system-ui, sans-serif; margin: 1.5em }
h1 { font-size: 1.3em }
h2 { font-size: 1em; font-weight: 600; margin: 1.5em 0 .5em }
"""
_HEAD = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Dependency trees</title>
<style>
{style}</style>
</head>
<body>
<main>
<h1>Dependency trees</h1>
"""
TAIL = "</main>\n</body>\n</html>\n"
# sentences that a notebook shows
MOST = 20
COLUMNS = ("No.", "Word", "Part of speech", "Head", "Relation")


def head() -> str:
    """The beginning of a page of its own, to be followed by sections and `TAIL`."""
    return _HEAD.format(style=PAGE + SURROUNDINGS + STYLE)


def page(sentences: Iterable[Sequence[Picture]], layout: str = "auto") -> str:
    """A page of its own.

    Raises:
        InputError: the layout is unknown.
    """
    return head() + "".join(section(pictures, layout) for pictures in sentences) + TAIL


def section(pictures: Sequence[Picture], layout: str = "auto") -> str:
    """A sentence on a page: its text as a heading, and its ranked trees side by side.

    Raises:
        InputError: the layout is unknown.
    """
    direction = "rtl" if pictures[0].right_to_left else "ltr"
    heading = f"<h2>{escape(pictures[0].text)}</h2>"
    return f'<section dir="{direction}">\n{heading}\n{figures(pictures, layout)}</section>\n'


def figures(pictures: Sequence[Picture], layout: str = "auto") -> str:
    """The ranked trees of a sentence side by side, each with its table.

    Raises:
        InputError: the layout is unknown.
    """
    return f'<div class="posmoe-trees">\n{"".join(_figure(picture, layout) for picture in pictures)}</div>\n'


def _figure(picture: Picture, layout: str) -> str:
    drawn = svg([[picture]], layout, style=False)
    summary = f"Table of {picture.caption}" if picture.caption else "Table"
    # wide pictures scroll, by the keyboard too, so they take the focus
    scroll = 'class="posmoe-scroll" tabindex="0" role="group" aria-label="Picture"'
    return (
        f'<figure class="posmoe-figure">\n<div {scroll}>{drawn}</div>\n'
        f"<details><summary>{summary}</summary>\n{_table(picture)}</details>\n</figure>\n"
    )


def fragment(sentences: Iterable[Sequence[Picture]], count: int) -> str:
    """Part of a page, such as a notebook: the first sentences, and how many of `count` were left out."""
    shown = "".join(map(section, islice(sentences, MOST)))
    more = f"<p>… and {count - MOST:,} more sentence(s), not drawn here.</p>\n" if count > MOST else ""
    return f"<div>\n<style>{SURROUNDINGS}{STYLE}</style>\n{shown}{more}</div>"


def _table(picture: Picture) -> str:
    """A tree as rows of word, tag, head and relation."""
    forms, tree = picture.forms, picture.tree
    lines = ["".join(f'<th scope="col">{column}</th>' for column in COLUMNS)]
    rows = zip(forms, picture.tags, tree.heads, tree.deprels, strict=True)
    for number, (form, tag, head, deprel) in enumerate(rows, 1):
        above = f"{head} <bdi>{escape(forms[head - 1])}</bdi>" if head else "root"
        cells = (str(number), f"<bdi>{escape(form)}</bdi>", escape(tag), above, escape(deprel))
        lines.append("".join(f"<td>{cell}</td>" for cell in cells))
    return "<table>\n" + "".join(f"<tr>{line}</tr>\n" for line in lines) + "</table>\n"
