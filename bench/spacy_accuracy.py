"""Accuracy of a spaCy pipeline on a treebank's gold tokens, by the definitions of posmoe's own table.

SPACY_PYTHON bench/spacy_accuracy.py PIPELINE DEV.conllu[.xz]

Runs in spaCy's environment and imports nothing of posmoe. Appends a row to bench/results/peers_accuracy.csv.
"""

import csv
import lzma
import sys
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "peers_accuracy.csv"
Row = list[str]


def sentences(path: Path) -> list[list[Row]]:
    """The word lines of each sentence, without ranges and empty nodes."""
    raw = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
    blocks = raw.decode("utf-8").strip().split("\n\n")
    lines = [[line.split("\t") for line in block.split("\n") if line[:1] != "#"] for block in blocks]
    return [[row for row in block if row[0].isdigit()] for block in lines]


def main() -> None:
    """Parse, score, append."""
    import spacy
    from spacy.tokens import Doc

    nlp = spacy.load(sys.argv[1])
    gold = sentences(Path(sys.argv[2]))
    documents = []
    for sentence in gold:
        starts = [i == 0 for i in range(len(sentence))]
        documents.append(Doc(nlp.vocab, words=[row[1] for row in sentence], sent_starts=starts))
    words = tags = heads = labels = 0
    for sentence, document in zip(gold, nlp.pipe(documents, batch_size=256), strict=True):
        for row, token in zip(sentence, document, strict=True):
            head = 0 if token.head.i == token.i else token.head.i + 1
            label = "root" if head == 0 else token.dep_.partition(":")[0].lower()
            words += 1
            tags += row[3] == token.pos_
            heads += int(row[6]) == head
            labels += int(row[6]) == head and row[7].partition(":")[0] == label
    scores = [round(100 * count / words, 2) for count in (tags, heads, labels)]
    RESULTS.parent.mkdir(exist_ok=True)
    new = not RESULTS.exists()
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(["date", "system", "treebank", "words", "upos", "uas", "las"])
        system = f"spaCy {spacy.__version__} {Path(sys.argv[1]).name}"
        writer.writerow([datetime.now(UTC).date().isoformat(), system, Path(sys.argv[2]).name, words, *scores])
    print(dict(zip(("upos", "uas", "las"), scores, strict=True)))


if __name__ == "__main__":
    main()
