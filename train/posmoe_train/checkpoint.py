"""A trained parser on disk: weights with INT8 table rows, and what they belong to."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from posmoe_models import Parser, ParserConfig
from posmoe_models.lexicon import quantise_rows
from posmoe_quant import is_calibrated, is_quantised, parser_int8, quantize_, round_
from posmoe_train.config import from_dict
from posmoe_train.errors import CheckpointError
from posmoe_train.run import write_json

FORMAT = 2
_TABLE = "lexicon.table"


@dataclass
class Student:
    """A parser with its label set and the keys of its words."""

    parser: Parser
    labels: list[str]
    keys: NDArray[np.uint32]
    scores: dict[str, float]


def save_student(student: Student, folder: Path) -> None:
    """Write `student.safetensors` and `student.json`; the table's rows are rounded to INT8."""
    from safetensors.torch import save_file

    tensors = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in student.parser.state_dict().items()
    }
    codes, scale = quantise_rows(tensors.pop(_TABLE))
    tensors |= {"lexicon.codes": codes, "lexicon.scale": scale, "features.keys": torch.from_numpy(student.keys)}
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / "student.safetensors.part"
    save_file(tensors, draft)
    draft.replace(folder / "student.safetensors")
    config = asdict(student.parser.config)
    write_json(
        folder / "student.json",
        {
            "format": FORMAT,
            "arithmetic": "int8" if is_quantised(student.parser) else "float32",
            "config": config,
            "labels": student.labels,
            "dev": student.scores,
        },
    )


def load_student(folder: Path) -> Student:
    """Read what `save_student` wrote; the table holds the rounded rows, as float32."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / "student.json"
    if not path.is_file():
        raise CheckpointError(f"{folder}: expected student.json and student.safetensors; train a student first")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{path}: cut short or altered ({error}); train it again") from error
    if found.get("format") != FORMAT:
        raise CheckpointError(f"{path}: expected format {FORMAT}, got {found.get('format')}; train it again")
    try:
        tensors = load_file(folder / "student.safetensors")
    except (SafetensorError, FileNotFoundError) as error:
        raise CheckpointError(f"{folder / 'student.safetensors'}: missing, cut short or altered ({error})") from error
    try:
        keys = tensors.pop("features.keys").numpy()
        tensors[_TABLE] = tensors.pop("lexicon.codes").float() * tensors.pop("lexicon.scale")[:, None]
        parser = Parser(from_dict(ParserConfig, found["config"], str(path)))
        if found["arithmetic"] == "int8":
            quantize_(parser, parser_int8(parser.config))
        parser.load_state_dict(tensors)
        if is_calibrated(parser):
            round_(parser)
    except (KeyError, RuntimeError) as error:
        raise CheckpointError(f"{folder}: student.json and student.safetensors don't fit together ({error})") from error
    return Student(parser.eval(), found["labels"], keys, found["dev"])
