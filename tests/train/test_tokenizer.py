"""Training the tokeniser: on a small treebank of our own, and on the shared ones."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from posmoe._core import Tokenizer
from posmoe.tokens import load_tokenizer
from posmoe_train.cli import main
from posmoe_train.conllu import Sentence, Token, raw_text, read_treebank, to_conllu
from posmoe_train.linear import fit
from posmoe_train.tokenizer import evaluate, sentences_of, train_tokenizer
from posmoe_train.tokenizer_rules import (
    learn_abbreviations,
    learn_closed,
    learn_grouped_digits,
    learn_multiwords,
)
from posmoe_train.tokenizer_text import Block, Surface, blocks_of, raw_of, with_rarities
from tests.paths import shared


def block(text: str, **new: bool) -> Block:
    """A sentence written as tokens: "_" ends one that no space follows, "+" is between words of a token."""
    tokens = []
    for part in text.split(" "):
        words = part.removesuffix("_").split("+")
        tokens.append(Surface("".join(words), words, not part.endswith("_")))
    return Block(tokens, **new)


def sentence(text: str, newdoc: bool = False, newpar: bool = False) -> Sentence:
    forms: list[str] = []
    tokens = []
    for t in block(text).tokens:
        tokens.append(Token(t.form, len(forms), len(forms) + len(t.words), t.space_after))
        forms += t.words
    n = len(forms)
    line = "".join(t.form + " " * t.space_after for t in tokens).strip()
    heads, relations = [0] + [1] * (n - 1), ["root"] + ["dep"] * (n - 1)
    return Sentence(forms, ["X"] * n, heads, relations, tokens, text=line, newdoc=newdoc, newpar=newpar)


SMALL = [
    sentence("I do+n't see it_ .", newdoc=True),
    sentence("Mr. Brown is+n't here_ , he left_ ."),
    sentence("Did Mr. Green ask you_ ?"),
    sentence("It is a well_ -_ known house_ .", newpar=True),
    sentence("We can+not go_ , or ca+n't we_ ?"),
    sentence("No_ !"),
    sentence("They did+n't and would+n't_ .", newpar=True),
    sentence("He paid 20_ %_ ."),
] * 30


def test_raw_text_is_built_as_the_treebank_is_written() -> None:
    raw = raw_of(blocks_of(SMALL))
    assert raw.text + "\n" == raw_text(SMALL)
    forms = [raw.text[start:end] for start, end in raw.spans]
    assert forms == [token.form for s in SMALL for token in s.tokens]
    assert raw.sentence == [i for i, s in enumerate(SMALL) for _ in s.tokens]


def test_guide_marks_tokens_sentences_and_multiwords() -> None:
    raw = raw_of([block("I do+n't_ ."), block("So_ !", new_paragraph=True)])
    assert raw.text == "I don't.\n\nSo!"
    assert raw.guide().tolist() == [3, 0, 5, 0, 0, 0, 0, 1, 0, 0, 3, 0, 1]
    assert raw.lowered().text == "i don't.\n\nso!"


@pytest.mark.parametrize("seed", range(3))
def test_line_breaks_change_nothing_but_white_space(seed: int) -> None:
    raw = raw_of(blocks_of(SMALL), np.random.default_rng(seed))
    assert raw.text.split() == raw_text(SMALL).split()
    assert [raw.text[a:b] for a, b in raw.spans] == [t.form for s in SMALL for t in s.tokens]
    assert all(raw.text[a:b].isspace() or a == b for (_, a), (b, _) in pairwise(raw.spans))


def test_rarities_keep_the_words_that_were_there() -> None:
    blocks = blocks_of(SMALL)
    changed = with_rarities(blocks, ["mr."], np.random.default_rng(1))
    assert len(changed) == 80
    known = {" ".join(t.form for t in b.tokens) for b in blocks}
    shorter = 0
    for new in changed:
        forms = [t.form for t in new.tokens]
        left = [" ".join(forms[:i] + forms[i + n :]) for n in (1, 2) for i in range(len(forms) - n + 1)]
        shorter += any(text in known for text in left)
    assert shorter == 80
    assert [t.form for b in blocks for t in b.tokens] == [t.form for s in SMALL for t in s.tokens]


def test_rules_are_learned_from_counts() -> None:
    blocks = [block("des+x Mr. a"), block("its Mr. b etc."), block("it+s"), block("its"), block("its x")]
    assert learn_abbreviations(blocks) == ["mr."]
    assert learn_multiwords(blocks) == ({"desx": ["des", "x"]}, {"its": ["it", "s"]}, {})
    always, ambiguous, suffixes = learn_multiwords(blocks_of(SMALL))
    assert (always, ambiguous) == ({"cannot": ["can", "not"]}, {})
    assert suffixes == {"n't": ["", "n't"]}
    grouped = Block([Surface("10 000", ["10 000"])])
    assert learn_grouped_digits([grouped, grouped, block("10 000")])
    assert not learn_grouped_digits([grouped, block("10 000"), block("10 000")])


def test_closed_places_are_frequent_and_never_end_a_sentence() -> None:
    kinds = np.repeat(np.array([3, 5, 9], np.uint32), [1000, 1000, 10])
    answers = np.zeros(len(kinds), np.uint8)
    answers[1000:1100] = 1
    assert learn_closed([(kinds, answers)]) == [3]


def test_fit_separates_and_without_examples_stays_silent() -> None:
    rng = np.random.default_rng(0)
    features = rng.integers(0, 64, (400, 3)).astype(np.uint32)
    answers = (features[:, 0] < 20).astype(np.uint8)
    features[:, 1] += 64
    features[:, 2] += 128
    weights, bias = fit(features, answers, 192, seed=0, epochs=60)
    found = weights[features].astype(int).sum(1) + bias >= 0
    assert (found == answers.astype(bool)).mean() > 0.97
    for constant, sign in ((0, -1), (1, 0)):
        weights, bias = fit(features, np.full(400, constant, np.uint8), 192, seed=0)
        assert bias == sign
        assert not weights.any()


def test_small_treebank_is_learned_and_training_is_deterministic() -> None:
    sizes = {"cut": 4096, "multiword": 256, "boundary": 4096}
    spec, weights = train_tokenizer(SMALL, sizes=sizes)
    tokenizer = load_tokenizer(json.loads(json.dumps(spec)), weights)
    scores = evaluate(tokenizer, SMALL).f1()
    assert min(scores["tokens"], scores["words"], scores["sentences"]) > 99.5
    assert tokenizer("He shouldn't ask Mr. Brown, or you!").forms() == [
        "He",
        "should",
        "n't",
        "ask",
        "Mr.",
        "Brown",
        ",",
        "or",
        "you",
        "!",
    ]
    again, same = train_tokenizer(SMALL, sizes=sizes)
    assert again == spec
    assert np.array_equal(same, weights)


def test_sentences_of_words_can_be_written_and_read() -> None:
    spec, weights = train_tokenizer(SMALL)
    found = sentences_of(Tokenizer(spec, weights)(raw_text(SMALL)))
    assert [s.forms for s in found[:3]] == [s.forms for s in SMALL[:3]]
    assert [[t.form for t in s.tokens] for s in found[:3]] == [[t.form for t in s.tokens] for s in SMALL[:3]]


def test_command_writes_a_tokenizer_and_prints_scores(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    treebank = tmp_path / "small.conllu"
    treebank.write_text("".join(map(to_conllu, SMALL)), encoding="utf-8")
    options = ["--train", str(treebank), "--dev", str(treebank), "--out", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", ["posmoe-train", "tokenizer", *options])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["tokens"] > 99
    spec = json.loads((tmp_path / "out" / "spec.json").read_text(encoding="utf-8"))
    assert len(load_tokenizer(spec, np.load(tmp_path / "out" / "weights.npy"))("A b.")) == 3


CASES = [
    ("I don't think you cannot.", "I do n't think you can not ."),
    ("I'm gonna go, aren't we?", "I 'm gon na go , are n't we ?"),
    ("John's dog isn’t Mary’s.", "John 's dog is n’t Mary ’s ."),
    ("a well-known 15-year-old house", "a well - known 15 - year - old house"),
    ("It costs $5.00 or 1,000.50 dollars.", "It costs $ 5.00 or 1,000.50 dollars ."),
    ("We met at 10:30 on 3/4/2005.", "We met at 10:30 on 3/4/2005 ."),
    ("Mr. Smith lives in the U.S. now.", "Mr. Smith lives in the U.S. now ."),
    (
        "Write to me@site.co.uk, or see http://www.site.com/a-b.",
        "Write to me@site.co.uk , or see http://www.site.com/a-b .",
    ),
    ("Open the file report.pdf (now)!", "Open the file report.pdf ( now ) !"),
    ("Great :-) see you ;)", "Great :-) see you ;)"),
    ('"Well," she said, "go..."', '" Well , " she said , " go ... "'),
    ("black and/or white, 50% off", "black and / or white , 50 % off"),
]


@pytest.fixture(scope="module")
def english() -> Tokenizer:
    spec, weights = train_tokenizer(read_treebank(shared("data", "ewt", "train.conllu.xz")))
    return load_tokenizer(spec, weights)


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_conventions_of_english_ewt(english: Tokenizer, text: str, expected: str) -> None:
    assert english(text).forms() == expected.split()


def test_english_ewt_dev(english: Tokenizer) -> None:
    scores = evaluate(english, read_treebank(shared("data", "ewt", "dev.conllu.xz"))).f1()
    assert scores["tokens"] > 99.2
    assert scores["words"] > 99.0
    assert scores["sentences"] > 86


def test_english_sentences_survive_line_breaks_and_lower_case(english: Tokenizer) -> None:
    wrapped = "This is the first line of a\nlonger text. It goes on and\non, as mails do."
    assert len(english(wrapped).sentences) == 3
    assert len(english(wrapped.lower()).sentences) == 3


@pytest.mark.parametrize(
    ("treebank", "words", "sentences"),
    [("French-Sequoia", 98.8, 83.0), ("Uyghur-UDT", 99.5, 72.0), ("Afrikaans-AfriBooms", 99.4, 99.0)],
)
def test_other_treebanks(treebank: str, words: float, sentences: float) -> None:
    train, dev = (read_treebank(shared("data", "ud", treebank, f"{part}.conllu.xz")) for part in ("train", "dev"))
    scores = evaluate(Tokenizer(*train_tokenizer(train)), dev).f1()
    assert scores["words"] > words
    assert scores["sentences"] > sentences
