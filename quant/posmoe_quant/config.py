"""How a model is quantised: configurations that can be written down and read back."""

from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from typing import Any, ClassVar, Literal, Self

from posmoe_quant.formats import E4M3, E5M2, FLOAT16, INT4, INT8, Format
from posmoe_quant.observers import Observer

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Config:
    """What all configurations say: which layers they change.

    Attributes:
        shared: groups of layer names (shell patterns); the layers of a group read one activation and share its step.
        only: layers that are changed (shell patterns).
        exclude: layers that stay as they are nevertheless.
    """

    KIND: ClassVar[str]

    shared: tuple[tuple[str, ...], ...] = ()
    only: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()

    @property
    def weights(self) -> Format:
        """The format of weights."""
        raise NotImplementedError

    @property
    def inputs(self) -> Format | None:
        """The format of what a layer reads; None leaves it as it is."""
        return None

    @property
    def observing(self) -> Observer | None:
        """How the steps of inputs are found on data; None where nothing has to be found."""
        return None

    def group(self, name: str) -> str:
        """What names the step of a layer: the first pattern of its group, or the layer itself."""
        for patterns in self.shared:
            if _matches(name, patterns):
                return patterns[0]
        return name

    def covers(self, name: str) -> bool:
        """Whether a layer is changed."""
        return _matches(name, self.only) and not _matches(name, self.exclude)

    def to_dict(self) -> dict[str, Any]:
        """JSON that `config_from_dict` reads."""
        return {"kind": self.KIND, "version": VERSION, **asdict(self)}

    @classmethod
    def parse(cls, values: dict[str, Any]) -> Self:
        """The configuration of these values.

        Raises:
            ValueError: a name is unknown.
        """
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise ValueError(f"{cls.KIND}: expected {[f.name for f in fields(cls)]}, got also {unknown}")
        return cls(**{name: _frozen(value) for name, value in values.items()})


@dataclass(frozen=True, kw_only=True)
class Int8Config(Config):
    """INT8 weights with a scale a row, INT8 inputs, INT32 sums.

    Attributes:
        activations: `static` steps found by `calibrate_`, or a `dynamic` one for every word.
    """

    KIND: ClassVar[str] = "int8"

    activations: Literal["static", "dynamic"] = "static"
    observer: Observer = "least_squares"

    @property
    def weights(self) -> Format:
        return INT8

    @property
    def inputs(self) -> Format:
        return INT8

    @property
    def observing(self) -> Observer | None:
        return self.observer if self.activations == "static" else None


@dataclass(frozen=True, kw_only=True)
class Fp8Config(Config):
    """FP8 weights with a scale a row, and FP8 inputs unless `activations` is `none`."""

    KIND: ClassVar[str] = "fp8"

    form: Literal["e4m3", "e5m2"] = "e4m3"
    activations: Literal["static", "dynamic", "none"] = "static"
    observer: Observer = "min_max"

    @property
    def weights(self) -> Format:
        return E4M3 if self.form == "e4m3" else E5M2

    @property
    def inputs(self) -> Format | None:
        return None if self.activations == "none" else self.weights

    @property
    def observing(self) -> Observer | None:
        return self.observer if self.activations == "static" else None


@dataclass(frozen=True, kw_only=True)
class Int4Config(Config):
    """INT4 weights with a scale for every `size` entries of a row; inputs stay as they are.

    Meant for the biaffine scorer, whose weights are most of a quadratic parser.
    """

    KIND: ClassVar[str] = "int4"

    only: tuple[str, ...] = ("arcs.*",)
    size: int = 16

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"int4: expected groups of at least 1 entry, got {self.size}")

    @property
    def weights(self) -> Format:
        return INT4


@dataclass(frozen=True, kw_only=True)
class Float16Config(Config):
    """Weights and inputs as float16, without scales; there is nothing to calibrate or to train."""

    KIND: ClassVar[str] = "float16"

    @property
    def weights(self) -> Format:
        return FLOAT16


@dataclass(frozen=True, kw_only=True)
class BallConfig(Config):
    """Points of the Poincaré ball as INT8 codes with a scale each, inside the Möbius biases."""

    KIND: ClassVar[str] = "ball"

    @property
    def weights(self) -> Format:
        return INT8


KINDS: tuple[type[Config], ...] = (Int8Config, Fp8Config, Int4Config, Float16Config, BallConfig)
CONFIGS = {kind.KIND: kind for kind in KINDS}


def config_from_dict(written: dict[str, Any]) -> Config:
    """Read what `Config.to_dict` wrote.

    Raises:
        ValueError: an unknown kind, version or name.
    """
    values = dict(written)
    kind, version = values.pop("kind", None), values.pop("version", None)
    if kind not in CONFIGS or version != VERSION:
        expected = f"kind {', '.join(CONFIGS)} and version {VERSION}"
        raise ValueError(f"quantisation: expected {expected}, got {kind!r} and {version!r}")
    return CONFIGS[kind].parse(values)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _frozen(value: Any) -> Any:
    """Lists of JSON as the tuples that they were."""
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
