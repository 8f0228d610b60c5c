"""The CoNLL 2018 scores, against cases worked out by hand and against an independent scorer."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from posmoe.evaluation.metrics import Score, evaluate, evaluate_words
from posmoe.evaluation.treebank import Sentence, Token, read_treebank, to_conllu
from tests.paths import shared


def sentence(words: str, *ranges: tuple[str, int, int]) -> Sentence:
    """Words as `form/UPOS/head/deprel`; ranges (surface form, first word, last word) count from 1."""
    forms, upos, heads, deprels = map(list, zip(*(word.split("/") for word in words.split()), strict=True))
    tokens = {start: Token(form, start - 1, end) for form, start, end in ranges}
    covered = {i for _, start, end in ranges for i in range(start, end + 1)}
    tokens |= {i: Token(form, i - 1, i) for i, form in enumerate(forms, 1) if i not in covered}
    return Sentence(forms, upos, [int(h) for h in heads], deprels, [tokens[i] for i in sorted(tokens)])


def test_equal_words_with_wrong_tag_head_and_label() -> None:
    # 5 words. UPOS: `old` is wrong: 4 of 5. Heads: `old` hangs on 4, not 3: 4 of 5.
    # Labels among the right heads: `the` is `dep`, not `det`; `sat` and `man` are right; the subtype of
    # `mine` (nmod:poss against nmod) does not count: 3 of 5.
    gold = sentence("the/DET/3/det old/ADJ/3/amod man/NOUN/4/nsubj sat/VERB/0/root mine/PRON/4/nmod:poss")
    system = sentence("the/DET/3/dep old/NOUN/4/amod man/NOUN/4/nsubj sat/VERB/0/root mine/PRON/4/nmod")
    result = evaluate([gold], [system])
    assert result.f1() == {"tokens": 100, "sentences": 100, "words": 100, "upos": 80, "uas": 80, "las": 60}
    assert evaluate_words([gold], [system.upos], [system.heads], [system.deprels]) == {
        "upos": 80,
        "uas": 80,
        "las": 60,
    }


def test_a_split_token_loses_its_word_and_its_dependents() -> None:
    # Gold `e-mail me now`, spans 0-6, 6-8, 8-11; the system cuts `e-mail` into `e-` 0-2 and `mail` 2-6.
    # Tokens: 2 common of gold 3 and system 4: precision 50, recall 66.7, F1 4/7.
    # Words: the same two, `me` and `now`. Both have their tags right: UPOS 2.
    # Gold heads: e-mail is root; me → e-mail; now → me. System: mail is root; me → mail; now → me.
    # me's system head `mail` is aligned with nothing, so wrong; now's is `me`, aligned with `me`: UAS 1.
    gold = sentence("e-mail/VERB/0/root me/PRON/1/obj now/ADV/2/advmod")
    system = sentence("e-/X/2/dep mail/VERB/0/root me/PRON/2/obj now/ADV/3/advmod")
    result = evaluate([gold], [system])
    assert result.tokens == Score(2, 3, 4)
    assert result.words == Score(2, 3, 4)
    assert result.upos == Score(2, 3, 4, 2)
    assert result.uas == result.las == Score(1, 3, 4, 2)
    assert result.tokens.precision == 50
    assert result.tokens.recall == pytest.approx(200 / 3)
    assert result.tokens.f1 == pytest.approx(400 / 7)
    assert result.uas.aligned_accuracy == 50
    assert result.words.aligned_accuracy is None


def test_other_sentences_over_the_same_words() -> None:
    # Gold: `a b` | `c` with spans 0-2 and 2-3. System: `a` | `b c`, spans 0-1 and 1-3. No span in common.
    # All three words align. Gold heads: a root, b → a, c root. System: a root, b → c, c root.
    # a and c are right (root and root); b is wrong: UAS 2 of 3.
    gold = [sentence("a/X/0/root b/X/1/dep"), sentence("c/X/0/root")]
    system = [sentence("a/X/0/root"), sentence("b/X/2/dep c/X/0/root")]
    result = evaluate(gold, system)
    assert result.sentences == Score(0, 2, 2)
    assert result.words == Score(3, 3, 3)
    assert result.uas == Score(2, 3, 3, 3)


def test_multiword_token_against_plain_tokens() -> None:
    # Gold: don't = do n't (span 0-5 for both words), go 5-7. System: do 0-2, n't 2-5, go 5-7, no range.
    # Tokens: only `go` is common: 1 of 2 and 3. The region 0-5 of the gold range holds both system words;
    # the forms are equal, so they align: 3 words. Heads: do → go, n't → go, go root on both sides: UAS 3.
    gold = sentence("do/AUX/3/aux n't/PART/3/advmod go/VERB/0/root", ("don't", 1, 2))
    system = sentence("do/AUX/3/aux n't/PART/3/advmod go/VERB/0/root")
    result = evaluate([gold], [system])
    assert result.tokens == Score(1, 2, 3)
    assert result.words == Score(3, 3, 3)
    assert result.las == Score(3, 3, 3, 3)


def test_multiword_region_aligns_the_longest_common_subsequence_ignoring_case() -> None:
    # One token `vámonosal` on both sides (span 0-9). Gold words: Vamos nos a el. System words: vamos a la el.
    # The longest common subsequence in lower case: vamos, a, el: 3 words of 4 and 4.
    # Heads, gold: vamos root; nos, a, el → 1. System: vamos root; a → 1; la → 1; el → 2 (a).
    # vamos: root, right. a → vamos on both: right. el: gold vamos, system a: wrong. UAS 2.
    gold = sentence("Vamos/X/0/root nos/X/1/a a/X/1/a el/X/1/a", ("vámonosal", 1, 4))
    system = sentence("vamos/X/0/root a/X/1/a la/X/1/a el/X/2/a", ("vámonosal", 1, 4))
    result = evaluate([gold], [system])
    assert result.tokens == Score(1, 1, 1)
    assert result.words == Score(3, 4, 4)
    assert result.uas == Score(2, 4, 4, 3)


def test_overlapping_multiword_tokens_form_one_region() -> None:
    # Characters abcdef. Gold: token abc = words x y (0-3), def plain (3-6).
    # System: ab plain (0-2), token cde = words y z (2-5), f plain (5-6).
    # 0-3 and 2-5 overlap: region 0-5. Gold words inside: x, y (def, 3-6, sticks out). System words inside:
    # ab, y, z. Common: y. Outside, def 3-6 and f 5-6 have other spans. So one word of 3 and 4.
    gold = sentence("x/X/0/root y/X/1/a def/X/1/a", ("abc", 1, 2))
    system = sentence("ab/X/0/root y/X/1/a z/X/1/a f/X/1/a", ("cde", 2, 3))
    result = evaluate([gold], [system])
    assert result.tokens == Score(0, 2, 3)
    assert result.words == Score(1, 3, 4)
    # y's gold head x and system head ab are not aligned with each other.
    assert result.uas == Score(0, 3, 4, 1)


def test_white_space_inside_tokens_does_not_count() -> None:
    # `10 000` (a form with a space) spans 0-5, as does `10` 0-2 and `000` 2-5 together.
    one = Sentence(["10 000"], ["NUM"], [0], ["root"], [Token("10 000", 0, 1)])
    assert evaluate([one], [sentence("10000/NUM/0/root")]).las == Score(1, 1, 1, 1)
    assert evaluate([one], [sentence("10/NUM/0/root 000/NUM/1/flat")]).words == Score(0, 1, 2)


def test_nothing_scores_zero() -> None:
    assert evaluate([], []).f1() == dict.fromkeys(["tokens", "sentences", "words", "upos", "uas", "las"], 0)


def test_other_text_is_refused() -> None:
    with pytest.raises(ValueError, match=r"differ at character 1 .*expected 'b', found 'c'"):
        evaluate([sentence("ab/X/0/root")], [sentence("ac/X/0/root")])
    with pytest.raises(ValueError, match=r"differ at character 2 .*expected '', found 'c'"):
        evaluate([sentence("ab/X/0/root")], [sentence("abc/X/0/root")])


def test_other_numbers_of_words_are_refused() -> None:
    gold = sentence("a/X/0/root b/X/1/dep")
    with pytest.raises(ValueError, match="sentence 0: expected 2 words, found 2, 1, 2"):
        evaluate_words([gold], [gold.upos], [[0]], [gold.deprels])


def perturb(treebank: list[Sentence], rng: random.Random) -> list[Sentence]:
    """Change tags, heads and relations; cut and join words, multiword tokens and sentences."""
    out: list[Sentence] = []
    for gold in treebank:
        forms: list[str] = []
        upos: list[str] = []
        heads: list[int] = []
        deprels: list[str] = []
        tokens: list[Token] = []
        for token in gold.tokens:
            words = gold.forms[token.start : token.end]
            if len(words) > 1 and rng.random() < 0.3:  # the range is missed
                words = [token.form]
            elif len(words) == 1 and len(token.form) > 2 and rng.random() < 0.05:  # a range is made up
                words = [token.form[:1], token.form[1:], "x"][: rng.choice([2, 3])]
            pieces = [(token.form, words)]
            if len(words) == 1 and len(token.form) > 1 and rng.random() < 0.05:  # cut in two plain tokens
                pieces = [(token.form[:1], [token.form[:1]]), (token.form[1:], [token.form[1:]])]
            if tokens and rng.random() < 0.03:  # joined with the token before
                before = tokens.pop()
                words = forms[before.start :] + words
                del forms[before.start :]
                pieces = [(before.form + token.form, words)]
            for form, inner in pieces:
                tokens.append(Token(form, len(forms), len(forms) + len(inner), token.space_after))
                forms += [w.upper() if rng.random() < 0.05 else w for w in inner]
        n = len(forms)
        for i in range(n):
            known = i < len(gold)
            upos.append(gold.upos[i] if known and rng.random() < 0.9 else "X")
            heads.append(gold.heads[i] if known and gold.heads[i] <= n and rng.random() < 0.9 else (i and 1))
            deprels.append(gold.deprels[i] if known and rng.random() < 0.9 else "dep:sub")
        if out and rng.random() < 0.05:  # joined with the sentence before
            last = out.pop()
            shift = len(last)
            heads = last.heads + [h + shift if h else 1 for h in heads]
            tokens = last.tokens + [Token(t.form, t.start + shift, t.end + shift, t.space_after) for t in tokens]
            forms, upos, deprels = last.forms + forms, last.upos + upos, last.deprels + deprels
        out.append(Sentence(forms, upos, heads, deprels, tokens))
    return out


@pytest.mark.parametrize("seed", range(3))
def test_perturbed_ewt_agrees_with_an_independent_scorer(tmp_path: Path, seed: int) -> None:
    scorer = shared("tools", "score.py")
    gold = read_treebank(shared("data", "ewt", "dev.conllu.xz"))
    system = perturb(gold, random.Random(seed))
    for name, sentences in (("gold", gold), ("system", system)):
        (tmp_path / name).write_text("".join(map(to_conllu, sentences)), encoding="utf-8")
    command = [sys.executable, str(scorer), str(tmp_path / "gold"), str(tmp_path / "system")]
    theirs = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    ours = evaluate(gold, system).f1()
    assert ours == pytest.approx({name: theirs[name] for name in ours}, abs=6e-4)  # theirs has three decimals
    assert 20 < ours["las"] < 80
