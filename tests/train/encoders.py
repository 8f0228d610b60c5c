"""A pretrained encoder of a few hundred weights, under the names of a published MPNet, and teachers trained from it."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordPiece

from posmoe_train.conllu import read_treebank
from posmoe_train.data import gold_corpus, gold_targets, label_set
from posmoe_train.encoder import Encoder
from posmoe_train.examples import Examples
from posmoe_train.teacher import SubWords, TeacherConfig
from posmoe_train.teacher_run import train_teacher

CPU = torch.device("cpu")
CONFIG = TeacherConfig(epochs=3, batch_sentences=4, arc_dim=8, label_dim=4, mixed_layers=2, head_lr=1e-2)

_NAMES = (
    ("word.", "embeddings.word_embeddings."),
    ("position.", "embeddings.position_embeddings."),
    ("norm.", "embeddings.LayerNorm."),
    ("relative.", "encoder.relative_attention_bias."),
    ("layers.", "encoder.layer."),
)
_INNER = (
    (".attention.", ".attention.attn."),
    (".attention_norm.", ".attention.LayerNorm."),
    (".inner.", ".intermediate.dense."),
    (".outer.", ".output.dense."),
    (".norm.", ".output.LayerNorm."),
)


def published(name: str) -> str:
    """What a tensor of `Encoder` is called in the published file."""
    ours, theirs = next(pair for pair in _NAMES if name.startswith(pair[0]))
    rest = name.removeprefix(ours)
    for mine, other in _INNER if ours == "layers." else ():
        if mine in rest:
            return theirs + rest.replace(mine, other)
    return theirs + rest


def write_encoder(folder: Path) -> Path:
    """Write model.safetensors, config.json and a tokenizer.json that cuts words into letters."""
    folder.mkdir(parents=True)
    letters = sorted({*"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.!,"})
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *letters, *(f"##{letter}" for letter in letters)]
    Tokenizer(WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="<unk>")).save(
        str(folder / "tokenizer.json")
    )
    config = {
        "hidden_size": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "vocab_size": len(pieces),
        "max_position_embeddings": 130,
        "relative_attention_num_buckets": 32,
    }
    (folder / "config.json").write_text(json.dumps(config))
    torch.manual_seed(5)
    encoder = Encoder(8, 2, 2, 16, len(pieces), 130)
    tensors = {published(name): value.clone() for name, value in encoder.state_dict().items()}
    save_file(tensors | {"pooler.dense.weight": torch.zeros(8, 8)}, folder / "model.safetensors")
    return folder


def train(config: TeacherConfig, files: tuple[Path, Path], folder: Path) -> dict[str, float]:
    """Train a teacher on an encoder and a treebank; its scores on the same trees."""
    encoder, treebank = files
    gold = read_treebank(treebank)
    corpus, labels = gold_corpus(gold), label_set(gold)
    forms = torch.arange(len(corpus.forms), dtype=torch.int32)[:, None]
    pieces = SubWords.build(corpus.forms, encoder / "tokenizer.json", CPU)
    examples = Examples(corpus, gold_targets(gold, labels), forms, CPU)
    folder.mkdir(parents=True, exist_ok=True)
    return train_teacher(config, encoder, examples, examples, (pieces, pieces), labels, folder)
