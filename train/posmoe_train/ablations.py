"""Ablations: which runs to make, and the table that they give, each row with the settings that make it again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from posmoe_models import ParserConfig
from posmoe_models.flops import flops
from posmoe_train.compare import as_markdown, with_spread
from posmoe_train.config import from_dict
from posmoe_train.errors import TrainError
from posmoe_train.runs import Group, Run, difference, grouped

BEGIN, END = "<!-- ablations: written by posmoe-train ablations -->", "<!-- ablations: end -->"
Settings = Mapping[str, Any]


class AblationError(TrainError, ValueError):
    """Runs that give no table, or a page that has no place for it."""


@dataclass(frozen=True)
class Ablation:
    """One question: a short name, what the table calls it, and the settings that differ from the base."""

    name: str
    title: str
    settings: Settings


def ablations(base: ParserConfig) -> list[Ablation]:
    """The questions asked of a parser."""
    dense = {"parser.experts": 1, "parser.k": 1, "parser.expert_dim": dense_width(base)}
    silver = [
        Ablation(f"silver-{words // 1000}k", f"{words / 1e6:g} million silver words", {"silver_limit": words})
        for words in (300_000, 1_000_000, 3_000_000, 10_000_000)
    ]
    return [
        Ablation("k1", "K = 1: one expert a word, hard", {"parser.k": 1}),
        Ablation("k17", "K = 17: every expert for every word", {"parser.k": 17}),
        Ablation("dense", "one dense expert at equal FLOPs, no routing", dense),
        Ablation("hashed", "17 tags hashed to 12 experts", {"parser.experts": 12}),
        Ablation("euclidean", "Euclidean experts", {"parser.geometry": "euclidean"}),
        Ablation("distance", "hyperbolic distance for the dot product", {"parser.similarity": "distance"}),
        Ablation("linear-router", "linear router for the CNN", {"parser.router": "linear"}),
        Ablation("biaffine", "biaffine scorer: all pairs", {"parser.scorer": "biaffine"}),
        Ablation("float32", "float32 for INT8", {"arithmetic": "float32", "quantise_from": 2.0}),
        Ablation("convolution", "convolved context for recurrent", {"parser.context": "convolution"}),
        Ablation("computed-gates", "gates computed, not from the table", {"parser.gates": "computed"}),
        Ablation("bigrams", "rows for pairs of words", {"parser.bigrams": 65_536}),
        Ablation("pair-tags", "pair bias over the two likeliest tags", {"parser.pair_tags": 2}),
        Ablation("clean", "no roughened silver text", {"augment": 0.0}),
        Ablation("no-trees", "no list-oracle loss", {"loss.trees": 0.0}),
        Ablation("one-answer", "the teachers' likeliest answers alone", {"soft_targets": False}),
        *silver,
    ]


def dense_width(base: ParserConfig) -> int:
    """Width of a single expert with which a parser costs as many FLOPs as `base`, or just less."""
    limit = flops(base)["total"]

    def cost(width: int) -> int:
        return flops(replace(base, experts=1, k=1, expert_dim=width))["total"]

    return max(width for width in range(base.expert_context_dim, 64 * base.expert_dim) if cost(width) <= limit)


def commands(base: ParserConfig, options: str, out: Path, seeds: int) -> list[str]:
    """Command lines of the base and of every ablation, for seeds 1 to `seeds`; `options` are common to all."""
    rows = [Ablation("base", "", {}), *ablations(base)]
    lines = []
    for row in rows:
        for seed in range(1, seeds + 1):
            chosen = _settings({**row.settings, "seed": seed})
            lines.append(f"posmoe-train student {options} --no-bundle {chosen} --out {out / f'{row.name}-{seed}'}")
    return lines


def table(runs: Sequence[Run]) -> str:
    """The table in Markdown. The first run and its seeds are the base; every other configuration is a row.

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
            title = "no silver trees: the treebank alone"
        rows.append(_row(title, group, base, parser_config(group), f"`{_settings(changed)}`"))
    rows += _decoding(base)
    return as_markdown(rows)


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
    for score in ("uas", "las"):
        row[score.upper()] = with_spread(group.mean(score), *group.spread(score))
        row[f"Δ {score.upper()}"] = "" if group is base else f"{group.mean(score) - base.mean(score):+.2f}"
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


def _key(settings: Settings) -> frozenset[tuple[str, Any]]:
    return frozenset(settings.items())


def _settings(values: Settings) -> str:
    """Settings as `--set` options."""
    texts = ((name, str(value).lower() if isinstance(value, bool) else value) for name, value in values.items())
    return " ".join(f"--set {name}={text}" for name, text in texts)
