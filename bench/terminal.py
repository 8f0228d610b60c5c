"""The animated picture of the README, from what the command really prints: `python -m bench.terminal`."""

import shlex
import subprocess
import sys
from xml.sax.saxutils import escape

from bench import ROOT

PICTURE = ROOT / "docs" / "images" / "terminal.svg"
COMMANDS = (
    'posmoe parse --format tree "I saw the man with a telescope."',
    'posmoe parse "I don\'t think so."',
)
CELL, LINE, MARGIN = 8.43, 20, 16
TYPING, READING = 0.03, 2.5  # seconds a character, and before the next command
STYLE = """
  text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #d8dee9; white-space: pre }
  .typed { fill: #a3be8c }
  @media (prefers-reduced-motion: no-preference) {
    .line { opacity: 0; animation: show 0.01s forwards }
    @keyframes show { to { opacity: 1 } }
  }
"""


def printed(command: str) -> list[str]:
    """The lines that a command prints.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    _, *arguments = shlex.split(command)
    run = subprocess.run([sys.executable, "-m", "posmoe", *arguments], check=True, capture_output=True, text=True)
    return run.stdout.rstrip("\n").split("\n")


def draw() -> str:
    """The commands, each typed and answered, one below the other."""
    parts: list[str] = []
    row, time, width = 0, 0.5, 0

    def put(text: str, kind: str = "line", column: int = 0) -> None:
        nonlocal width
        width = max(width, column + len(text))
        place = f'x="{MARGIN + column * CELL:.1f}" y="{MARGIN + LINE * (row + 0.75):.0f}"'
        parts.append(
            f'<text class="{kind}" {place} textLength="{len(text) * CELL:.1f}" style="animation-delay: {time:.2f}s">'
            f"{escape(text)}</text>"
        )

    for command in COMMANDS:
        put("$ ")
        for column, character in enumerate(command, 2):
            if character != " ":
                put(character, "line typed", column)
            time += TYPING
        row += 1
        time += 0.3
        for line in printed(command):
            if line:
                put(line.expandtabs())
            row += 1
        row += 1
        time += READING
    size = f'viewBox="0 0 {2 * MARGIN + width * CELL:.0f} {2 * MARGIN + LINE * (row - 1)}"'
    title = "<title>posmoe parse draws a sentence as a tree, and writes another one as CoNLL-U</title>"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}>{title}<style>{STYLE}</style>'
    return "\n".join([head, '<rect width="100%" height="100%" rx="8" fill="#2e3440"/>', *parts, "</svg>", ""])


def main() -> None:
    """Write the picture."""
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main()
