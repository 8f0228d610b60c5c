"""What every run leaves behind: its record, its log, and what ranks of one run must not do twice."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import torch

from posmoe_train.data import file_hash
from posmoe_train.errors import CheckpointError

T = TypeVar("T")
RECORD, LOG = "run.json", "log.jsonl"
_BEGUN = ("last.ckpt", "student.json", "teacher.json")


def write_json(path: Path, value: object) -> None:
    """Write JSON to a temporary file beside `path`, then rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    draft.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(path)


def rank_and_world() -> tuple[int, int]:
    """This process's rank in a distributed run and the number of processes; (0, 1) outside one."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1


def share(plan: Sequence[T]) -> list[T]:
    """This process's part of a plan: equally many for each, so that the first ones may come twice."""
    rank, world = rank_and_world()
    return [plan[i % len(plan)] for i in range(rank, -(-len(plan) // world) * world, world)]


def is_first() -> bool:
    """Whether this process writes the run's files: the first of them, also before they have met and afterwards."""
    return int(os.environ.get("LOCAL_RANK", 0)) == 0


def local_device() -> torch.device:
    """The GPU of this process, or the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    return torch.device("cpu")


def commit() -> str:
    """The commit of the working tree, with `+` where it has changes.

    Outside a checkout it is what the environment variable POSMOE_COMMIT says, else `unknown`.
    """
    here = Path(__file__).parent
    try:
        revision = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=here, text=True, stderr=subprocess.DEVNULL)
        changes = subprocess.check_output(["git", "status", "--porcelain", "-uno"], cwd=here, text=True)
    except (OSError, subprocess.CalledProcessError):
        return os.environ.get("POSMOE_COMMIT") or "unknown"
    return revision.strip() + ("+" if changes.strip() else "")


def origin(data: Sequence[Path]) -> dict[str, Any]:
    """What a result came from: the commit of the code, and the SHA-256 of each file by its folder and name."""
    return {"commit": commit(), "data": {f"{path.parent.name}/{path.name}": file_hash(path) for path in data}}


def record(folder: Path, config: object, data: list[Path]) -> None:
    """Write `run.json`: configuration, commit, versions, machine and the hashes of the data.

    An unfinished run goes on in its folder, and the time of that is added under `resumed`.

    Raises:
        CheckpointError: the folder holds a run of another configuration or of other data.
    """
    assert is_dataclass(config) and not isinstance(config, type)
    if not is_first():
        return
    found = read_record(folder)
    now: dict[str, Any] = {
        "config": asdict(config),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "torch": torch.__version__,
        "machine": torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine(),
        "devices": getattr(config, "devices", 0) or max(1, torch.cuda.device_count()),
    } | origin(data)
    if found and any((folder / name).is_file() for name in _BEGUN):
        for key in ("config", "data"):
            different = _difference(found.get(key), now[key])
            if different:
                raise CheckpointError(f"{folder}: holds a run with another {key} ({different}); choose another folder")
        visit = {key: now[key] for key in ("started", "commit", "torch", "machine")}
        now = found | {"resumed": [*found.get("resumed", []), visit]}
    write_json(folder / RECORD, now)


def read_record(folder: Path) -> dict[str, Any]:
    """The content of a folder's `run.json`; empty where there is none."""
    path = folder / RECORD
    if not path.is_file():
        return {}
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{path}: cut short or altered ({error}); choose another folder") from error
    return found


def note(folder: Path, **values: Any) -> None:
    """Add values to the record of a run."""
    if is_first():
        write_json(folder / RECORD, read_record(folder) | values)


def _difference(old: Any, new: Any, name: str = "") -> str:
    """The first setting that differs, in words; empty where all are equal."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return "" if old == new else f"{name} was {old!r}, now {new!r}"
    for key in dict.fromkeys([*old, *new]):
        found = _difference(old.get(key), new.get(key), f"{name}.{key}" if name else key)
        if found:
            return found
    return ""


def log_line(folder: Path, values: dict[str, Any]) -> None:
    """Append one line of metrics to `log.jsonl`, and show it."""
    if not is_first():
        return
    line = json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in values.items()})
    with (folder / LOG).open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    print(line, flush=True)


def trim_log(folder: Path, epochs: int) -> None:
    """Drop the log's lines past the first `epochs` epochs: what a run did after its last checkpoint, it does again."""
    path = folder / LOG
    if not path.is_file() or not is_first():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            values = json.loads(line)
        except ValueError:  # the run was killed while it wrote
            break
        if values["epoch"] >= epochs:
            break
        kept.append(line + "\n")
    draft = path.with_name(path.name + ".part")
    draft.write_text("".join(kept), encoding="utf-8")
    draft.replace(path)
