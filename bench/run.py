"""The runner: a fresh process for every system of a case, turns round by round, rows appended to the results."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from bench import data, results
from bench.cases import Case, Point
from bench.systems import Process, System, cold
from posmoe.evaluation.metrics import evaluate, evaluate_words
from posmoe_train.conllu import parse_treebank, raw_text

Python = Mapping[bool, str]
Rows = list[dict[str, Any]]
QUANTILES = (1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99)


def run(case: Case, python: Python, stamp: Mapping[str, str]) -> None:
    """Measure a case, append its rows and print them."""
    print(f"\n{case.name}: {case.question}", flush=True)
    rows = KINDS[case.kind](case, python)
    results.append(case.kind, [{**stamp, **row} for row in rows])
    for row in rows:
        print("  " + "  ".join(f"{value}" for key, value in row.items() if key not in ("case", "text")), flush=True)


def throughput(case: Case, python: Python) -> Rows:
    """Words a second of every system at every point."""
    speeds: dict[tuple[System, Point], list[float]] = {}
    last: dict[tuple[System, Point], dict[str, float]] = {}
    with ExitStack() as stack:
        started = {system: stack.enter_context(Process(system, python)) for system in case.systems}
        for _ in range(case.rounds):
            for point in case.points:
                for system, process in started.items():
                    turn = process.ask(
                        do="throughput",
                        path=str(data.path_of(_text(case, point))),
                        batch=point.batch,
                        threads=point.threads,
                        seconds=case.seconds,
                    )
                    speeds.setdefault((system, point), []).append(turn["words"] / turn["seconds"])
                    last[system, point] = turn
    rows = []
    for (system, point), values in speeds.items():
        row: dict[str, Any] = {"case": case.name, "text": data.digest(_text(case, point)), "system": system.name}
        row |= {"batch": point.batch or "best", "threads": point.threads, "length": point.length or ""}
        row |= {"words": last[system, point]["words"], "rounds": len(values)}
        row |= {f"p{share}": round(results.quantile(values, share / 100)) for share in (20, 50, 80)}
        rows.append(row | {"peak_mib": round(last[system, point]["peak_mib"], 1)})
    return rows


def _text(case: Case, point: Point) -> str:
    return f"{case.text}-{point.length}" if point.length else case.text


def latency(case: Case, python: Python) -> Rows:
    """Quantiles of the time of one call, in microseconds."""
    times: dict[System, list[int]] = {system: [] for system in case.systems}
    with ExitStack() as stack:
        started = {system: stack.enter_context(Process(system, python)) for system in case.systems}
        for _ in range(case.rounds):
            for system, process in started.items():
                path = str(data.path_of(case.text))
                times[system] += process.ask(do="latency", path=path, seconds=case.seconds)["ns"]
    rows = []
    for system, values in times.items():
        row: dict[str, Any] = {"case": case.name, "text": data.digest(case.text), "system": system.name}
        row |= {"calls": len(values)}
        row |= {f"p{share}_us": round(results.quantile(values, share / 100) / 1000, 1) for share in QUANTILES}
        rows.append(row)
    return rows


def footprint(case: Case, python: Python) -> Rows:
    """Cold start from a process's start to its exit, peak memory of it, size on disk."""
    runs: dict[System, list[tuple[float, float]]] = {system: [] for system in case.systems}
    for _ in range(case.rounds):
        for system in case.systems:
            runs[system].append(cold(system, python))
    rows = []
    for system, values in runs.items():
        with Process(system, python) as process:
            size = {"load_ms": process.load_ms} | process.ask(do="sizes")
        times, peaks = zip(*values, strict=True)
        row: dict[str, Any] = {"case": case.name, "system": system.name, "rounds": len(values)}
        row |= {f"p{share}_ms": round(results.quantile(times, share / 100), 1) for share in (20, 50, 80)}
        row["peak_mib"] = round(results.quantile(peaks, 0.5), 1)
        rows.append(row | {key: round(size[key], 1) for key in ("load_ms", "own_mb", "install_mb")})
    return rows


def accuracy(case: Case, python: Python) -> Rows:
    """F1 on raw text and accuracy on gold tokens of EWT's dev part, in percent."""
    gold = data.dev()
    rows = []
    for system in case.systems:
        with Process(system, python) as process:
            trees = process.ask(do="trees", sentences=[sentence.forms for sentence in gold])
            conllu = process.ask(do="conllu", texts=[raw_text(gold)])
        columns = [[[row[i] for row in tree] for tree in trees] for i in range(3)]
        raw = evaluate(gold, list(parse_treebank(conllu.split("\n"), system.name))).f1()
        for kind, scores in (("gold tokens", evaluate_words(gold, *columns)), ("raw text", raw)):
            row: dict[str, Any] = {"case": case.name, "text": "ewt-dev", "system": system.name, "input": kind}
            names = ("tokens", "sentences", "words", "upos", "uas", "las")
            rows.append(row | {name: f"{scores[name]:.2f}" if name in scores else "" for name in names})
    return rows


def profile(case: Case, python: Python) -> Rows:
    """Nanoseconds a word by stage, in the median round; the processor's counters a word where they are."""
    rows = []
    for system in case.systems:
        with Process(system, python) as process:
            found = process.ask(do="profile", path=str(data.path_of(case.text)))
        times = found["stages"] | {"all but writing": found["total"]}
        for unit, values in (("ns", times), ("count", found["counters"])):
            row = {"case": case.name, "text": data.digest(case.text), "system": system.name}
            rows += [row | {"stage": name, "unit": unit, "per_word": round(value, 1)} for name, value in values.items()]
    return rows


KINDS: dict[str, Callable[[Case, Python], Rows]] = {
    "throughput": throughput,
    "latency": latency,
    "footprint": footprint,
    "accuracy": accuracy,
    "profile": profile,
}
