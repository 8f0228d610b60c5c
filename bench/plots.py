"""Charts of the last runs, drawn from results/*.csv into results/*.svg: `python -m bench plot`."""

from collections.abc import Callable

from bench import results, tables
from bench.svg import Axis, Chart, badge, bars, decades, steps
from bench.systems import SYSTEMS

# nanoseconds a word that the design gives to the stages
BUDGET = {
    "tokenise": 100,
    "features": 50,
    "lookup": 150,
    "dense": 150,
    "recurrences": 150,
    "arcs": 100,
    "decode": 100,
    "write": 150,
}
WORDS = "words a second"


def by_points(case: str, column: str, title: str, axis: str) -> str:
    """Median words a second over batch, threads or length."""
    rows = results.latest("throughput", case=case)
    points = sorted({float(row[column]) for row in rows})
    speeds = [float(row["p50"]) for row in rows]
    chart = Chart(title, Axis(axis, tuple(points), log=True), Axis(WORDS, decades(speeds), log=True))
    for system in dict.fromkeys(row["system"] for row in rows):
        chart.line(system, [(float(row[column]), float(row["p50"])) for row in rows if row["system"] == system])
    return chart.text()


def latencies() -> str:
    """Share of calls that are done within a time."""
    rows = results.latest("latency")
    shares = {int(key[1:-3]): key for key in rows[0] if key.startswith("p") and key.endswith("_us")}
    times = [float(row[key]) for row in rows for key in shares.values()]
    x, y = Axis("microseconds", decades(times), log=True), Axis("% of calls done", steps(0, 100, 20))
    chart = Chart("One sentence of about 20 words through nlp(text)", x, y)
    for row in rows:
        chart.line(row["system"], [(float(row[key]), share) for share, key in shares.items()], marks=False)
    return chart.text()


def accuracy() -> str:
    """LAS on gold tokens over words a second."""
    speeds = {row["system"]: float(row["p50"]) for row in results.latest("throughput", case="systems")}
    scores = {system.name: tables.gold_scores(system)[1] for system in SYSTEMS if system.name in speeds}
    known = {name: las for name, las in scores.items() if las is not None}
    x = Axis(WORDS, decades([speeds[name] for name in known]), log=True)
    y = Axis("LAS, EWT dev, gold tokens", steps(min(known.values()), max(known.values()), 2))
    chart = Chart("Accuracy against speed, one thread", x, y)
    for name, las in known.items():
        chart.point(name, speeds[name], las)
    return chart.text()


def stages() -> str:
    """Time by stage against the design's budget."""
    rows = results.latest("profile", system="posmoe en-edge", unit="ns")
    found = [(row["stage"], float(row["per_word"]), BUDGET.get(row["stage"])) for row in rows]
    return bars("Where a word's time goes, en-edge, one thread", found, "ns")


def service_load() -> str:
    """Latency of the service by open connections."""
    rows = results.latest("service_load")
    times = [float(row[key]) for row in rows for key in ("p50_ms", "p99_ms")]
    points = sorted({float(row["connections"]) for row in rows})
    chart = Chart(
        "One sentence of about 20 words through the service",
        Axis("open connections", tuple(points), log=True),
        Axis("milliseconds", decades(times), log=True),
    )
    for path in dict.fromkeys(row["path"] for row in rows):
        for key, name in (("p50_ms", "median"), ("p99_ms", "99 % within")):
            line = [(float(row["connections"]), float(row[key])) for row in rows if row["path"] == path]
            chart.line(f"{path}, {name}", line)
    return chart.text()


def service_soak() -> str:
    """Memory of the service over time."""
    rows = results.latest("service_soak")
    minutes = [float(row["seconds"]) / 60 for row in rows]
    sizes = [float(row["rss_mib"]) for row in rows]
    step = max(1, round(max(minutes) / 6))
    chart = Chart(
        f"Memory of the service under a mix of {int(rows[-1]['requests']):,} requests",
        Axis("minutes", steps(0, max(minutes), step)),
        Axis("MiB resident", steps(0, max(sizes), 20)),
    )
    chart.line("posmoe serve", list(zip(minutes, sizes, strict=True)), marks=False)
    return chart.text()


def speed_up() -> str:
    """How many times as fast as spaCy's small model the packaged one is."""
    return badge("raw text to trees", f"{tables.speed_up():,} × spaCy")


# name of the file, the results it needs, how it is drawn
CHARTS: tuple[tuple[str, tuple[str, str], Callable[[], str]], ...] = (
    ("batch", ("throughput", "batch"), lambda: by_points("batch", "batch", "By texts given at once", "texts")),
    ("threads", ("throughput", "threads"), lambda: by_points("threads", "threads", "By threads", "threads")),
    ("length", ("throughput", "length"), lambda: by_points("length", "length", "By length", "words a sentence")),
    ("latency", ("latency", "latency"), latencies),
    ("accuracy", ("accuracy", "accuracy"), accuracy),
    ("stages", ("profile", "stages"), stages),
    ("service_load", ("service_load", "load"), service_load),
    ("service_soak", ("service_soak", "soak"), service_soak),
    ("badge", ("throughput", "systems"), speed_up),
)


def draw() -> dict[str, str]:
    """Every chart whose results are there: file name and SVG."""
    return {f"{name}.svg": chart() for name, (file, case), chart in CHARTS if results.latest(file, case=case)}


def write() -> None:
    """Put the charts beside the results."""
    for name, text in draw().items():
        (results.FOLDER / name).write_text(text, encoding="utf-8")
