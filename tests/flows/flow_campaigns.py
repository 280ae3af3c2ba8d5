"""Small campaigns for the tests of the flows, and questions to a Prefect server."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import httpx
import yaml

from labelloop import scaffold

SETTINGS: dict[str, Any] = {
    "campaign": {"name": "flowing", "seed": 3},
    "model": {"name": "logistic", "pool": "none"},
    # Eight shards, so that a task runner has something to put in the wrong order.
    "acquisition": {"batch_size": 20, "shard_size": 256},
    "annotation": {"overlap": 2, "test_overlap": 3},
    "evaluation": {"test_size": 40, "bootstrap": 20},
    "stopping": {"max_rounds": 2},
    "tracking": {"enabled": False},
    "versioning": {"enabled": False},
}


def make(folder: Path, **changes: dict[str, Any]) -> Path:
    """A new campaign with SETTINGS, sections changed as given."""
    settings = SETTINGS | {name: SETTINGS.get(name, {}) | section for name, section in changes.items()}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "params.yaml").write_text(yaml.safe_dump(settings))
    scaffold.init(folder)
    return folder


def rounds(campaign: Path) -> dict[str, bytes]:
    """Every file of every round, by its path."""
    found = [path for path in sorted((campaign / "rounds").rglob("*")) if path.is_file()]
    return {path.relative_to(campaign).as_posix(): path.read_bytes() for path in found}


def without_batch(played: Path, campaign: Path) -> Path:
    """A copy of a campaign, in which the batch of r001 has to be chosen again."""
    shutil.copytree(played, campaign, symlinks=True)
    for name in ("batch.parquet", "asked.parquet", "selection.json"):
        (campaign / "rounds" / "r001" / name).unlink()
    return campaign


def ask(server: str, what: str, **filters: Any) -> list[dict[str, Any]]:
    """A list from the server's API, such as `task_runs`."""
    answer = httpx.post(f"{server}/{what}/filter", json=filters, timeout=30)
    answer.raise_for_status()
    return list(answer.json())
