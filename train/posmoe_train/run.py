"""What every run leaves behind, and the trainer that runs share."""

import json
import os
import platform
import subprocess
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint

from posmoe_train.data import file_hash


def write_json(path: Path, value: object) -> None:
    """Write JSON to a temporary file beside `path`, then rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    draft.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(path)


def commit() -> str:
    """The commit of the working tree, with `+` where it has changes; `unknown` outside a checkout."""
    here = Path(__file__).parent
    try:
        revision = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=here, text=True, stderr=subprocess.DEVNULL)
        changes = subprocess.check_output(["git", "status", "--porcelain", "-uno"], cwd=here, text=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return revision.strip() + ("+" if changes.strip() else "")


def record(folder: Path, config: object, data: list[Path]) -> None:
    """Write `run.json`: configuration, commit, versions, machine and the hashes of the data."""
    assert is_dataclass(config) and not isinstance(config, type)
    write_json(
        folder / "run.json",
        {
            "config": asdict(config),
            "commit": commit(),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "torch": torch.__version__,
            "machine": torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine(),
            "data": {f"{path.parent.name}/{path.name}": file_hash(path) for path in data},
        },
    )


def log_line(folder: Path, values: dict[str, Any]) -> None:
    """Append one line of metrics to `log.jsonl`, and show it."""
    line = json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in values.items()})
    with (folder / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    print(line, flush=True)


def trainer(folder: Path, epochs: int, clip: float | None = None, callbacks: list[Callback] | None = None) -> L.Trainer:
    """A trainer on what the machine has: one GPU in bfloat16, several through DDP, or the CPU in float32."""
    gpus = torch.cuda.device_count()
    if not gpus:
        print("no GPU found: training on the CPU", flush=True)
    else:
        torch.set_float32_matmul_precision("high")
    checkpoint = ModelCheckpoint(folder, filename="last", every_n_epochs=1, enable_version_counter=False)
    return L.Trainer(
        accelerator="gpu" if gpus else "cpu",
        devices=max(1, gpus),
        strategy="ddp" if gpus > 1 else "auto",
        precision="bf16-mixed" if gpus else "32-true",
        max_epochs=epochs,
        gradient_clip_val=clip,
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        callbacks=[checkpoint, *(callbacks or [])],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        benchmark=False,
    )


def last_checkpoint(folder: Path) -> Path | None:
    """The checkpoint to resume from, if there is one."""
    path = folder / "last.ckpt"
    return path if path.is_file() else None


def rank_and_world() -> tuple[int, int]:
    """This process's rank and the number of processes."""
    return int(os.environ.get("LOCAL_RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
