"""posmoe: raw text to Universal Dependencies trees.

>>> import posmoe
>>> nlp = posmoe.load()
>>> print(nlp("I saw the man with a telescope.").to_conllu())
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._core import __version__ as __version__
    from .document import Document as Document
    from .document import Sentence as Sentence
    from .document import Token as Token
    from .errors import PosmoeError as PosmoeError
    from .pipeline import Parser as Parser
    from .pipeline import load as load

__all__ = ["Document", "Parser", "PosmoeError", "Sentence", "Token", "__version__", "load"]

_HOMES = {
    "Document": "document",
    "Parser": "pipeline",
    "PosmoeError": "errors",
    "Sentence": "document",
    "Token": "document",
    "__version__": "_core",
    "load": "pipeline",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: NumPy alone takes most of an import's time."""
    if name not in _HOMES:
        raise AttributeError(f"module 'posmoe' has no attribute {name!r}")
    value: object = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
