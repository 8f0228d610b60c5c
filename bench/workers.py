"""One system in a process of its own: loads, then parses the whole text each time it is told to.

python bench/workers.py SYSTEM TEXT [MODEL]

Prints a line of JSON when ready, then one for each line read from standard input. Imports nothing of
posmoe's benchmarks, so that a rival's own environment can run it.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

Parse = Callable[[list[str]], int]


def posmoe(model: str, backend: str) -> Parse:
    """Raw text to columns, one thread."""
    import posmoe

    nlp = posmoe.load(model or None, backend=backend)

    def parse(texts: list[str]) -> int:
        return sum(len(document.arrays().heads) for document in nlp.pipe(texts, batch_size=64))

    return parse


def posmoe_conllu(model: str, backend: str) -> Parse:
    """Raw text to CoNLL-U text."""
    import posmoe

    nlp = posmoe.load(model or None, backend=backend)

    def parse(texts: list[str]) -> int:
        words = 0
        for document in nlp.pipe(texts, batch_size=64):
            document.to_conllu()
            words += len(document.arrays().heads)
        return words

    return parse


def spacy(model: str, backend: str) -> Parse:
    """spaCy's tok2vec, tagger and parser, at the batch size that is best for it."""
    import spacy as library

    module = __import__(model or "en_core_web_sm")
    nlp = module.load(exclude=["ner", "lemmatizer", "attribute_ruler", "senter"])
    library.util.fix_random_seed(0)

    def parse(texts: list[str]) -> int:
        return sum(len(document) for document in nlp.pipe(texts, batch_size=512))

    return parse


def udpipe(model: str, backend: str) -> Parse:
    """UDPipe 1: tokenise, tag and parse to CoNLL-U."""
    from ufal.udpipe import Model, Pipeline, ProcessingError

    loaded = Model.load(model)
    pipeline = Pipeline(loaded, "tokenize", Pipeline.DEFAULT, Pipeline.DEFAULT, "conllu")

    def parse(texts: list[str]) -> int:
        assert loaded is not None  # the pipeline only borrows the model
        error = ProcessingError()
        output = pipeline.process("\n\n".join(texts), error)
        return sum(line[:1].isdigit() and "-" not in line.split("\t", 1)[0] for line in output.splitlines())

    return parse


SYSTEMS = {"posmoe": posmoe, "posmoe-conllu": posmoe_conllu, "spacy": spacy, "udpipe": udpipe}


def main() -> None:
    """Load, then parse once a line of standard input."""
    system, text, model, backend = (*sys.argv[1:], "", "")[:4]
    texts = [line for line in Path(text).read_text(encoding="utf-8").splitlines() if line.strip()]
    begin = time.perf_counter()
    parse = SYSTEMS[system](model, backend or "auto")
    loaded = time.perf_counter() - begin
    parse(texts[:20])
    print(json.dumps({"load_s": loaded}), flush=True)
    for _ in sys.stdin:
        begin = time.perf_counter()
        words = parse(texts)
        seconds = time.perf_counter() - begin
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"words": words, "seconds": seconds, "peak_mib": peak}), flush=True)


if __name__ == "__main__":
    main()
