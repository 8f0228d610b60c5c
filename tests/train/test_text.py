"""Raw text cut into sentences, block by block."""

import lzma
from pathlib import Path

import numpy as np
import pytest

from posmoe import _core
from posmoe_train.text import tokenised
from posmoe_train.tokenizer import SIZES, empty_spec

TEXT = "one two\nthree\n\nfour five six seven eight nine ten eleven\ntwelve\n"


@pytest.mark.parametrize("block", [1, 3, 7, 8, 20, 1000])
@pytest.mark.parametrize("name", ["raw.txt", "raw.txt.xz"])
def test_every_line_is_read_once_whatever_the_block(name: str, block: int, tmp_path: Path) -> None:
    cut = _core.Tokenizer(empty_spec(), np.zeros(sum(SIZES.values()), np.int8))
    for text in (TEXT, TEXT.rstrip(), "\n" + TEXT):
        path = tmp_path / name
        path.write_bytes(lzma.compress(text.encode()) if path.suffix == ".xz" else text.encode())
        found = [word for sentence in tokenised(cut, [path, path], block) for word in sentence]
        assert found == text.split() * 2
