"""Ablations: which runs to make, and the table that they give, each row with the settings that make it again."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path
from typing import Any

from posmoe_models import ParserConfig
from posmoe_models.flops import flops
from posmoe_train.compare import as_markdown, with_spread
from posmoe_train.config import from_dict
from posmoe_train.errors import TrainError
from posmoe_train.runs import Group, Run, difference, grouped

NO_SILVER = "no silver trees: the treebank alone"
BEGIN, END = "<!-- ablations: written by posmoe-train ablations -->", "<!-- ablations: end -->"
Settings = Mapping[str, Any]


class AblationError(TrainError, ValueError):
    """Runs that give no table, or a page that has no place for it."""


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
            chosen = _settings({**row.settings, "seed": seed})
            lines.append(f"posmoe-train student {common} --no-bundle {chosen} --out {out / f'{row.name}-{seed}'}")
    return lines


def table(runs: Sequence[Run]) -> str:
    """The table in Markdown. The first run and its seeds are the base; every other configuration is a row.

    Differences are between means over the seeds that both have. Below the table stands what a seed alone changes.

    Raises:
        AblationError: there is no other configuration.
    """
    base, *others = grouped(replace(run, name="") for run in runs)
    if not others:
        raise AblationError("ablations: expected runs of at least two configurations, the base first")
    parser = parser_config(base)
    titles = {_key(row.settings): row.title for row in ablations(parser)}
    rows = [_row("the base", base, base, parser, "")]
    for group in others:
        changed = difference(base.runs[0].config, group.runs[0].config)
        title = titles.get(_key(changed)) or ", ".join(f"{name} = {value}" for name, value in changed.items())
        if group.runs[0].silver_words == 0 and base.runs[0].silver_words:
            title = NO_SILVER
        rows.append(_row(title, group, base, parser_config(group), f"`{_settings(changed)}`"))
    rows += _decoding(base)
    return "\n\n".join(filter(None, [as_markdown(rows), _noise([base, *others])]))


def write_table(text: str, page: Path) -> None:
    """Put the table into a page, between two comments; a page that isn't there is begun.

    Raises:
        AblationError: the page has no such comments.
    """
    found = page.read_text(encoding="utf-8") if page.is_file() else f"# Ablations\n\n{BEGIN}\n{END}\n"
    before, begin, rest = found.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise AblationError(f"{page}: expected the lines {BEGIN!r} and {END!r}, between which the table goes")
    draft = page.with_name(page.name + ".part")
    draft.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
    draft.replace(page)


def parser_config(group: Group) -> ParserConfig:
    """The parser that a configuration's runs trained."""
    run = group.runs[0]
    return from_dict(ParserConfig, run.record["config"]["parser"], str(run.path))


def _row(title: str, group: Group, base: Group, parser: ParserConfig, settings: str) -> dict[str, Any]:
    row: dict[str, Any] = {"": title, "seeds": len(group.runs), "FLOPs / 20 words": f"{flops(parser)['total']:,}"}
    seeds = {run.seed for run in group.runs}
    paired = Group("", [run for run in base.runs if run.seed in seeds] or base.runs)
    for score in ("uas", "las"):
        row[score.upper()] = with_spread(group.mean(score), *group.spread(score))
        row[f"Δ {score.upper()}"] = "" if group is base else f"{group.mean(score) - paired.mean(score):+.2f}"
    return row | {"UPOS": with_spread(group.mean("upos"), *group.spread("upos")), "settings": settings}


def _decoding(base: Group) -> list[dict[str, Any]]:
    """The base without the tree search, where its runs were scored both ways."""
    if not all({"dev_greedy", "dev_trees"} <= run.scores.keys() for run in base.runs):
        return []
    runs = [replace(run, scores={"dev_greedy": run.scores["dev_greedy"]}) for run in base.runs]
    trees = [replace(run, scores={"dev_trees": run.scores["dev_trees"]}) for run in base.runs]
    greedy = Group("greedy", runs)
    row = _row("likeliest heads without the tree search", greedy, Group("", trees), parser_config(base), "")
    return [row]


def _noise(groups: Sequence[Group]) -> str:
    """What the choice of a seed changes, pooled over the configurations with several; empty where there are none."""
    several = [group for group in groups if len(group.runs) > 1]
    if not several:
        return ""
    free = sum(len(group.runs) - 1 for group in several)

    def deviation(score: str) -> float:
        return sqrt(sum((run.best[score] - group.mean(score)) ** 2 for group in several for run in group.runs) / free)

    uas, las = deviation("uas"), deviation("las")
    return (
        f"The standard deviation of one seed, pooled over the rows, is {uas:.2f} UAS and {las:.2f} LAS: that of the "
        f"difference of two means of three seeds is {uas * sqrt(2 / 3):.2f} and {las * sqrt(2 / 3):.2f}."
    )


def _key(settings: Settings) -> frozenset[tuple[str, Any]]:
    return frozenset(settings.items())


def _settings(values: Settings) -> str:
    """Settings as `--set` options."""
    texts = ((name, str(value).lower() if isinstance(value, bool) else value) for name, value in values.items())
    return " ".join(f"--set {name}={text}" for name, text in texts)
