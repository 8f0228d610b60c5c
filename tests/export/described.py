"""What `export_bundle` asks for beside a small network."""

from typing import Any

import numpy as np

from posmoe_train.conllu import UPOS

LABELS = ["a", "b", "c", "d", "e"]
KEYS = np.arange(20, dtype=np.uint32) * 7


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
