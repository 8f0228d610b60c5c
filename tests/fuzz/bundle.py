"""Any bytes as a bundle: refused with one of posmoe's errors, or it loads and parses. Coverage-guided with atheris.

    python -m tests.fuzz.bundle [-runs=N] [-seed=S]        # mutations of the corpus
    python -m tests.fuzz.bundle --atheris [libFuzzer's options and folders]

An input's first byte says what follows: 0 a safetensors file, 1 a zip, 2 changes to a whole bundle's manifest and
tensors, three bytes each, after which its digests are made right again.
"""

import contextlib
import json
import random
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

import posmoe
from posmoe._core import word_hash
from posmoe.errors import BundleError, LongSentenceWarning, PosmoeError
from posmoe.safetensors import SafeTensors
from tests import bundles
from tests.core import network_twin

CORPUS = Path(__file__).parent / "corpus" / "bundle"
VALUES: list[Any] = [
    *(None, True, False, -1, 0, 1, 2, 3, 7, 17, 64, 65, 4096, 65536, 1 << 31, 1 << 63, 1 << 70),
    *(0.5, float("nan"), "", "x", "linear", "int8", "\ud800", "a b", [], {}, [1], ["x"], ["x", "x"], {"x": ["a", "b"]}),
]


def target(data: bytes) -> None:
    """One input; anything but an error of posmoe's is a finding."""
    kind, rest = (data[0] % 3, data[1:]) if data else (0, b"")
    with warnings.catch_warnings(), contextlib.suppress(PosmoeError):
        warnings.simplefilter("ignore", LongSentenceWarning)
        if kind == 0:
            read(rest)
        else:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "fuzz.posmoe"
                if kind == 1:
                    path.write_bytes(rest)
                else:
                    changed(path, rest)
                nlp = posmoe.load(path, backend="native")
                document = nlp("The dog saw a cat, didn't it? Gonna see.")
                assert document.to_conllu() and len(document.arrays().heads) >= 10


def read(data: bytes) -> None:
    """A safetensors file: all tensors lie inside it."""
    tensors = SafeTensors(data, "fuzz")
    for name, entry in tensors.entries.items():
        assert 8 <= entry.begin <= entry.end <= len(data)
        with contextlib.suppress(BundleError):
            assert tensors[name].shape == entry.shape


@cache
def base() -> tuple[str, dict[str, Any]]:
    """A small bundle that the native engine runs: its manifest as JSON, its tensors."""
    shape = network_twin.shape(labels=len(bundles.LABELS), root=bundles.LABELS.index("root"))
    features = {key: size for key, size in bundles.FEATURES.items() if key != "version"}
    shape["rows"] = 2 + sum(features.values())
    tensors = dict(network_twin.tensors(shape))
    tensors["features.keys"] = np.array([word_hash(word) for word in bundles.WORDS], np.uint32)
    tensors["tokenizer.weights"] = np.zeros(0, np.int8)
    manifest = bundles.manifest()
    names = {"cnn": "router", "hyperbolic": "geometry"}
    constants = {key: value for key, value in shape.items() if key not in names}
    constants |= {"scorer": "linear", "similarity": "dot", "router": "cnn", "geometry": "hyperbolic"}
    return json.dumps(manifest | {"constants": constants}), tensors


def changed(path: Path, changes: bytes) -> None:
    """Write the small bundle with changes: which place, which value."""
    text, tensors = base()
    manifest, tensors = json.loads(text), dict(tensors)
    for at in range(0, len(changes) - 2, 3):
        where, which, what = changes[at : at + 3]
        if where % 4 == 0:
            name = sorted(tensors)[which % len(tensors)]
            tensors[name] = altered(tensors[name], what)
            continue
        places = list(slots(manifest))
        holder, key = places[(where * 256 + which) % len(places)]
        holder[key] = deepcopy(VALUES[what % len(VALUES)])
    folder = path.with_suffix(".folder")
    folder.mkdir()
    save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, folder / "weights.safetensors")
    (folder / "model.onnx").write_bytes(b"no graph")
    try:
        bundles.write_manifest(folder, manifest)
    except UnicodeEncodeError:
        return  # the digest of a lone surrogate: not what is looked for
    bundles.zip_bundle(folder, path)
    shutil.rmtree(folder)


def altered(array: Any, what: int) -> Any:
    """A tensor of another shape, type or content."""
    kinds = [
        lambda: array.reshape(-1),
        lambda: array[..., :0],
        lambda: array[:1],
        lambda: array.astype(np.float64),
        lambda: np.full_like(array, np.nan if array.dtype.kind == "f" else 0),
        lambda: np.full_like(array, np.inf if array.dtype.kind == "f" else -128 if array.dtype == np.int8 else 1),
        lambda: np.zeros_like(array),
        lambda: -array if array.dtype.kind == "f" else array[::-1],
    ]
    return kinds[what % len(kinds)]()


def slots(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON value that can be given another one."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(pairs):
        yield value, key
        yield from slots(item)


def mutated(corpus: list[bytes], source: random.Random) -> bytes:
    """An input of the corpus with some bytes changed, added or taken out."""
    data = bytearray(source.choice(corpus))
    for _ in range(source.randint(1, 4)):
        at = source.randint(0, len(data))
        change = source.randrange(3)
        if change == 0:
            data[at:at] = source.randbytes(source.randint(1, 3))
        elif change == 1:
            del data[at : at + source.randint(1, 4)]
        else:
            data[at : at + 1] = source.randbytes(1)
    return bytes(data)


def run(runs: int, seed: int) -> None:
    """The corpus, then mutations of it; the input of a finding is printed."""
    corpus = [path.read_bytes() for path in sorted(CORPUS.iterdir())]
    source = random.Random(seed)
    for number in range(len(corpus) + runs):
        data = corpus[number] if number < len(corpus) else mutated(corpus, source)
        try:
            target(data)
        except BaseException:
            print(f"input {number} (seed {seed}): {data!r}", file=sys.stderr)
            raise


def main() -> None:
    """The command."""
    if "--atheris" in sys.argv:
        import atheris

        atheris.instrument_all()
        atheris.Setup([argument for argument in sys.argv if argument != "--atheris"], target)
        atheris.Fuzz()
        return
    options = dict(argument.lstrip("-").split("=") for argument in sys.argv[1:])
    runs, seed = int(options.get("runs", 0)), int(options.get("seed", 1))
    run(runs, seed)
    print(f"{len(list(CORPUS.iterdir()))} inputs and {runs} mutations passed")


if __name__ == "__main__":
    main()
