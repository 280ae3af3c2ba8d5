"""Small campaigns for the tests of this folder, and what must be equal in two that ended the same way."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml
from killing import Kill, command

SETTINGS: dict[str, Any] = {
    "campaign": {"name": "crash", "seed": 5},
    "model": {"name": "logistic", "pool": "none"},
    "acquisition": {"batch_size": 20, "shard_size": 512},
    "annotation": {"overlap": 2, "test_overlap": 3},
    "evaluation": {"test_size": 60, "bootstrap": 20},
    "stopping": {"max_rounds": 3},
    "tracking": {"enabled": False},
    "versioning": {"enabled": False},
}
STRAGGLERS = {"deadline_hours": 0.05, "quorum": 0.6}
"""Rounds close long before the last answer is in."""


def make(folder: Path, **changes: dict[str, Any]) -> Path:
    """A new campaign with SETTINGS, sections changed as given."""
    settings = {name: SETTINGS.get(name, {}) | changes.get(name, {}) for name in SETTINGS | changes}
    params = folder.parent / f"{folder.name}.yaml"
    params.write_text(yaml.safe_dump(settings))
    ended = command("init", "--own-git", "--params", params, folder)
    assert ended.code == 0, ended.output
    return folder


def copy(campaign: Path, folder: Path) -> Path:
    shutil.copytree(campaign, folder, symlinks=True)
    return folder


def killed(campaign: Path, kill: Kill, **how: str) -> None:
    """`labelloop run`, which must reach the kill."""
    ended = command("run", "--plain", campaign, kill=kill, **how)
    assert ended.code == -9, f"was not killed {kill}: {ended.output}"


def finished(campaign: Path) -> Path:
    """`labelloop run` to the end."""
    ended = command("run", "--plain", campaign)
    assert ended.code == 0, ended.output
    return campaign


def contents(campaign: Path, *names: str) -> dict[str, bytes]:
    """Every file below, by its path."""
    found = [file for name in names for file in sorted((campaign / name).rglob("*")) if file.is_file()]
    return {file.relative_to(campaign).as_posix(): file.read_bytes() for file in found}


def result(campaign: Path) -> dict[str, Any]:
    """All that a campaign ended with. pushed.jsonl is a log, so of it only what was asked and when counts."""
    files: dict[str, Any] = dict(contents(campaign, "data", "rounds"))
    for path in sorted((campaign / "rounds").glob("*/pushed.jsonl")):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        tasks = [line["tasks"] for line in lines if line["event"] == "receipts"]
        receipts = {key: tool_id for chunk in tasks for key, tool_id in chunk.items()}
        files[path.relative_to(campaign).as_posix()] = (
            receipts,
            {line["at"] for line in lines if "at" in line},
        )
    ledger = yaml.safe_load((campaign / "rounds.yaml").read_text())
    files["rounds.yaml"] = {
        name: ledger[name] for name in ("prepare", "sources", "rounds", "open", "stopped")
    }
    curve = campaign / "reports" / "learning_curve.csv"
    files["reports/learning_curve.csv"] = curve.read_bytes()
    return files


def assert_same_end(campaign: Path, reference: dict[str, Any]) -> None:
    """Same bytes as the reference, nothing half-written left, nobody asked twice, every vote there once."""
    ended = result(campaign)
    assert sorted(ended) == sorted(reference)
    assert [name for name in reference if ended[name] != reference[name]] == []
    assert list(campaign.rglob(".writing-*")) == []
    assert_asked_once(campaign)


def assert_asked_once(campaign: Path) -> None:
    """The tool has every task of every round once, and every event that it showed is a vote once."""
    asked = tool_keys(campaign)
    assert len(asked) == len(set(asked))
    rounds = sorted((campaign / "rounds").iterdir())
    tasks = [key for folder in rounds for key in pq.read_table(folder / "tasks.parquet")["key"].to_pylist()]
    assert sorted(tasks) == sorted(asked)
    votes = [
        vote for folder in rounds for vote in pq.read_table(folder / "votes.parquet")["vote"].to_pylist()
    ]
    assert len(votes) == len(set(votes))
    assert sorted(votes) == sorted(pq.read_table(rounds[-1] / "collected.parquet")["vote"].to_pylist())


def tool_keys(campaign: Path) -> list[str]:
    """Every task that the simulated tool was given, in order."""
    logs = sorted((campaign / ".labelloop" / "simulated" / "rounds").glob("*.jsonl"))
    lines = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
    return [line["key"] for line in lines if "key" in line]
