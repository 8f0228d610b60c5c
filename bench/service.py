"""The service under load: requests a second and latency by open connections, and a long run that watches its memory.

    python -m bench.service load                   # wrk (Debian's package) at 1 to 64 connections; service_load.csv
    python -m bench.service soak --minutes 30      # a steady mix of requests; service_soak.csv
    python -m bench plot                           # the charts of both

Everything goes through the loopback to a `posmoe serve` that is started here. Load: five rounds, in which the numbers
of connections take turns; every request is one sentence of 19 to 21 words of EWT's dev part. Soak: so many requests a
second, small and large, in all formats, some wrong, some given up; memory is sampled from /proc.
"""

import argparse
import contextlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import ROOT, data, results

CONNECTIONS = (1, 2, 4, 8, 16, 32, 64)
ROUNDS, SECONDS = 5, 2
FORMATS = ("application/json", "application/x-ndjson", "text/x-conllu", "text/html", "image/svg+xml")
HEADERS = {"Content-Type": "application/json"}
# wrk's requests: the bodies in turns
SCRIPT = """
local bodies = {}
for line in io.lines("%s") do bodies[#bodies + 1] = line end
local at = 0
request = function()
  at = at %% #bodies + 1
  return wrk.format("POST", "%s", {["Content-Type"] = "application/json"}, bodies[at])
end
done = function(summary, latency, requests)
  local errors = summary.errors
  print(string.format("FOUND %%d %%d %%d %%d %%d", summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.timeout + errors.status,
    latency:percentile(50), latency:percentile(99)))
end
"""


@contextlib.contextmanager
def service(**settings: object) -> Iterator[tuple[int, int]]:
    """A `posmoe serve` of its own: process and port. It is ended as a service manager does."""
    environment = os.environ | {f"POSMOE_SERVE_{name.upper()}": str(value) for name, value in settings.items()}
    log = data.MADE / "service.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        command = [sys.executable, "-m", "posmoe", "serve", "--port", "0"]
        process = subprocess.Popen(command, stderr=file, env=environment, cwd=ROOT)
    try:
        while (found := re.search(r'"url": "http://127.0.0.1:(\d+)/"', log.read_text())) is None:
            if process.poll() is not None:
                raise RuntimeError(f"posmoe serve ended: {log.read_text()}")
            time.sleep(0.05)
        yield process.pid, int(found[1])
    finally:
        process.send_signal(signal.SIGTERM)
        if process.wait(60) != 0:
            raise RuntimeError(f"posmoe serve ended with {process.returncode}: {log.read_text()[-1000:]}")


def load() -> None:
    """Requests a second and latency by open connections.

    Raises:
        FileNotFoundError: there is no wrk.
    """
    if shutil.which("wrk") is None:
        raise FileNotFoundError("wrk is missing: apt install wrk")
    data.prepare()
    bodies = data.MADE / "bodies.jsonl"
    bodies.write_text("".join(json.dumps({"text": text}) + "\n" for text in data.text("twenty")))
    paths = ("/healthz", "/v1/parse")  # the first as the floor: all that is not parsing
    found: dict[tuple[str, int], list[list[int]]] = {}
    with service() as (_, port):
        for turn in range(-1, ROUNDS):  # the first one warms up
            for path in paths:
                script = data.MADE / f"wrk{path.replace('/', '-')}.lua"
                text = SCRIPT % (bodies, path)
                script.write_text(text.replace('"POST"', '"GET"') if path == "/healthz" else text)
                for connections in CONNECTIONS:
                    command = [
                        "wrk",
                        "-t1",
                        f"-c{connections}",
                        f"-d{SECONDS}s",
                        "-s",
                        str(script),
                        f"http://127.0.0.1:{port}",
                    ]
                    run = subprocess.run(command, check=True, capture_output=True, text=True)
                    numbers = re.search(r"FOUND (\d+) (\d+) (\d+) (\d+) (\d+)", run.stdout)
                    if numbers is None or int(numbers[3]):
                        raise RuntimeError(f"expected no failed request, got: {run.stdout}")
                    if turn >= 0:
                        found.setdefault((path, connections), []).append([int(number) for number in numbers.groups()])
    rows = []
    stamp = results.stamp()
    for (path, connections), turns in found.items():
        speeds = [1e6 * count / microseconds for count, microseconds, *_ in turns]
        row: dict[str, Any] = {**stamp, "case": "load", "text": data.digest("twenty"), "path": path}
        row["connections"] = connections
        row |= {f"p{share}": round(results.quantile(speeds, share / 100)) for share in (20, 50, 80)}
        row |= {
            f"p{share}_ms": round(results.quantile([turn[place] for turn in turns], 0.5) / 1000, 2)
            for share, place in ((50, 3), (99, 4))
        }
        rows.append(row)
        print("  ".join(f"{value}" for value in row.values()), flush=True)
    results.append("service_load", rows)


def soak(minutes: float, rate: float, every: float) -> None:
    """Ask `rate` times a second for so many minutes, and write down the service's memory every so many seconds."""
    data.prepare()
    texts = [text for text in data.text("heldout") if len(text) < 20_000]
    dice = random.Random(data.SEED)
    stamp = {**results.stamp(), "case": "soak"}
    counts = {"requests": 0, "refused": 0, "given_up": 0}
    with service() as (process, port):
        begun = time.monotonic()
        sampled = -every
        while (now := time.monotonic() - begun) < 60 * minutes:
            if now - sampled >= every:
                sampled = now
                row: dict[str, Any] = {**stamp, "seconds": round(now), **counts, **memory(process)}
                results.append("service_soak", [row])
            one(port, texts, dice, counts)
            time.sleep(max(0.0, begun + counts["requests"] / rate - time.monotonic()))
        results.append("service_soak", [{**stamp, "seconds": round(now), **counts, **memory(process)}])


def one(port: int, texts: list[str], dice: random.Random, counts: dict[str, int]) -> None:
    """One request, of a kind that the dice choose.

    Raises:
        RuntimeError: the answer is not what such a request gets.
    """
    counts["requests"] += 1
    kind = dice.choices(("small", "many", "ranked", "wrong", "given up"), (60, 5, 20, 10, 5))[0]
    text = dice.choice(texts)
    body: dict[str, Any] = {"text": text[:150]}
    if kind == "many":
        body = {"texts": dice.choices(texts, k=3)}
    elif kind == "ranked":
        body = {"text": text[:150], "k": dice.randint(1, 5)}
    elif kind == "wrong":
        body = dice.choice(({"text": 1}, {}, {"text": "a" * (1 << 20)}, {"text": "a", "engine": "\ud800"}))
    path = "/v1/k-best" if kind == "ranked" else "/v1/parse"
    content = json.dumps(body).encode()
    if kind == "given up":
        counts["given_up"] += 1
        with socket.create_connection(("127.0.0.1", port), 10) as client:
            head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            client.sendall(
                f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content[: dice.choice((5, len(content)))]
            )
        return
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        connection.request("POST", path, content, HEADERS | {"Accept": dice.choice(FORMATS)})
        answer = connection.getresponse()
        answer.read()
    if kind == "wrong":
        counts["refused"] += 1
    if (answer.status != 200) is (kind != "wrong"):
        raise RuntimeError(f"{kind}: got the status {answer.status}")


def memory(process: int) -> dict[str, float]:
    """Memory, threads, open files and processor time of a process."""
    status = Path(f"/proc/{process}/status").read_text()
    found = {name: int(value) for name, value in re.findall(r"^(VmRSS|VmHWM|Threads):\s+(\d+)", status, re.M)}
    times = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    seconds = (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
    return {
        "rss_mib": round(found["VmRSS"] / 1024, 2),
        "peak_mib": round(found["VmHWM"] / 1024, 2),
        "threads": found["Threads"],
        "files": len(list(Path(f"/proc/{process}/fd").iterdir())),
        "cpu_seconds": round(seconds, 1),
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.service", description="Measure the service.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("load", help="requests a second and latency by open connections")
    one = commands.add_parser("soak", help="memory over time")
    one.add_argument("--minutes", type=float, default=30)
    one.add_argument("--rate", type=float, default=20, help="requests a second")
    one.add_argument("--every", type=float, default=10, help="seconds between samples")
    given = parser.parse_args()
    if given.command == "load":
        load()
    else:
        soak(given.minutes, given.rate, given.every)


if __name__ == "__main__":
    main()
