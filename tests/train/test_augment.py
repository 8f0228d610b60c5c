"""Rough text: variants of forms, and what becomes of a batch."""

import numpy as np
import torch

from posmoe_train.augment import VARIANTS, misspelt, roughen, variants

FORMS = ["the", "Dog", "barked", "loudly", ".", "!"]


def test_variants_stand_behind_the_forms_they_come_from() -> None:
    longer, found = variants(FORMS)
    assert longer[: len(FORMS)] == FORMS and len(set(longer)) == len(longer)
    assert [longer[i] for i in found.lower] == [form.lower() for form in FORMS]
    assert [longer[i] for i in found.upper] == [form.upper() for form in FORMS]
    assert found.marks.tolist() == [False] * 4 + [True] * 2
    for i, form in enumerate(FORMS):
        made = {longer[j] for j in found.typos[i]}
        assert (made == {form}) == (len(form) < 4 or not form.isalpha())
    again, same = variants(FORMS)
    assert again == longer and torch.equal(same.typos, found.typos)


def test_a_misspelt_word_keeps_its_first_letter_and_differs_by_one_step() -> None:
    generator = np.random.default_rng(0)
    for _ in range(200):
        made = misspelt("barked", generator)
        assert made[0] == "b" and abs(len(made) - 6) <= 1
        assert sorted(made) == sorted("barked") or len(made) != 6


def test_roughening_keeps_trees_and_nothing_happens_without_a_share() -> None:
    _, found = variants(FORMS)
    words = torch.tensor([[0, 1, 2, 3, 4], [1, 2, 3, 5, 0]] * 200)
    lengths = torch.tensor([5, 4] * 200)
    heads = torch.tensor([[2, 3, 0, 3, 3], [2, 0, 4, 2, 0]] * 200)  # the second sentence's mark heads a word
    torch.manual_seed(3)
    changed, shorter = roughen(words, lengths, heads, found, 1.0)
    assert changed.shape == words.shape and (changed != words).any()
    bare = shorter < lengths
    assert bare[::2].any() and not bare[1::2].any()
    assert torch.equal(changed[bare], words[bare])
    assert (changed == found.upper[words]).all(1).any() and (changed == found.lower[words]).all(1).any()
    assert VARIANTS * len(FORMS) == found.typos.numel()
    same, kept = roughen(words, lengths, heads, found, 1e-9)
    assert torch.equal(same, words) and torch.equal(kept, lengths)
