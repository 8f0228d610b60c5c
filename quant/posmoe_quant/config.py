"""How a model is quantised."""

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Int8Config:
    """INT8 weights with a scale a row, INT8 inputs with a static step, INT32 sums.

    Attributes:
        shared: groups of layer names (shell patterns); the layers of a group read one activation and share its step.
        exclude: layers that stay as they are (shell patterns).
    """

    shared: tuple[tuple[str, ...], ...] = ()
    exclude: tuple[str, ...] = ()

    def group(self, name: str) -> str:
        """What names the step of a layer: the first pattern of its group, or the layer itself."""
        for patterns in self.shared:
            if any(fnmatchcase(name, pattern) for pattern in patterns):
                return patterns[0]
        return name

    def excluded(self, name: str) -> bool:
        """Whether a layer stays as it is."""
        return any(fnmatchcase(name, pattern) for pattern in self.exclude)
