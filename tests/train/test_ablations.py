"""The table of ablations: its rows, the settings that make them, and its place in a page."""

from dataclasses import replace
from pathlib import Path

import pytest

from posmoe_models import ParserConfig
from posmoe_models.flops import flops
from posmoe_train.ablation_table import BEGIN, END, AblationError, table, write_table
from posmoe_train.ablations import ablations, commands, dense_width
from posmoe_train.cli import main
from posmoe_train.config import load_config
from posmoe_train.runs import Run
from posmoe_train.student_config import StudentConfig
from tests.paths import ROOT
from tests.train.fake_runs import seeds

FILE = ROOT / "train/posmoe_train/configs/en-edge.toml"
EDGE = load_config(StudentConfig, FILE)


def test_every_row_is_a_configuration_that_loads() -> None:
    for row in ablations(EDGE.parser):
        settings = [f"{name}={str(value).lower()}" for name, value in row.settings.items()]
        assert load_config(StudentConfig, FILE, settings) != EDGE, row.name


@pytest.mark.parametrize("base", [ParserConfig(), ParserConfig(trunk_dim=88, trunk_layers=2, expert_dim=40)])
def test_the_dense_expert_costs_as_much_as_the_mixture_and_no_more(base: ParserConfig) -> None:
    width = dense_width(base)
    one, wider = (flops(replace(base, experts=1, k=1, expert_dim=w))["total"] for w in (width, width + 1))
    assert one <= flops(base)["total"] < wider
    assert one > 0.98 * flops(base)["total"]


def test_rows_say_how_they_differ_from_the_base_and_how_to_make_them(tmp_path: Path) -> None:
    paths = seeds(tmp_path / "base", EDGE, [89.0, 89.4], trees=89.6)
    hard = replace(EDGE, name="hard", parser=replace(EDGE.parser, k=1))
    paths += seeds(tmp_path / "other", replace(EDGE, lr=0.01), [87.0], trees=87.6)
    paths += seeds(tmp_path / "hard", hard, [88.0, 88.2], trees=88.6)
    rows, noise = table([Run.load(path) for path in paths]).split("\n\n")
    lines = rows.splitlines()[2:]
    assert noise.startswith("The standard deviation of one seed, pooled over the rows, is 0.00 UAS")
    # the named questions come in the order of `ablations`, then others
    base, one, other, greedy = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    assert base[:6] == ["the base", "2", "547,200", "89.60", "", "86.60"]
    assert one[0] == "K = 1: one expert a word, hard"
    assert one[3:5] == ["88.60", "-1.00"]
    assert one[-1] == "`--set parser.k=1`"
    assert other[0] == "lr = 0.01"
    assert other[-1] == "`--set lr=0.01`"
    assert greedy[0] == "likeliest heads without the tree search"
    assert greedy[3:5] == ["89.20 (89.00–89.40)", "-0.40"]


def test_a_row_is_compared_with_the_same_seeds_of_the_base(tmp_path: Path) -> None:
    paths = seeds(tmp_path / "base", EDGE, [89.0, 90.0, 91.0]) + seeds(
        tmp_path / "other", replace(EDGE, lr=0.01), [89.5]
    )
    rows, noise = table([Run.load(path) for path in paths]).split("\n\n")
    assert "| lr = 0.01 | 1 | 547,200 | 89.50 | +0.50 |" in rows
    assert noise == (
        "The standard deviation of one seed, pooled over the rows, is 1.00 UAS and 1.00 LAS: that of the difference of "
        "two means of three seeds is 0.82 and 0.82."
    )


def test_runs_that_were_cut_short_are_compared_where_they_stopped(tmp_path: Path) -> None:
    paths = seeds(tmp_path / "base", EDGE, [89.0, 89.2], trees=89.6)
    paths += seeds(tmp_path / "high", replace(EDGE, lr=0.01), [88.0], trees=88.6)
    (short,) = seeds(tmp_path / "short", replace(EDGE, lr=0.02), [89.5])
    (short / "metrics.json").unlink()
    log = (short / "log.jsonl").read_text().splitlines(keepends=True)
    (short / "log.jsonl").write_text("".join(log[:2]))
    whole, _, _, cut = table([Run.load(path) for path in [*paths, short]]).split("\n\n")
    assert "lr = 0.02" not in whole
    # the base's seed 1 ends at 89.0, and was at 88.0 after two of its three epochs
    assert "| lr = 0.02 | 1 | 547,200 | 10 | 88.50 | +0.50 | 85.50 | +0.50 | `--set lr=0.02` |" in cut


def test_runs_without_silver_trees_are_called_so(tmp_path: Path) -> None:
    paths = seeds(tmp_path / "base", EDGE, [89.0], silver=1000)
    paths += seeds(tmp_path / "gold", replace(EDGE, silver_words=1), [80.0], silver=0)
    last = table([Run.load(path) for path in paths]).splitlines()[-1]
    assert last.startswith("| no silver trees: the treebank alone | 1 | 547,200 | 80.00 | -9.00 |")


def test_the_committed_ablations_have_their_titles() -> None:
    found = sorted((ROOT / "train" / "results" / "2026-11-22-int8").glob("ablation-*.run.json"))
    found.sort(key=lambda path: "reference" not in path.name)
    titles = {line.split("|")[1].strip() for line in table([Run.load(path) for path in found]).splitlines()[2:]}
    assert len(titles) == len(found) + 1  # the base without the tree search, too
    assert not [title for title in titles if " = " in title.replace("K = ", "")]


def test_a_table_needs_something_to_compare(tmp_path: Path) -> None:
    with pytest.raises(AblationError, match="runs of at least two configurations, the base first"):
        table([Run.load(path) for path in seeds(tmp_path / "base", EDGE, [89.0, 89.4])])


def test_the_table_goes_between_its_comments(tmp_path: Path) -> None:
    page = tmp_path / "ablations.md"
    write_table("| a |", page)
    assert page.read_text() == f"# Ablations\n\n{BEGIN}\n\n| a |\n\n{END}\n"
    page.write_text(page.read_text().replace("# Ablations", "# Ours") + "\nIt doesn't pay.\n")
    write_table("| b |", page)
    assert page.read_text() == f"# Ours\n\n{BEGIN}\n\n| b |\n\n{END}\n\nIt doesn't pay.\n"
    page.write_text("no place")
    with pytest.raises(AblationError, match=r"ablations.md: expected the lines '<!-- ablations: written by"):
        write_table("| c |", page)
    assert page.read_text() == "no place"


def test_the_commands_make_every_run(tmp_path: Path) -> None:
    lines = commands(EDGE.parser, "--train T --silver a --silver=b --config C", Path("runs"), 2)
    each = 1 + len(ablations(EDGE.parser))
    assert len(lines) == 2 * each
    common = "posmoe-train student --train T --silver a --silver=b --config C --no-bundle"
    assert lines[0] == f"{common} --set seed=1 --out runs/base-1"
    assert lines[each] == f"{common} --set seed=2 --out runs/base-2"  # all of one seed come first
    assert f"{common} --set parser.k=1 --set seed=2 --out runs/k1-2" in lines
    (gold,) = (line for line in lines if line.endswith("gold-1"))
    assert gold.startswith("posmoe-train student --train T --config C --no-bundle --set parser.dropout=0.2 ")


def test_the_command_writes_the_page_or_prints_the_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    paths = seeds(tmp_path / "base", EDGE, [89.0]) + seeds(tmp_path / "other", replace(EDGE, lr=0.01), [87.0])

    def run(*arguments: object) -> int | str | None:
        monkeypatch.setattr("sys.argv", ["posmoe-train", "ablations", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code

    assert run(*paths) == 0
    printed = capsys.readouterr().out
    assert "| lr = 0.01 | 1 | 547,200 | 87.00 | -2.00 |" in printed
    assert run(*paths, "--out", tmp_path / "page.md") == 0
    assert printed.strip() in (tmp_path / "page.md").read_text()
    assert run("--config", ROOT / "train/posmoe_train/configs/en-edge.toml", "--seeds", 1) == 0
    assert "--set parser.experts=12" in capsys.readouterr().out
    assert run() == 2
