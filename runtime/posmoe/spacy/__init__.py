"""posmoe inside spaCy: the component `posmoe` and the tokeniser `posmoe.Tokenizer.v1`. Needs the extra `spacy`.

spaCy finds both by entry points: `nlp.add_pipe("posmoe")` needs no import of this package.
"""

from ..errors import MissingExtraError

try:
    import spacy as _spacy  # noqa: F401
except ImportError:
    raise MissingExtraError("spaCy", "spacy") from None

from .component import Component as Component
from .component import make_component as make_component
from .tokenizer import Tokenizer as Tokenizer
from .tokenizer import make_tokenizer as make_tokenizer

__all__ = ["Component", "Tokenizer", "make_component", "make_tokenizer"]
