"""The table of ablations: how each configuration differs from the base, and the settings that make its runs again."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import sqrt
from pathlib import Path
from statistics import fmean
from typing import Any

from posmoe_models import ParserConfig
from posmoe_models.flops import flops
from posmoe_train.ablations import NO_SILVER, Settings, ablations, as_options
from posmoe_train.compare import as_markdown, with_spread
from posmoe_train.config import from_dict
from posmoe_train.errors import TrainError
from posmoe_train.runs import Group, Run, difference, grouped

CUT_SHORT = "Runs that stopped early, against the base at the same step, by likeliest heads without the tree search:"
BEGIN, END = "<!-- ablations: written by posmoe-train ablations -->", "<!-- ablations: end -->"
Titles = Mapping[frozenset[tuple[str, Any]], str]


class AblationError(TrainError, ValueError):
    """Runs that give no table, or a page that has no place for it."""


def table(runs: Sequence[Run]) -> str:
    """The table in Markdown. The first run and its seeds are the base; every other configuration is a row, in
    the order of `ablations`.

    Differences are between means over the seeds that both have. Below the table stands what a seed alone changes, and
    what is known of runs that were stopped.

    Raises:
        AblationError: there is no other configuration, or no finished run of the base.
    """
    groups = grouped(replace(run, name="") for run in runs)
    if len(groups) < 2:
        raise AblationError("ablations: expected runs of at least two configurations, the base first")
    whole = [Group(group.title, done) for group in groups if (done := [run for run in group.runs if run.scores])]
    if not whole or whole[0].title != groups[0].title:
        raise AblationError("ablations: expected a finished run of the base, got none")
    titles = {_key(row.settings): row.title for row in ablations(parser_config(groups[0]))}
    base, order = whole[0], list(titles.values())

    def place(group: Group) -> int:
        title = _title(group, base, titles)[0]
        return order.index(title) if title in order else len(order)

    rows = [_row(("the base", ""), base, base)]
    rows += [_row(_title(group, base, titles), group, base) for group in sorted(whole[1:], key=place)]
    parts = [as_markdown([*rows, *_decoding(base)]), _noise(whole)]
    short = [group for group in groups[1:] if not any(run.scores for run in group.runs)]
    if short:
        parts += [CUT_SHORT, as_markdown([_short_row(group, groups[0], titles) for group in sorted(short, key=place)])]
    return "\n\n".join(filter(None, parts))


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


def _title(group: Group, base: Group, titles: Titles) -> tuple[str, str]:
    """What the table calls a configuration, and the settings that make it."""
    changed = difference(base.runs[0].config, group.runs[0].config)
    title = titles.get(_key(changed)) or ", ".join(f"{name} = {value}" for name, value in changed.items())
    if group.runs[0].silver_words == 0 and base.runs[0].silver_words:
        title = NO_SILVER
    return title, f"`{as_options(changed)}`"


def _row(named: tuple[str, str], group: Group, base: Group) -> dict[str, Any]:
    title, settings = named
    row: dict[str, Any] = {"": title, "seeds": len(group.runs), "FLOPs / 20 words": _flops(group)}
    seeds = {run.seed for run in group.runs}
    paired = Group("", [run for run in base.runs if run.seed in seeds] or base.runs)
    for score in ("uas", "las"):
        row[score.upper()] = with_spread(group.mean(score), *group.spread(score))
        row[f"Δ {score.upper()}"] = "" if group is base else f"{group.mean(score) - paired.mean(score):+.2f}"
    return row | {"UPOS": with_spread(group.mean("upos"), *group.spread("upos")), "settings": settings}


def _short_row(group: Group, base: Group, titles: Titles) -> dict[str, Any]:
    """Runs without an end against the base's logs of the same seeds, at the last epoch that all of them have."""
    seeds = {run.seed for run in group.runs}
    paired = [run for run in base.runs if run.seed in seeds] or base.runs
    at = min(len(run.log) for run in [*group.runs, *paired]) - 1
    title, settings = _title(group, base, titles)
    row: dict[str, Any] = {"": title, "seeds": len(group.runs), "FLOPs / 20 words": _flops(group)}
    row["steps"] = group.runs[0].log[at]["step"]
    for score in ("uas", "las"):
        mine, theirs = (fmean(run.log[at][score] for run in runs) for runs in (group.runs, paired))
        row |= {score.upper(): f"{mine:.2f}", f"Δ {score.upper()}": f"{mine - theirs:+.2f}"}
    return row | {"settings": settings}


def _flops(group: Group) -> str:
    return f"{flops(parser_config(group))['total']:,}"


def _decoding(base: Group) -> list[dict[str, Any]]:
    """The base without the tree search, where its runs were scored both ways."""
    if not all({"dev_greedy", "dev_trees"} <= run.scores.keys() for run in base.runs):
        return []
    runs = [replace(run, scores={"dev_greedy": run.scores["dev_greedy"]}) for run in base.runs]
    trees = [replace(run, scores={"dev_trees": run.scores["dev_trees"]}) for run in base.runs]
    greedy = Group("greedy", runs)
    return [_row(("likeliest heads without the tree search", ""), greedy, Group("", trees))]


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
