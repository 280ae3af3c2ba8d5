"""Campaigns to measure: made in a temporary folder, driven by a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

BIN = Path(sys.executable).parent
SMALL: dict[str, Any] = {
    "campaign": {"name": "bench", "seed": 0},
    "dataset": {"kind": "digits"},
    "model": {"name": "logistic", "pool": "none"},
    "acquisition": {"strategy": "margin", "first_batch_size": 20, "batch_size": 4},
    "annotation": {"tool": "simulated", "overlap": 2, "test_overlap": 2},
    "evaluation": {"test_size": 100},
}
"""A campaign whose rounds are small: what is left of a round's time is what the loop itself costs."""
UNRECORDED: dict[str, Any] = {"tracking": {"enabled": False}, "versioning": {"enabled": False}}


def make(folder: Path, params: dict[str, Any]) -> Path:
    """A campaign with these settings, in a git repository of its own; return its folder."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    written = folder.parent / f"{folder.name}.params.yaml"
    written.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    run("labelloop", "init", str(folder), "--params", str(written), "--own-git")
    return folder


def drive(folder: Path, *, prefect: bool = False) -> list[dict[str, Any]]:
    """Run the campaign until it stops, in a process of its own; return what its stages said, see drive.py."""
    out = folder.parent / f"{folder.name}.events.json"
    way = "prefect" if prefect else "plain"
    _finished(
        [sys.executable, "-m", "bench.drive", str(folder), way, str(out)], cwd=Path(__file__).parents[1]
    )
    events: list[dict[str, Any]] = json.loads(out.read_text(encoding="utf-8"))
    return events


def run(*command: str, cwd: Path | None = None) -> tuple[float, str]:
    """Run a command of this environment; return its seconds, with Python's start, and what it printed."""
    begun = time.perf_counter()
    printed = _finished([str(BIN / command[0]), *command[1:]], cwd=cwd)
    return time.perf_counter() - begun, printed


def _finished(command: list[str], cwd: Path | None) -> str:
    # A user's settings for servers must not send a measurement's runs to them.
    servers = ("PREFECT_API_URL", "MLFLOW_TRACKING_URI")
    environment = {name: value for name, value in os.environ.items() if name not in servers}
    # dvc.yaml calls `labelloop` by name.
    environment["PATH"] = f"{BIN}{os.pathsep}{environment.get('PATH', '')}"
    answer = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{answer.stdout[-2000:]}\n{answer.stderr[-4000:]}")
    return answer.stdout
