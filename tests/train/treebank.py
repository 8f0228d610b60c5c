"""A treebank of a few sentences of our own, for training that takes a second."""

from pathlib import Path

from posmoe_train.student_config import StudentConfig
from tests.models.sizes import SMALL

# form, tag, head, relation
_SENTENCES = [
    "Birds/NOUN/2/nsubj sing/VERB/0/root ./PUNCT/2/punct",
    "The/DET/2/det cat/NOUN/3/nsubj sleeps/VERB/0/root on/ADP/6/case the/DET/6/det chair/NOUN/3/obl ./PUNCT/3/punct",
    "She/PRON/2/nsubj reads/VERB/0/root old/ADJ/4/amod books/NOUN/2/obj",
    "Go/VERB/0/root !/PUNCT/1/punct",
    "Yes/INTJ/0/root",
    "We/PRON/2/nsubj met/VERB/0/root Ada/PROPN/2/obj and/CCONJ/5/cc Bo/PROPN/3/conj in/ADP/7/case Rome/PROPN/2/obl",
    "A/DET/3/det small/ADJ/3/amod dog/NOUN/4/nsubj barked/VERB/0/root twice/ADV/4/advmod ./PUNCT/4/punct",
    "They/PRON/4/nsubj will/AUX/4/aux not/PART/4/advmod come/VERB/0/root",
]

CONFIG = StudentConfig(parser=SMALL, epochs=2, batch_words=16, lr=1e-2, seed=3)


def write_treebank(path: Path, repeat: int = 1) -> Path:
    """Write the sentences, each as often as said."""
    blocks = []
    for number, sentence in enumerate(_SENTENCES * repeat):
        rows = [word.rsplit("/", 3) for word in sentence.split()]
        lines = [f"{i}\t{f}\t_\t{t}\t_\t_\t{h}\t{r}\t_\t_" for i, (f, t, h, r) in enumerate(rows, 1)]
        blocks.append("\n".join([f"# sent_id = {number}", *lines]) + "\n\n")
    path.write_text("".join(blocks), encoding="utf-8")
    return path
