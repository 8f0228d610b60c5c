"""python -m bench: prepare, list, run, plot, readme, notebook."""

import argparse
from pathlib import Path

from bench import data, plots, results, tables
from bench.cases import CASES, chosen
from bench.notebook import execute
from bench.run import run
from bench.systems import interpreters
from bench.verify import verify


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure posmoe beside its rivals.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("prepare", help="make the texts and unpack the rivals' models from the shared data")
    commands.add_parser("list", help="show the cases")
    one = commands.add_parser("run", help="check that the tests are green, measure, append to results/*.csv")
    one.add_argument("cases", nargs="*", help="names of cases; all without any")
    one.add_argument("--rivals", type=Path, metavar="PYTHON", help="Python of an environment with spaCy and UDPipe")
    commands.add_parser("plot", help="draw results/*.svg from results/*.csv")
    commands.add_parser("readme", help="put the tables and figures of the last runs into the READMEs")
    commands.add_parser("notebook", help="run baseline.ipynb, keep its output, write results/baseline.json")
    given = parser.parse_args()
    if given.command == "notebook":
        execute()
        return
    if given.command == "plot":
        return plots.write()
    if given.command == "readme":
        return tables.write()
    if given.command == "list":
        for case in CASES:
            print(f"{case.name:10} {case.question} [{', '.join(case.tests)}]")
        return
    data.prepare()
    if given.command == "run":
        cases = chosen(given.cases, given.rivals is not None)
        verify((test for case in cases for test in case.tests), given.rivals)
        stamp = results.stamp()
        for case in cases:
            run(case, interpreters(given.rivals), stamp)


if __name__ == "__main__":
    main()
