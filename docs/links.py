"""A hook of the site: links from a page to files outside `docs` go to the repository, if it is known."""

import os
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
LINK = re.compile(r"\[([^\]]+)\]\((\.\./[^)#\s]+|[\w./-]+/|[\w./-]+\.(?:json|txt|csv))(#[^)]*)?\)")


def repository() -> str | None:
    """Where the files of `main` are shown, in a workflow of GitHub's, else None."""
    name = os.environ.get("GITHUB_REPOSITORY")
    return f"{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{name}/tree/main" if name else None


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Rewrite a page's links to what is no page; without a known repository their text alone stays.

    Raises:
        FileNotFoundError: a link leads nowhere.
    """
    folder = (DOCS / page.file.src_path).parent

    def replaced(link: re.Match[str]) -> str:
        target = (folder / link[2]).resolve()
        if not target.exists():
            raise FileNotFoundError(f"{page.file.src_path}: {link[2]} is not there")
        if target.is_file() and target.is_relative_to(DOCS):
            return link[0]
        if target.is_dir() and (target / "README.md").is_file() and target.is_relative_to(DOCS):
            return f"[{link[1]}]({link[2].rstrip('/')}/README.md)"
        place = repository()
        return f"[{link[1]}]({place}/{target.relative_to(DOCS.parent)})" if place else link[1]

    return LINK.sub(replaced, markdown)
