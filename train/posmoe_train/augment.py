"""Rough text from clean text: another case, typing errors, no final mark; the trees stay what they were."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

TYPO_FORMS = 100_000
TYPO_LENGTH = 4
VARIANTS = 2
# of the roughened sentences: lower case, upper case, typing errors, no final mark
SHARES = (0.4, 0.1, 0.35, 0.15)
TYPO_RATE = 0.15
_MARKS = (".", "!", "?", "…", "...")


@dataclass(frozen=True)
class Variants:
    """For each form of a list the indices of its variants in a longer list, which begins with the same forms.

    lower, upper: int32 [forms]. typos: int32 [forms, VARIANTS]; forms that are short, rare or no plain word have
    none and stand for themselves. marks: bool [forms], those that may end a sentence.
    """

    lower: Tensor
    upper: Tensor
    typos: Tensor
    marks: Tensor

    def to(self, device: torch.device) -> "Variants":
        """The same on another device."""
        return Variants(*(column.to(device) for column in (self.lower, self.upper, self.typos, self.marks)))


def variants(forms: Sequence[str], seed: int = 0) -> tuple[list[str], Variants]:
    """Make the variants of forms that are in order of frequency; the same for the same seed.

    Returns:
        the forms with those that came new behind them, and where each form's variants are.
    """
    generator = np.random.default_rng(seed)
    longer = list(forms)
    index = {form: i for i, form in enumerate(longer)}

    def place(form: str) -> int:
        found = index.setdefault(form, len(longer))
        if found == len(longer):
            longer.append(form)
        return found

    lower = [place(form.lower()) for form in forms]
    upper = [place(form.upper()) for form in forms]
    typos = np.repeat(np.arange(len(forms), dtype=np.int32)[:, None], VARIANTS, 1)
    for i, form in enumerate(forms[:TYPO_FORMS]):
        if len(form) >= TYPO_LENGTH and form.isalpha():
            typos[i] = [place(misspelt(form, generator)) for _ in range(VARIANTS)]
    marks = torch.tensor([form in _MARKS for form in forms])
    columns = (torch.tensor(lower, dtype=torch.int32), torch.tensor(upper, dtype=torch.int32))
    return longer, Variants(*columns, torch.from_numpy(typos), marks)


def misspelt(form: str, generator: np.random.Generator) -> str:
    """One typing error: two letters swapped, one left out, or one typed twice; the first letter stays."""
    at = int(generator.integers(1, len(form) - 1))
    kind = int(generator.integers(3))
    if kind == 0:
        return form[:at] + form[at + 1] + form[at] + form[at + 2 :]
    return form[:at] + form[at + 1 :] if kind == 1 else form[:at] + form[at] + form[at:]


def roughen(words: Tensor, lengths: Tensor, heads: Tensor, found: Variants, share: float) -> tuple[Tensor, Tensor]:
    """Roughen a share of the sentences of a batch, drawn anew each time from torch's generator.

    Args:
        words: indices of forms, int64 [batch, time]. lengths: [batch].
        heads: likeliest heads, [batch, time]: a final mark that heads a word stays.
    Returns:
        words and lengths.
    """
    device = words.device
    draw = torch.rand(len(words), device=device) / share
    bounds = torch.tensor(SHARES, device=device).cumsum(0)
    kind = torch.where(draw < 1, torch.bucketize(draw, bounds, right=True), len(SHARES))[:, None]
    wrong = torch.rand(words.shape, device=device) < TYPO_RATE
    which = torch.randint(VARIANTS, words.shape, device=device)
    changed = torch.where(kind == 0, found.lower[words], words)
    changed = torch.where(kind == 1, found.upper[words], changed)
    changed = torch.where((kind == 2) & wrong, found.typos[words, which], changed)
    last = words.gather(1, (lengths - 1).clamp_min(0)[:, None])[:, 0]
    bare = found.marks[last] & ~(heads == lengths[:, None]).any(1) & (lengths > 2)
    return changed, lengths - (bare & (kind[:, 0] == 3)).long()
