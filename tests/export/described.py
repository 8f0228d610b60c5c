"""A small INT8 network, and what `export_bundle` asks for beside one."""

from typing import Any

import numpy as np

from posmoe_models import Parser
from posmoe_quant import calibrate_, parser_int8, quantize_
from posmoe_train.conllu import UPOS
from tests.models.sizes import identifiers, small_parser

LABELS = ["a", "b", "c", "d", "e"]
KEYS = np.arange(20, dtype=np.uint32) * 7


def int8_parser() -> Parser:
    """A small parser that trained with the rounding of INT8, its steps found; always the same."""
    parser = small_parser(left=5, right=4, hubs=6, hub_window=80)
    quantize_(parser, parser_int8(parser.config))
    calibrate_(parser, lambda: parser(*identifiers([1, 2, 7, 11, 16, 80, 81, 163])))
    return parser


def about(**changes: Any) -> dict[str, Any]:
    """What `export_bundle` asks for beside the network."""
    described = {"name": "tiny", "version": "0.1.0", "language": "en", "licence": "Apache-2.0"}
    return {
        "tags": list(UPOS),
        "labels": LABELS,
        "keys": KEYS,
        "tokenizer": {
            "version": 1,
            "max_sentence": 10_000,
            "grouped_digits": False,
            "abbreviations": [],
            "endings": [],
            "multiwords": {"don't": ["do", "n't"]},
            "ambiguous": {},
            "suffixes": {},
        },
        "tokenizer_weights": np.zeros(8, np.int8),
        "about": described | {"training_data": []},
    } | changes
