"""An engine is tried before it serves: what it says of some sentences must be what the reference says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import EngineError
from ...features import load_features
from ...tokens import words_of_tokens
from .. import Engine

if TYPE_CHECKING:
    from ...bundle import Bundle

# of words, whose tag and best head must be equal: steps between two codes may fall either way, little else may
EQUAL = 0.99
TEXT = """I saw the man with a telescope .
He waved .
Yes
The committee , which had met twice since March , decided to put off the vote until all of the members were back .
What do you think she meant when she said that nobody had ever asked ?
Prices rose by 3.5 % in 2019 and fell again a year later , according to the bank 's own figures .
Please send me the files that we talked about ; I 'll look at them tonight or tomorrow morning .
Ann and Bob , both teachers from Leeds , won .
Not only did the old bridge hold , but the new one , built at great cost , did not .
http://example.org/a?b=c is down :-(
Having read the report , the minister left without answering any of the questions that the press put to her .
It rains .
"""


def sample(bundle: Bundle) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The sentences above as one batch of feature identifiers, and their lengths."""
    sentences = [[(word, (word,), True) for word in line.split()] for line in TEXT.splitlines()]
    look_up = load_features(bundle.manifest["features"], bundle.tensors.view("features.keys"))
    rows = look_up(words_of_tokens(sentences))
    lengths = np.array([len(words) for words in sentences], np.int64)
    features = np.zeros((len(lengths), int(lengths.max()), rows.shape[1]), np.int32)
    features[np.arange(features.shape[1]) < lengths[:, None]] = rows
    return features, lengths


def compare(bundle: Bundle, engine: Engine, reference: Engine) -> float:
    """The share of words whose best tag and best head two engines agree on."""
    features, lengths = sample(bundle)
    real = np.arange(features.shape[1]) < lengths[:, None]
    best = []
    for one in (engine, reference):
        scores = one.scores(features, lengths)
        arcs = np.where(scores.heads >= 0, scores.arcs, -np.inf).argmax(2)
        heads = np.take_along_axis(scores.heads, arcs[..., None], 2)[..., 0]
        best.append((scores.tags.argmax(2)[real], heads[real]))
    return float(np.mean((best[0][0] == best[1][0]) & (best[0][1] == best[1][1])))


def check(bundle: Bundle, engine: Engine, reference: Engine) -> None:
    """Try an engine.

    Raises:
        EngineError: it says other things than the reference.
    """
    share = compare(bundle, engine, reference)
    if not share >= EQUAL:
        raise EngineError(
            f"the {engine.name} engine was tried on {len(TEXT.splitlines())} sentences and is not used: "
            f"{share:.1%} of words have the tag and head of the {reference.name} engine, {EQUAL:.0%} are asked for. "
            f"Take backend={reference.name!r}, and report it with the card, driver and library."
        )
