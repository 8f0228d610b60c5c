"""Command lines over the GPUs that there are: so many at once on each, each with a log, none run twice."""

import hashlib
import os
import re
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from posmoe_train.errors import TrainError

POLL = 0.1


class JobsError(TrainError, ValueError):
    """A list of commands that can't be run."""


@dataclass(frozen=True)
class Job:
    """One command line; its name is that of its last argument, a run's folder, and a digest of all of it."""

    words: Sequence[str]

    @property
    def name(self) -> str:
        """Names the log and the mark of being done."""
        digest = hashlib.sha256("\0".join(self.words).encode()).hexdigest()[:8]
        return f"{re.sub(r'[^A-Za-z0-9_.-]', '_', Path(self.words[-1]).name)}.{digest}"


@dataclass
class _Running:
    job: Job
    place: int
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    begun: float


def read_jobs(text: str, where: str) -> list[Job]:
    """A job a line; empty lines and those that begin with `#` are none.

    Raises:
        JobsError: a line that is no command, or one that comes twice.
    """
    jobs: dict[str, Job] = {}
    for number, line in enumerate(text.splitlines(), 1):
        try:
            words = shlex.split(line, comments=True)
        except ValueError as error:
            raise JobsError(f"{where}:{number}: expected a command line, got {line!r} ({error})") from None
        if not words:
            continue
        job = Job(words)
        if job.name in jobs:
            raise JobsError(f"{where}:{number}: expected every command once, got {shlex.join(words)!r} again")
        jobs[job.name] = job
    if not jobs:
        raise JobsError(f"{where}: expected command lines, got none")
    return list(jobs.values())


def run_jobs(jobs: Sequence[Job], logs: Path, at_once: int, gpus: int) -> list[Job]:
    """Run jobs in their order, `at_once` on each GPU; returns those that failed.

    A job that ended well leaves `NAME.done` beside its `NAME.log`, and is not run again. One that fails doesn't stop
    the others. Whatever ends this function early ends the jobs that run, too.

    Args:
        logs: folder, shared by calls that go on with the same jobs.
        gpus: each job sees one of so many; 0 changes nothing about what it sees.
    """
    logs.mkdir(parents=True, exist_ok=True)
    waiting = [job for job in jobs if not (logs / f"{job.name}.done").is_file()]
    places = max(1, gpus)
    threads = max(1, (os.cpu_count() or 1) // (places * at_once))
    running: list[_Running] = []
    failed: list[Job] = []
    total, done = len(waiting), 0
    try:
        while waiting or running:
            while waiting and len(running) < places * at_once:
                load = [sum(other.place == place for other in running) for place in range(places)]
                running.append(_start(waiting.pop(0), load.index(min(load)), logs, gpus, threads))
            ended = [one for one in running if one.process.poll() is not None]
            for one in ended:
                running.remove(one)
                done += 1
                one.log.close()
                code = one.process.returncode
                if code:
                    failed.append(one.job)
                else:
                    (logs / f"{one.job.name}.done").touch()
                result = f"failed with exit code {code}" if code else "done"
                seconds = time.monotonic() - one.begun
                print(f"{done}/{total} {one.job.name}: {result} after {seconds:.0f} s", flush=True)
            if not ended:
                time.sleep(POLL)
    finally:
        for one in running:
            one.process.terminate()
        for one in running:
            one.process.wait()
            one.log.close()
    return failed


def _start(job: Job, place: int, logs: Path, gpus: int, threads: int) -> _Running:
    log = (logs / f"{job.name}.log").open("ab")
    log.write(f"$ {shlex.join(job.words)}\n".encode())
    log.flush()
    try:
        process = subprocess.Popen(
            job.words, env=_environment(os.environ, place, gpus, threads), stdout=log, stderr=subprocess.STDOUT
        )
    except OSError as error:
        log.close()
        raise JobsError(f"{job.words[0]}: expected a command, got: {error.strerror}") from None
    return _Running(job, place, process, log, time.monotonic())


def _environment(given: Mapping[str, str], place: int, gpus: int, threads: int) -> dict[str, str]:
    """One GPU of those that are seen, and a fair share of the cores unless a number of threads is given."""
    seen = [name for name in given.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    own = {"CUDA_VISIBLE_DEVICES": seen[place] if seen else str(place)} if gpus else {}
    return {"OMP_NUM_THREADS": str(threads), **given, **own}
