"""Counting right words: padding doesn't count, a label only with its head, subtypes as their relation."""

import torch

from posmoe_train.conllu import Sentence
from posmoe_train.data import gold_targets
from posmoe_train.examples import Batch
from posmoe_train.tally import Tally


def test_by_hand() -> None:
    # two sentences of three and one words; padding is 0 everywhere, and predicted right there
    wide = torch.zeros(2, 3, 1, dtype=torch.long)
    heads = torch.tensor([[2, 0, 2], [0, 0, 0]])
    labels = torch.tensor([[0, 2, 1], [2, 0, 0]])
    tags = torch.tensor([[5, 3, 5], [1, 0, 0]])
    gold = {name: values[..., None] for name, values in (("heads", heads), ("labels", labels), ("tags", tags))}
    batch = Batch(torch.zeros(2, 3, 6), torch.tensor([3, 1]), head_p=wide, label_p=wide, tag_p=wide, **gold)
    tally = Tally(["nmod", "nmod:poss", "root"], torch.device("cpu"))
    found_heads = torch.tensor([[2, 0, 1], [0, 0, 0]])  # the third word is wrong
    found_labels = torch.tensor([[1, 0, 1], [2, 0, 0]])  # a subtype, a wrong one, right under a wrong head, right
    found_tags = torch.tensor([[5, 3, 5], [2, 0, 0]])  # the last is wrong
    tally.add(batch, found_heads, found_labels, found_tags)
    assert tally.scores() == {"uas": 75.0, "las": 50.0, "upos": 75.0}


def test_nothing_counted_is_no_division_by_zero() -> None:
    assert Tally(["root"], torch.device("cpu")).scores() == {"uas": 0.0, "las": 0.0, "upos": 0.0}


def test_relations_that_training_never_saw_are_wrong_unless_their_universal_relation_is_known() -> None:
    words = Sentence(["a"] * 4, ["X"] * 4, [0, 1, 1, 1], ["root", "nmod:poss", "nmod:tmod", "vocative"], [])
    labels = ["nmod:poss", "root"]
    targets = gold_targets([words], labels)
    assert targets.labels[:, 0].tolist() == [1, 0, 0, 2]
    wide = torch.zeros(1, 4, 1, dtype=torch.long)
    heads, gold = (torch.from_numpy(column).long()[None, :, :1] for column in (targets.heads, targets.labels))
    batch = Batch(torch.zeros(1, 4, 6), torch.tensor([4]), heads, wide, gold, wide, wide, wide)
    tally = Tally(labels, torch.device("cpu"))
    tally.add(batch, heads[..., 0], torch.tensor([[1, 0, 0, 0]]), wide[..., 0])
    assert tally.scores()["las"] == 75.0
