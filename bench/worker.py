"""One system in a process of its own: loads, then does what each line of standard input asks for.

    python bench/worker.py SYSTEM [MODEL [BACKEND]]        # a JSON object a line in, one a line out
    python bench/worker.py SYSTEM MODEL BACKEND --once     # parses one sentence, prints its peak memory and exits

Imports nothing of posmoe's benchmarks, so that a rival's own environment can run it.
"""

import gc
import json
import re
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

Row = tuple[str, int, str]  # tag, head (0 the root, else from 1), relation
SENTENCE = "The committee that the board of the company appointed last year has not met, and nobody knows why."


class System(Protocol):
    """A parser as the benchmarks use it."""

    packages: tuple[str, ...]
    """Distributions that it needs, their requirements included by name alone."""
    files: tuple[str, ...]
    """Files and folders that it needs besides."""

    def parse(self, texts: list[str], batch: int, threads: int) -> int:
        """Raw text to trees in memory; the number of words."""
        ...

    def conllu(self, texts: list[str]) -> str:
        """Raw text to CoNLL-U, for its accuracy."""
        ...

    def trees(self, sentences: list[list[str]]) -> list[list[Row]]:
        """Trees over given words, for its accuracy."""
        ...


class Bare:
    """Python alone, or with NumPy: the floor for a process's time and memory."""

    packages: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def __init__(self, model: str, backend: str) -> None:
        if model:
            __import__(model)

    def parse(self, texts: list[str], batch: int, threads: int) -> int:
        return 0

    def conllu(self, texts: list[str]) -> str:
        return ""

    def trees(self, sentences: list[list[str]]) -> list[list[Row]]:
        return []


class Posmoe:
    """posmoe, from text to columns."""

    packages: tuple[str, ...] = ("numpy", "click", "rich")

    def __init__(self, model: str, backend: str) -> None:
        import posmoe

        self.nlp = posmoe.load(model or None, backend=backend or "auto")
        bundle = str(self.nlp.bundle.path)
        package = str(Path(posmoe.__file__).parent)
        self.files: tuple[str, ...] = (package,) if bundle.startswith(package) else (package, bundle)
        if self.nlp.engine.name == "onnxruntime":
            self.packages = (*self.packages, "onnxruntime")

    def parse(self, texts: list[str], batch: int, threads: int) -> int:
        documents = self.nlp.pipe(texts, batch_size=batch or 64, threads=threads)
        return sum(len(document.arrays().heads) for document in documents)

    def conllu(self, texts: list[str]) -> str:
        return "".join(document.to_conllu() for document in self.nlp.pipe(texts))

    def profile(self, texts: list[str]) -> dict[str, Any]:
        """Nanoseconds a word by stage, and the processor's counters a word."""
        from posmoe.bench.profile import profile

        found = profile(self.nlp, texts)
        return {"stages": found.stages, "total": found.total, "counters": found.counters}

    def trees(self, sentences: list[list[str]]) -> list[list[Row]]:
        parsed = self.nlp.parse_tokens(sentences)
        return [[(word.upos, word.head, word.deprel) for word in sentence] for sentence in parsed]


class PosmoeConllu(Posmoe):
    """posmoe, from text to CoNLL-U text."""

    def parse(self, texts: list[str], batch: int, threads: int) -> int:
        words = 0
        for document in self.nlp.pipe(texts, batch_size=batch or 64, threads=threads):
            document.to_conllu()
            words += len(document.arrays().heads)
        return words


class Spacy:
    """spaCy's tok2vec, tagger and parser; 64 documents are a good batch for it. `model` is a package or a folder."""

    def __init__(self, model: str, backend: str) -> None:
        import spacy

        self.packages: tuple[str, ...] = ("spacy",)
        self.files: tuple[str, ...] = ()
        left_out = ["ner", "lemmatizer", "attribute_ruler", "senter"]
        if Path(model).is_dir():  # trained on EWT: its morphologizer gives the tags, its tagger would add XPOS
            self.nlp = spacy.load(model, exclude=[*left_out, "tagger"])
            self.files = (model,)
        else:
            self.nlp = __import__(model).load(exclude=left_out)
            self.packages = ("spacy", model)
        self.doc = spacy.tokens.Doc

    def parse(self, texts: list[str], batch: int, threads: int) -> int:
        return sum(len(document) for document in self.nlp.pipe(texts, batch_size=batch or 64, n_process=threads))

    def conllu(self, texts: list[str]) -> str:
        return "".join(
            _block([token for token in sentence if not token.is_space])
            for document in self.nlp.pipe(texts)
            for sentence in document.sents
        )

    def trees(self, sentences: list[list[str]]) -> list[list[Row]]:
        documents = [
            self.doc(self.nlp.vocab, words=words, sent_starts=[i == 0 for i in range(len(words))])
            for words in sentences
        ]
        return [[_row(token) for token in document] for document in self.nlp.pipe(documents, batch_size=256)]

    def weights(self) -> list[list[int]]:
        """Shapes of the weights that are multiplied with: no biases, gains and tables."""
        layers = (layer for name in self.nlp.pipe_names for layer in self.nlp.get_pipe(name).model.walk())
        return [list(layer.get_param("W").shape) for layer in layers if layer.has_param("W")]


def _block(words: list[Any]) -> str:
    """A sentence of spaCy's without its tokens of white space: what hangs on one of those goes to its head."""
    place = {token.i: number for number, token in enumerate(words, 1)}
    lines, root = [], 0
    for number, token in enumerate(words, 1):
        head = token.head
        while head.is_space and head.head.i != head.i:
            head = head.head
        at = 0 if head.i == token.i else place.get(head.i, 0)
        if at == 0:  # a second root can only come from white space that was the first
            at, root = root, root or number
        label = "root" if at == 0 else token.dep_
        lines.append(f"{number}\t{token.text}\t_\t{token.pos_ or 'X'}\t_\t_\t{at}\t{label}\t_\t_\n")
    return "".join([*lines, "\n"]) if lines else ""


def _row(token: Any) -> Row:
    head = 0 if token.head.i == token.i else token.head.i + 1
    return token.pos_ or "X", head, "root" if head == 0 else token.dep_


class Udpipe:
    """UDPipe 1: tokenise, tag and parse to CoNLL-U; it knows neither batches nor threads."""

    packages: tuple[str, ...] = ("ufal.udpipe",)

    def __init__(self, model: str, backend: str) -> None:
        from ufal.udpipe import Model, Pipeline, ProcessingError

        self.model = Model.load(model)  # the pipelines only borrow it
        self.files: tuple[str, ...] = (model,)
        if self.model is None:
            raise SystemExit(f"expected a model of UDPipe at {model}.")
        self.error = ProcessingError()
        self.raw = Pipeline(self.model, "tokenize", Pipeline.DEFAULT, Pipeline.DEFAULT, "conllu")
        self.cut = Pipeline(self.model, "horizontal", Pipeline.DEFAULT, Pipeline.DEFAULT, "conllu")

    def parse(self, texts: list[str], batch: int, threads: int) -> int:
        return sum(1 for _ in _words(self.conllu(texts)))

    def conllu(self, texts: list[str]) -> str:
        return str(self.raw.process("\n\n".join(texts), self.error))

    def trees(self, sentences: list[list[str]]) -> list[list[Row]]:
        lines = "\n".join(" ".join(word.replace(" ", "\u00a0") for word in words) for words in sentences)
        found = _words(str(self.cut.process(lines, self.error)))
        rows = [(columns[3], int(columns[6]), columns[7]) for columns in found]
        ends = iter(rows)
        return [[next(ends) for _ in words] for words in sentences]


def _words(conllu: str) -> Iterator[list[str]]:
    """The columns of the word lines."""
    for line in conllu.splitlines():
        columns = line.split("\t")
        if columns[0].isdigit():
            yield columns


SYSTEMS: dict[str, Callable[[str, str], System]] = {
    "bare": Bare,
    "posmoe": Posmoe,
    "posmoe-conllu": PosmoeConllu,
    "spacy": Spacy,
    "udpipe": Udpipe,
}


def throughput(system: System, ask: dict[str, Any]) -> dict[str, float]:
    """Passes over a text until `seconds` are over: words and seconds of all of them."""
    texts, words, passes = ask["texts"], 0, 0
    begin = time.perf_counter()
    while passes == 0 or time.perf_counter() - begin < ask["seconds"]:
        words += system.parse(texts, ask["batch"], ask["threads"])
        passes += 1
    seconds = time.perf_counter() - begin
    return {"words": words // passes, "seconds": seconds / passes, "peak_mib": peak_mib()}


def latency(system: System, ask: dict[str, Any]) -> dict[str, list[int]]:
    """Nanoseconds of calls with one text each, until `seconds` are over."""
    times: list[int] = []
    end = time.perf_counter() + ask["seconds"]
    while not times or time.perf_counter() < end:
        for text in ask["texts"]:
            begin = time.perf_counter_ns()
            system.parse([text], 1, 1)
            times.append(time.perf_counter_ns() - begin)
    return {"ns": times}


def peak_mib() -> float:
    """Peak resident memory of this process alone: what getrusage says on Linux holds its parent's from before exec."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / (1 << 20)


def sizes(system: System) -> dict[str, float]:
    """MB on disk: `own_mb` what is the system's alone, `install_mb` with everything that it requires."""
    from importlib import metadata

    own = sum(_size(Path(name)) for name in system.files)
    needed: set[str] = set()
    waiting = list(system.packages)
    while waiting:
        name = re.split(r"[^\w.-]", waiting.pop())[0].lower().replace("_", "-")
        if name in needed:
            continue
        try:
            required = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # for another platform or Python
        needed.add(name)
        waiting += [line for line in required if "extra ==" not in line]
    total = own + sum(_distribution_size(name) for name in needed)
    if not isinstance(system, Posmoe):
        own += sum(_distribution_size(name) for name in system.packages)
    return {"own_mb": own / 1e6, "install_mb": total / 1e6}


def _distribution_size(name: str) -> int:
    from importlib import metadata

    files = metadata.files(name) or []
    return sum(path.stat().st_size for path in (Path(str(file.locate())) for file in files) if path.is_file())


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    files = (file for file in path.rglob("*") if "__pycache__" not in file.parts and file.is_file())
    return sum(file.stat().st_size for file in files)


def answer(system: System, ask: dict[str, Any]) -> Any:
    """What one line asks for."""
    if "path" in ask:
        lines = Path(ask["path"]).read_text(encoding="utf-8").splitlines()
        ask["texts"] = [json.loads(line) for line in lines]
    gc.collect()
    if ask["do"] == "throughput":
        return throughput(system, ask)
    if ask["do"] == "latency":
        return latency(system, ask)
    if ask["do"] == "conllu":
        return system.conllu(ask["texts"])
    if ask["do"] == "trees":
        return system.trees(ask["sentences"])
    if ask["do"] == "profile" and isinstance(system, Posmoe):
        return system.profile(ask["texts"])
    if ask["do"] == "weights" and isinstance(system, Spacy):
        return system.weights()
    return sizes(system)


def main() -> None:
    """Load, then answer line by line."""
    name, model, backend, once = (*sys.argv[1:], "", "", "")[:4]
    begin = time.perf_counter()
    system = SYSTEMS[name](model, backend)
    loaded = time.perf_counter() - begin
    system.parse([SENTENCE], 0, 1)
    if once:
        print(json.dumps({"peak_mib": peak_mib()}))
        return
    print(json.dumps({"load_ms": 1000 * loaded}), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(system, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
