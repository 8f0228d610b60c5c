"""The two libraries behind one adapter: TensorRT, and TensorRT-RTX for the cards of desktops and workstations."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

from ...errors import EngineError, MissingExtraError
from .device import Card

OLDEST = (7, 5)  # compute capability that TensorRT 10 and later serve


class Library(NamedTuple):
    """One of them, imported; both have the same classes."""

    title: str
    module: Any

    @property
    def version(self) -> str:
        """Its version."""
        return str(self.module.__version__)

    @property
    def ahead(self) -> bool:
        """Whether it builds for a card that need not be there, and finishes the kernels when they first run."""
        return hasattr(self.module, "ComputeCapability")

    def capabilities(self) -> list[tuple[int, int]]:
        """The compute capabilities that it builds for, if it names them."""
        names = self.module.ComputeCapability.__members__ if self.ahead else ()
        digits = [name.removeprefix("SM") for name in names if name.startswith("SM")]
        return [(int(text[:-1]), int(text[-1])) for text in digits]

    def serves(self, capability: tuple[int, int]) -> bool:
        """Whether it runs on a card of this compute capability."""
        return capability in self.capabilities() if self.ahead else capability >= OLDEST


class _Known(NamedTuple):
    title: str
    modules: tuple[str, ...]
    install: str


# in the order of preference: where both serve a card, the one that was made for such cards
KNOWN = (
    _Known("TensorRT-RTX", ("tensorrt_rtx", "tensorrt_rtx_bindings"), "pip install 'pos-moe-parser[gpu]'"),
    _Known("TensorRT", ("tensorrt",), "pip install tensorrt cuda-bindings"),
)


def installed() -> list[Library]:
    """The libraries that are here.

    Raises:
        MissingExtraError: none is.
        EngineError: one is, and can't be loaded.
    """
    found = []
    for known in KNOWN:
        name = next((name for name in known.modules if find_spec(name) is not None), None)
        if name is None:
            continue
        try:
            found.append(Library(known.title, import_module(name)))
        except Exception as error:  # a shared library that is missing or of another version
            raise EngineError(f"{known.title} is installed but cannot be loaded: {error}") from error
    if not found:
        raise MissingExtraError("TensorRT", "gpu")
    return found


def serving(card: Card, libraries: list[Library]) -> Library:
    """The library that runs on a card.

    Raises:
        EngineError: none of them does; the message names the other one.
    """
    for library in libraries:
        if library.serves(card.capability):
            return library
    here = " and ".join(f"{library.title} {library.version}" for library in libraries)
    others = [known for known in KNOWN if known.title not in {library.title for library in libraries}]
    advice = " or ".join(f"{known.title} ({known.install})" for known in others)
    raise EngineError(
        f"{here} can't run on {card.name}, compute capability {_dotted(card.capability)}; here it serves "
        f"{', '.join(_dotted(one) for library in libraries for one in library.capabilities()) or 'newer cards'}. "
        + (f"Install {advice}, or take backend='triton' or 'native'." if advice else "Take backend='native'.")
    )


def _dotted(capability: tuple[int, int]) -> str:
    return f"{capability[0]}.{capability[1]}"
