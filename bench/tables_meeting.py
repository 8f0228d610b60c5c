"""Tables of the guide's pages on spaCy and on clusters, from the figures of `in_spacy.py` and `cluster.py`."""

from bench import results
from bench.markdown import table

PRICE = 0.05  # US dollars a core-hour
TERABYTE = 1e12
BYTES_A_WORD = (
    4_685_038 / 970_717
)  # of the long text of reviews: its UTF-8, and words as its rows in throughput.csv have
SMALL = "en_core_web_sm: tagger and parser"


def spacy_table() -> str:
    """Words a second of pipelines, on documents and on single sentences."""
    rows = results.latest("spacy")
    documents, sentences = (
        {row["pipeline"]: row for row in rows if row["text"].startswith(kind)} for kind in ("heldout", "sentences")
    )
    base = float(documents[SMALL]["p50"]) if documents else 1
    body = [
        [name, *_speed(row), *_speed(sentences[name]), f"{float(row['p50']) / base:.1f}"]
        for name, row in documents.items()
    ]
    return table(["pipeline", "documents", "spread", "sentences", "spread", "× en_core_web_sm"], body)


def spacy_stages_table() -> str:
    """Nanoseconds a word of the steps inside spaCy."""
    body = [[row["stage"], f"{int(row['ns_a_word']):,}"] for row in results.latest("spacy_stages")]
    return table(["step", "ns a word"], body)


def spacy_accuracy_table() -> str:
    """F1 on running text through spaCy."""
    columns = ("words", "sentences", "upos", "uas", "las")
    body = [
        [row["pipeline"], *(f"{float(row[name]):.1f}" for name in columns)] for row in results.latest("spacy_accuracy")
    ]
    return table(["pipeline on running text", "words", "sentences", "UPOS", "UAS", "LAS"], body)


def cluster_table() -> str:
    """Words a second by engine and number of workers."""
    body = [[row["engine"], row["workers"], row["model"], *_speed(row)] for row in results.latest("cluster")]
    return table(["engine", "workers", "model", "words/s", "spread"], body)


def terabyte_table() -> str:
    """Core-hours and cost of a terabyte, at the speed of the last comparison by threads."""
    words = TERABYTE / BYTES_A_WORD
    body = []
    for row in results.latest("throughput", case="threads"):
        speed = float(row["p50"]) / int(row["threads"])
        hours = words / speed / 3600
        body.append([row["system"], row["threads"], f"{speed:,.0f}", f"{hours:,.0f}", f"${hours * PRICE:,.2f}"])
    return table(["model", "cores", "words/s a core", "core-hours a TB", f"at ${PRICE}"], body)


def tables() -> list[str]:
    """All of them that have figures."""
    found = (spacy_table(), spacy_stages_table(), spacy_accuracy_table(), cluster_table(), terabyte_table())
    return [one for one in found if one.count("\n") > 2]


def _speed(row: results.Row) -> tuple[str, str]:
    return f"{int(row['p50']):,}", f"{int(row['p20']):,}–{int(row['p80']):,}"
