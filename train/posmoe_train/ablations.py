"""Ablations: the questions that are asked of a parser, and the runs that answer them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from posmoe_models import ParserConfig
from posmoe_models.flops import flops

NO_SILVER = "no silver trees: the treebank alone"
Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Ablation:
    """One question: a short name, what the table calls it, and the settings that differ from the base.

    `silver` is false where the run reads the treebank alone.
    """

    name: str
    title: str
    settings: Settings
    silver: bool = True


def ablations(base: ParserConfig) -> list[Ablation]:
    """The questions asked of a parser."""
    return [*_mixture(base), *_network(), *_scorer(base), *_wider(base), *_training()]


def _mixture(base: ParserConfig) -> list[Ablation]:
    dense = {"parser.experts": 1, "parser.k": 1, "parser.expert_dim": dense_width(base)}
    return [
        Ablation("k1", "K = 1: one expert a word, hard", {"parser.k": 1}),
        Ablation("k17", "K = 17: every expert for every word", {"parser.k": 17}),
        Ablation("dense", "one dense expert at equal FLOPs, no routing", dense),
        Ablation("hashed", "17 tags hashed to 12 experts", {"parser.experts": 12}),
        Ablation("euclidean", "Euclidean experts", {"parser.geometry": "euclidean"}),
        Ablation("linear-router", "linear router for the CNN", {"parser.router": "linear"}),
    ]


def _network() -> list[Ablation]:
    return [
        Ablation("float32", "float32 for INT8", {"arithmetic": "float32", "quantise_from": 2.0}),
        Ablation("convolution", "convolved context for recurrent", {"parser.context": "convolution"}),
        Ablation("computed-gates", "gates computed, not from the table", {"parser.gates": "computed"}),
        Ablation("bigrams", "rows for pairs of words, and for a word's two neighbours", {"parser.bigrams": 65_536}),
    ]


def _scorer(base: ParserConfig) -> list[Ablation]:
    def candidates(left: int, right: int, hubs: int) -> dict[str, int]:
        return {"parser.left": left, "parser.right": right, "parser.hubs": hubs}

    less, more = base.rank // 2, 2 * base.rank
    return [
        Ablation("biaffine", "biaffine scorer: all pairs", {"parser.scorer": "biaffine"}),
        Ablation("distance", "hyperbolic distance for the dot product", {"parser.similarity": "distance"}),
        Ablation("pair-tags", "pair bias over the two likeliest tags", {"parser.pair_tags": 2}),
        Ablation("rank-less", f"rank {less} of the scorer", {"parser.rank": less}),
        Ablation("rank-more", f"rank {more} of the scorer", {"parser.rank": more}),
        Ablation("few", f"rank {more} for 8 candidates", {"parser.rank": more} | candidates(2, 2, 3)),
        Ablation("many", f"rank {less} for 32 candidates", {"parser.rank": less} | candidates(10, 9, 12)),
        Ablation("near", "candidates: 13 neighbours, 2 hubs", candidates(7, 6, 2)),
        Ablation("far", "candidates: 5 neighbours, 10 hubs", candidates(3, 2, 10)),
        Ablation("window", "hubs of 40 words, not of 80", {"parser.hub_window": 40}),
    ]


def _wider(base: ParserConfig) -> list[Ablation]:
    """Where to spend the next FLOP: one width at a time, a fifth to a half more."""
    widths = {
        "lexical_dim": base.lexical_dim * 4 // 3,
        "context_dim": base.context_dim * 4 // 3,
        "router_dim": base.router_dim * 5 // 4,
        "expert_dim": base.expert_dim * 5 // 4,
        "expert_context_dim": base.expert_context_dim * 3 // 2,
        "label_rank": base.label_rank * 2,
    }
    return [
        Ablation(f"wider-{name}", f"wider: {name} {width} for {getattr(base, name)}", {f"parser.{name}": width})
        for name, width in widths.items()
    ]


def _training() -> list[Ablation]:
    treebank = {"parser.dropout": 0.2, "word_dropout": 0.15, "epochs": 3, "gold_repeat": 98}
    return [
        Ablation("clean", "no roughened silver text", {"augment": 0.0}),
        Ablation("no-trees", "no list-oracle loss", {"loss.trees": 0.0}),
        Ablation("one-answer", "the teachers' likeliest answers alone", {"soft_targets": False}),
        Ablation("gold", NO_SILVER, treebank, silver=False),
        *(
            Ablation(f"silver-{words // 1000}k", f"{words / 1e6:g} million silver words", {"silver_limit": words})
            for words in (300_000, 1_000_000, 3_000_000, 10_000_000, 20_000_000)
        ),
    ]


def dense_width(base: ParserConfig) -> int:
    """Width of a single expert with which a parser costs as many FLOPs as `base`, or just less."""
    limit = flops(base)["total"]

    def cost(width: int) -> int:
        return flops(replace(base, experts=1, k=1, expert_dim=width))["total"]

    return max(width for width in range(base.expert_context_dim, 64 * base.expert_dim) if cost(width) <= limit)


def commands(base: ParserConfig, options: str, out: Path, seeds: int) -> list[str]:
    """Command lines of the base and of every ablation, all of seed 1 first, so that a visit cut short gives a table.

    Args:
        options: common to all; a row without silver trees gets them without `--silver`.
        seeds: the runs have the seeds 1 to `seeds`.
    """
    without = re.sub(r"--silver[ =]\S+ ?", "", options).strip()
    lines = []
    for seed in range(1, seeds + 1):
        for row in [Ablation("base", "", {}), *ablations(base)]:
            common = options if row.silver else without
            chosen = as_options({**row.settings, "seed": seed})
            lines.append(f"posmoe-train student {common} --no-bundle {chosen} --out {out / f'{row.name}-{seed}'}")
    return lines


def as_options(values: Settings) -> str:
    """Settings as `--set` options."""
    texts = ((name, str(value).lower() if isinstance(value, bool) else value) for name, value in values.items())
    return " ".join(f"--set {name}={text}" for name, text in texts)
