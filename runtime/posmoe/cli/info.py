"""`posmoe info`: what is installed, and what it can do."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

from .. import __version__
from ..bundle import Bundle, find
from ..engines import Choice, arithmetic, choose, create, instruction_set
from ..errors import PosmoeError
from .messages import say
from .output import OutputError, show

# instruction sets that engines make use of
FEATURES = (
    *(
        "sse4_2",
        "avx",
        "avx2",
        "fma",
        "f16c",
        "avx_vnni",
        "avx512f",
        "avx512bw",
        "avx512_vnni",
        "avx512_bf16",
    ),
    *("amx_int8", "amx_bf16", "neon", "asimd", "asimddp", "i8mm", "sve"),
)


def run(model: str | None, backend: str, precision: str, as_json: bool) -> int:
    """Write it to standard output; returns the exit code."""
    try:
        facts = collect(model, backend, precision)
        show(json.dumps(facts, indent=2, ensure_ascii=False) + "\n" if as_json else _lines(facts))
    except OutputError as error:
        say(str(error))
        return 1
    return 1 if "error" in facts["model"] or "error" in facts["engine"] else 0


def collect(model: str | None, backend: str, precision: str = "auto") -> dict[str, Any]:
    """All facts, as JSON values; `error` stands in for a model, or an engine in a precision, that cannot be had."""
    bundle: Bundle | None = None
    try:
        bundle = Bundle.load(find(model))
        facts = _model(bundle)
    except PosmoeError as error:
        facts = {"error": str(error)}
    return {
        "version": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "model": facts,
        "engine": _engine(backend, precision, bundle),
        "cpu": {"architecture": platform.machine(), "features": _cpu_features()},
    }


def _model(bundle: Bundle) -> dict[str, Any]:
    manifest = bundle.manifest
    sizes = {name: record["bytes"] for name, record in manifest["files"].items()}
    return {
        "name": bundle.name,
        "version": bundle.version,
        "language": manifest["language"],
        "path": str(bundle.path),
        "licence": manifest.get("licence"),
        "training_data": manifest.get("training_data", []),
        "constants": manifest.get("constants", {}),
        "tags": len(bundle.tags),
        "labels": len(bundle.labels),
        "bytes": {**sizes, "total": sum(sizes.values())},
        "accuracy": manifest.get("metrics", {}),
        "flops": manifest.get("flops", {}),
    }


def _engine(backend: str, precision: str, bundle: Bundle | None) -> dict[str, Any]:
    try:
        choice = choose(backend, bundle)
        facts = {"name": choice.name, "reason": choice.reason, "instruction_set": instruction_set(choice)}
        return facts | {"precision": None if bundle is None else _precision(bundle, choice, precision)}
    except PosmoeError as error:
        return {"error": str(error)}


def _precision(bundle: Bundle, choice: Choice, asked: str) -> str:
    """What the engine computes the bundle in; one that was asked for is tried.

    Raises:
        EngineError: it can't.
    """
    if asked != "auto":
        create(bundle, choice, precision=asked)
        return asked
    program = bundle.manifest.get("program")
    if choice.name == "torch" and isinstance(program, dict):
        return str(program.get("precision"))
    return arithmetic(bundle)


def _cpu_features() -> list[str]:
    """The instruction sets of this processor that matter here, where the system tells (Linux)."""
    try:
        text = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return []
    flags: set[str] = set()
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            flags.update(value.split())
            break
    return [feature for feature in FEATURES if feature in flags]


def _lines(facts: dict[str, Any]) -> str:
    """The facts for people."""
    model, engine, cpu = facts["model"], facts["engine"], facts["cpu"]
    rows = [("posmoe", f"{facts['version']}, Python {facts['python']}, {facts['platform']}")]
    if "error" in model:
        rows.append(("model", f"none: {model['error']}"))
    else:
        rows += [
            ("model", f"{model['name']} {model['version']} ({model['language']}), {model['path']}"),
            ("licence", str(model["licence"] or "not recorded")),
            ("trained on", "; ".join(_data(entry) for entry in model["training_data"]) or "not recorded"),
            ("constants", _flat(model["constants"])),
            ("size", ", ".join(f"{name} {size:,} bytes" for name, size in model["bytes"].items())),
            ("accuracy", _flat(model["accuracy"])),
            ("FLOPs", _flat(model["flops"])),
        ]
    reason = f"none: {engine['error']}" if "error" in engine else f"{engine['name']} ({engine['reason']})"
    if engine.get("precision"):
        reason += f", in {engine['precision']}"
    if engine.get("instruction_set"):
        reason += f", on {engine['instruction_set']}"
    features = " ".join(cpu["features"]) or "unknown"
    rows += [("engine", reason), ("processor", f"{cpu['architecture']}: {features}")]
    return "".join(f"{name:<11} {value}\n" for name, value in rows)


def _data(entry: Any) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    details = [str(entry[key]) for key in ("licence",) if key in entry]
    if isinstance(entry.get("words"), int):
        details.append(f"{entry['words']:,} words")
    return f"{entry.get('name', '?')} ({', '.join(details)})"


def _flat(value: Any) -> str:
    """Nested JSON on one line."""
    if not isinstance(value, dict) or not value:
        return "not recorded" if not value else str(value)
    parts = []
    for key, item in value.items():
        if isinstance(item, dict):
            parts.append(f"{key}: {_flat(item)}")
        else:
            parts.append(f"{key} {item:,}" if isinstance(item, int | float) else f"{key} {item}")
    return ", ".join(parts)
