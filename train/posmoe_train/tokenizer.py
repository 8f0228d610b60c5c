"""Train a tokeniser (cuts, multiword tokens, sentence boundaries) on a treebank; docs/tokenizer.md says what is learned.

python -m posmoe_train.tokenizer --train X.conllu[.xz] --dev Y.conllu[.xz] --out DIR
"""

import argparse
import json
import lzma
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posmoe._core import Tokenizer, Words

TOKEN, SENTENCE, MULTIWORD = 1, 2, 4  # bits of a guide
Spec = dict[str, Any]


@dataclass
class Token:
    """A surface token: its form, its words (one, unless it is a multiword token), white space behind it."""

    form: str
    words: list[str]
    space_after: bool = True


@dataclass
class Sentence:
    """A sentence's tokens and whether a document or a paragraph begins with it."""

    tokens: list[Token] = field(default_factory=list)
    new_document: bool = False
    new_paragraph: bool = False


def read_sentences(path: Path) -> list[Sentence]:
    """Read a CoNLL-U file, xz-compressed or not; empty nodes are skipped."""
    sentences: list[Sentence] = []
    current, end = Sentence(), 0
    opened = lzma.open(path, "rt", encoding="utf-8") if path.suffix == ".xz" else path.open(encoding="utf-8")
    with opened as lines:
        for line in lines:
            line = line.rstrip("\n")
            if not line:
                if current.tokens:
                    sentences.append(current)
                current, end = Sentence(), 0
            elif line.startswith("#"):
                current.new_document |= line.startswith("# newdoc")
                current.new_paragraph |= line.startswith("# newpar")
            else:
                columns = line.split("\t")
                number, form = columns[0], columns[1]
                space = "SpaceAfter=No" not in columns[9].split("|")
                if "-" in number:
                    current.tokens.append(Token(form, [], space))
                    end = int(number.split("-")[1])
                elif "." not in number and int(number) <= end:
                    current.tokens[-1].words.append(form)
                elif "." not in number:
                    current.tokens.append(Token(form, [form], space))
    return sentences + [current] if current.tokens else sentences


@dataclass
class Raw:
    """Raw text and where its gold tokens (spans, sentence numbers, whether multiword) are."""

    text: str
    spans: list[tuple[int, int]]
    sentence: list[int]
    tokens: list[Token]

    def guide(self) -> NDArray[np.uint8]:
        """Mark where tokens and sentences begin, as Tokenizer.follow reads it."""
        guide = np.zeros(len(self.text), np.uint8)
        for i, ((start, _), token) in enumerate(zip(self.spans, self.tokens, strict=True)):
            first = i == 0 or self.sentence[i] != self.sentence[i - 1]
            guide[start] = TOKEN | SENTENCE * first | MULTIWORD * (len(token.words) > 1)
        return guide


def raw_text(sentences: Sequence[Sentence], rng: np.random.Generator | None = None) -> Raw:
    """Join sentences to raw text as UD's .txt files do: paragraphs by a blank line, sentences by a space.

    With `rng` every document gets line breaks at random: lines wrapped at a width, sentences on lines of their own,
    or paragraphs parted by a single line break.
    """
    parts: list[str] = []
    spans, numbers, tokens = [], [], []
    length = column = width = 0
    mode = "plain"
    before: Token | None = None
    for number, sentence in enumerate(sentences):
        new_block = sentence.new_document or sentence.new_paragraph
        if rng is not None and (number == 0 or sentence.new_document or rng.random() < 0.02):
            mode = str(rng.choice(["wrapped", "lines", "paragraphs"]))
            width = int(rng.integers(40, 110))
        for i, token in enumerate(sentence.tokens):
            if before is None:
                gap = ""
            elif i == 0 and new_block:
                gap = "\n" if mode == "paragraphs" and not sentence.new_document else "\n\n"
            elif not before.space_after:
                gap = ""
            elif (mode == "wrapped" and column + 1 + len(token.form) > width) or (i == 0 and mode == "lines"):
                gap = "\n"
            else:
                gap = " "
            column = column + len(gap) if "\n" not in gap else 0
            parts += (gap, token.form)
            start = length + len(gap)
            length = start + len(token.form)
            column += len(token.form)
            spans.append((start, length))
            numbers.append(number)
            tokens.append(token)
            before = token
    return Raw("".join(parts), spans, numbers, tokens)


def lowered(raw: Raw) -> Raw:
    """The same in lower case, where that keeps the number of characters."""
    text = "".join(c.lower() if len(c.lower()) == 1 else c for c in raw.text)
    return Raw(text, raw.spans, raw.sentence, raw.tokens)


def with_rarities(sentences: Sequence[Sentence], abbreviations: Sequence[str], rng: np.random.Generator) -> list[Sentence]:
    """Copies of a third of the sentences with something put in that treebanks hold too little of.

    Emoticons, amounts of money, @mentions, #tags, names of files and hosts; and abbreviations are swapped, so that
    the list of them is learned from and not each of them alone.
    """
    result = []
    swaps = set(abbreviations)
    for i in rng.permutation(len(sentences))[: -(-len(sentences) // 3)]:
        tokens = [Token(t.form, t.words, t.space_after) for t in sentences[i].tokens]
        tokens[-1].space_after = True
        for token in tokens:
            if fold(token.form) in swaps and len(token.words) == 1:
                form = abbreviations[rng.integers(len(abbreviations))]
                token.form = form.capitalize() if token.form[0].isupper() else form
                token.words = [token.form]
        names = [t.form for t in tokens if t.form.isalpha()]
        at = int(rng.integers(0, len(tokens) + 1))
        while 0 < at < len(tokens) and not tokens[at - 1].space_after:
            at += 1
        tokens[at:at] = _rarity(names, rng)
        if at > 0 and tokens[at].form in EMOTICONS and not tokens[at].form[0].isalpha():
            tokens[at - 1].space_after = bool(rng.random() < 0.8)
        result.append(Sentence(tokens, new_paragraph=bool(rng.random() < 0.2)))
    return result


def _rarity(names: Sequence[str], rng: np.random.Generator) -> list[Token]:
    kind = int(rng.integers(5))
    if kind == 0 or not names:
        form = EMOTICONS[rng.integers(len(EMOTICONS))]
    elif kind == 1:
        sign, number = "$€£¥"[rng.integers(4)], str(rng.integers(1, 1000))
        return [Token(sign, [sign], False), Token(number, [number])]
    else:
        form = names[rng.integers(len(names))]
        form = (form, form.lower(), form.capitalize(), form.upper())[rng.integers(4)]
        form = "@#"[rng.integers(2)] + form if kind == 2 else f"{form}.{ENDINGS[rng.integers(len(ENDINGS))]}"
    return [Token(form, [form])]


def fold(text: str) -> str:
    """Fold a form about as the core does: lower case and one kind of apostrophe."""
    return text.lower().translate(str.maketrans("‘’`´", "''''"))


def learn_abbreviations(sentences: Iterable[Sentence]) -> list[str]:
    """Forms of letters that end in a point, seen twice or more."""
    counts = Counter(
        fold(t.form)
        for s in sentences
        for t in s.tokens
        if len(t.form) > 1 and t.form.endswith(".") and any(c.isalpha() for c in t.form) and len(t.form) <= 12
    )
    return sorted(form for form, n in counts.items() if n >= 2 and " " not in form)


def learn_grouped_digits(sentences: Iterable[Sentence]) -> bool:
    """Whether numbers such as 10 000 are one token more often than two."""
    one = two = 0
    for sentence in sentences:
        for t, after in zip(sentence.tokens, [*sentence.tokens[1:], Token("", [])], strict=True):
            one += re.fullmatch(r"\d{1,3}([ \u00a0\u202f]\d{3})+", t.form) is not None
            two += t.space_after and bool(re.fullmatch(r"\d{1,3}", t.form) and re.fullmatch(r"\d{3}", after.form))
    return one > two


def learn_multiwords(sentences: Iterable[Sentence]) -> tuple[dict[str, list[str]], dict[str, list[str]], dict[str, list[str]]]:
    """Learn (always, ambiguous, suffixes): forms that are multiword tokens always or sometimes, and productive ends."""
    splits: dict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
    totals: Counter[str] = Counter()
    for sentence in sentences:
        for token in sentence.tokens:
            form = fold(token.form)
            totals[form] += 1
            if len(token.words) > 1:
                splits[form][tuple(fold(w) for w in token.words)] += 1
    suffixes = _learn_suffixes(splits, totals)
    always, ambiguous = {}, {}
    for form, counts in sorted(splits.items()):
        words, n = counts.most_common(1)[0]
        if n >= 0.97 * totals[form]:
            end = next((e for k in range(1, len(form)) if (e := form[k:]) in suffixes), None)
            if end is not None and words == (form[: -len(end)] + suffixes[end][0], *suffixes[end][1:]):
                continue
            always[form] = list(words)
        elif n >= 0.01 * totals[form] and " " not in form:
            ambiguous[form] = list(words)
    return always, ambiguous, suffixes


def _learn_suffixes(splits: dict[str, Counter[tuple[str, ...]]], totals: Counter[str]) -> dict[str, list[str]]:
    """Ends of forms that make a multiword token of nearly every form that has them, five forms or more."""
    makes: dict[str, set[str]] = defaultdict(set)
    for form, counts in splits.items():
        words = counts.most_common(1)[0][0]
        if len(words) == 2 and "".join(words) == form:
            makes[words[1]].add(form)
    suffixes = {}
    for end, forms in sorted(makes.items()):
        if len(forms) < 5:
            continue
        others = {f for f in totals if f.endswith(end) and len(f) > len(end) and f not in forms}
        if len(forms) >= 0.85 * (len(forms) + len(others)):
            suffixes[end] = ["", end]
    return suffixes


def learn_closed(lessons: Sequence[dict[str, Any]], rate: float = 0.001) -> list[int]:
    """Kinds of places, seen 200 times or more, where a sentence hardly ever ends: there the splitter doesn't ask."""
    places = np.concatenate([lesson["places"] for lesson in lessons])
    answers = np.concatenate([lesson["boundary"][1] for lesson in lessons])
    seen = np.bincount(places)
    ends = np.bincount(places, answers, len(seen))
    return [int(place) for place in np.flatnonzero((seen >= 200) & (ends <= rate * seen))]


def fit(features: NDArray[np.uint32], answers: NDArray[np.uint8], size: int, *, seed: int, epochs: int = 8,
        decay: float = 1e-5, rate: float = 0.02) -> tuple[NDArray[np.int8], int]:
    """Fit a logistic regression over hashed features (Adam, averaged) and round it to int8; returns (weights, bias)."""
    rng = np.random.default_rng(seed)
    n = len(answers)
    w, bias = np.zeros(size + 1), 0.0
    if n == 0 or answers.min() == answers.max():
        return np.zeros(size, np.int8), 0 if n and answers.max() else -1
    slots = np.concatenate([features.astype(np.int64), np.full((n, 1), size)], axis=1)
    width = slots.shape[1]
    first, second = np.zeros(size + 1), np.zeros(size + 1)
    mean, steps, step = np.zeros(size + 1), 0, 0
    batch = min(1024, max(64, n // 20))
    total = epochs * -(-n // batch)
    for epoch in range(epochs):
        order = rng.permutation(n)
        for at in range(0, n, batch):
            rows = order[at : at + batch]
            picked = slots[rows]
            p = 1 / (1 + np.exp(-np.clip(w[picked].sum(1), -30, 30)))
            error = (p - answers[rows]) / len(rows)
            gradient = np.bincount(picked.ravel(), np.repeat(error, width), size + 1) + decay * w
            step += 1
            first += 0.1 * (gradient - first)
            second += 0.001 * (gradient**2 - second)
            scale = rate * (1 - step / (total + 1)) * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
            w -= scale * first / (np.sqrt(second) + 1e-8)
            if epoch >= epochs // 2:
                steps += 1
                mean += (w - mean) / steps
    unit = 127 / np.quantile(np.abs(mean[:size][mean[:size] != 0]), 0.9995)
    weights = np.clip(np.round(mean[:size] * unit), -127, 127).astype(np.int8)
    return weights, int(np.round(mean[size] * unit))


FEATURES = {"cut": 28, "multiword": 16, "boundary": 32}  # of the core
EMOTICONS = (
    ":) :-) ;) ;-) :( :-( :D :-D ;D :P :-P ;P :p :-p :/ :-/ :\\ :-\\ :| :-| :o :-o :O :-O :* :-* :'( :'-( :] :[ =) =( =D =P "
    "8) 8-) XD xD X-D <3 </3 ^^ ^_^ -_- o_O O_o >:( >:) :3 (: (-: ): D: :)) :))) :(( ;)) <(^_^> T_T \\o/ :-)) :S :-S :@ :$ :X"
).split()
ENDINGS = (
    "com org net edu gov mil int info biz name io ai app dev tv me uk us eu de fr es it nl be ch at ca au nz jp cn in ru "
    "br za se no dk fi pl cz pt gr ie kr mx "
    "txt pdf doc docx xls xlsx ppt pptx csv tsv rtf odt htm html php asp aspx jsp xml json yaml yml md tex log ini cfg "
    "jpg jpeg png gif bmp svg tif tiff mp3 mp4 wav avi mov mpg mpeg zip tar gz rar exe dll bat sh py js ts cpp java css sql"
).split()


def empty_spec(sizes: dict[str, int]) -> Spec:
    """A specification that knows nothing yet."""
    tables = {name: {"size": size, "bias": 0, "features": FEATURES[name]} for name, size in sizes.items()}
    return {"version": 1, "max_sentence": 10000, "grouped_digits": False, "abbreviations": [], "endings": ENDINGS, "multiwords": {}, "ambiguous": {}, "suffixes": {}, "closed": [],
            "tables": tables}


SIZES = {"cut": 32768, "multiword": 8192, "boundary": 32768}


def train_tokenizer(sentences: Sequence[Sentence], *, seed: int = 0, abbreviations: Iterable[str] = (), sizes: dict[str, int] = SIZES,
                    verbose: bool = False) -> tuple[Spec, NDArray[np.int8]]:
    """Learn a tokeniser's specification and weights from a treebank's sentences; the same for the same seed."""
    spec = empty_spec(sizes)
    spec["abbreviations"] = sorted({*learn_abbreviations(sentences), *abbreviations})
    spec["grouped_digits"] = learn_grouped_digits(sentences)
    spec["multiwords"], spec["ambiguous"], spec["suffixes"] = learn_multiwords(sentences)
    rng = np.random.default_rng(seed)
    plain, broken = raw_text(sentences), raw_text(sentences, rng)
    no_weights = np.zeros(sum(sizes.values()), np.int8)
    blank = Tokenizer(spec, no_weights)
    spec["closed"] = learn_closed([blank.follow(r.text, r.guide()) for r in (plain, broken)])
    blank = Tokenizer(spec, no_weights)
    extra = raw_text(with_rarities(sentences, spec["abbreviations"], rng))
    lessons = [blank.follow(r.text, r.guide()) for r in (plain, broken, lowered(plain), extra)]
    lessons[-1]["boundary"] = tuple(part[:0] for part in lessons[-1]["boundary"])  # there, no sentence is natural
    parts = []
    for name in sizes:
        features = np.concatenate([lesson[name][0] for lesson in lessons])
        answers = np.concatenate([lesson[name][1] for lesson in lessons])
        weights, bias = fit(features, answers, sizes[name], seed=seed)
        spec["tables"][name]["bias"] = bias
        parts.append(weights)
        if verbose:
            print(f"{name}: {len(answers)} decisions, {int(answers.sum())} yes", file=sys.stderr)
    return spec, np.concatenate(parts)


def evaluate(tokenizer: Tokenizer, sentences: Sequence[Sentence]) -> dict[str, float]:
    """F1 (%) of tokens, words and sentences of the raw text, by spans; a multiword token's words also by their forms."""
    raw = raw_text(sentences)
    words = tokenizer(raw.text)
    gold_words = {
        (*span, k, w.lower()) if len(t.words) > 1 else span
        for span, t in zip(raw.spans, raw.tokens, strict=True)
        for k, w in enumerate(t.words)
    }
    gold_sentences = set(_sentence_spans(raw.spans, raw.sentence))
    spans = list(zip(words.token_start.tolist(), words.token_end.tolist(), strict=True))
    per_token = np.bincount(words.token, minlength=len(spans))
    forms = words.forms()
    system_words, i = set(), 0
    for span, n in zip(spans, per_token.tolist(), strict=True):
        for k in range(n):
            system_words.add((*span, k, forms[i + k].lower()) if n > 1 else span)
        i += n
    numbers = np.searchsorted(words.sentences, np.concatenate([[0], np.cumsum(per_token)])[:-1], "right")
    system_sentences = set(_sentence_spans(spans, numbers.tolist()))
    return {
        "tokens": _f1(set(raw.spans), set(spans)),
        "words": _f1(gold_words, system_words),
        "sentences": _f1(gold_sentences, system_sentences),
    }


def _sentence_spans(spans: Sequence[tuple[int, int]], numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for i, (_, end) in enumerate(spans):
        if i + 1 == len(spans) or numbers[i + 1] != numbers[i]:
            yield spans[start][0], end
            start = i + 1


def _f1(gold: set[Any], system: set[Any]) -> float:
    return round(200 * len(gold & system) / max(1, len(gold) + len(system)), 3)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, write spec.json and weights.npy, and print the scores on the development part."""
    parser = argparse.ArgumentParser(prog="posmoe_train.tokenizer", description=__doc__)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--dev", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--abbreviations", type=Path, help="more abbreviations, one a line, each with its point")
    options = parser.parse_args(arguments)
    more = options.abbreviations.read_text(encoding="utf-8").split() if options.abbreviations else []
    spec, weights = train_tokenizer(
        read_sentences(options.train), seed=options.seed, abbreviations=more, verbose=True
    )
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "spec.json").write_text(json.dumps(spec, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    np.save(options.out / "weights.npy", weights)
    print(json.dumps(evaluate(Tokenizer(spec, weights), read_sentences(options.dev))))


if __name__ == "__main__":
    main()
