"""Campaigns whose labels by votes are accepted under a certificate, for tests."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from labelloop import tables
from labelloop.ledger import Ledger
from labelloop.workspace import Workspace

CLASSES = ("left", "right")
FUSED = {"fused": {"target_error": 0.1, "delta": 0.2, "looks": 3}}
CREW = [{"name": name, "accuracy": 0.9} for name in ("ann", "bob", "cy", "dan", "eve")]
Command = Callable[..., Any]


def settings(rounds: int, audits_from: str, **more: dict[str, Any]) -> dict[str, Any]:
    return {
        "campaign": {"name": "crowd"},
        "dataset": {"kind": "arrays", "path": "points.npz"},
        "model": {"name": "logistic", "pool": "none"},
        "acquisition": {"batch_size": 120, "first_batch_size": 200, "strategy": "margin"},
        "annotation": {"overlap": 3, "max_overlap": 5, "target_confidence": 0.98, "test_overlap": 3,
                       "simulation": {"annotators": CREW}},
        "evaluation": {"test_size": 60, "bootstrap": 200},
        "stopping": {"max_rounds": rounds},
        "accept": {"audits_from": audits_from} | FUSED,
        "fusion": {"method": "one_coin"},
        "tracking": {"enabled": False},
        "versioning": {"enabled": False},
    } | more  # fmt: skip


class Campaign:
    """A campaign that is run round by round, and whose truth is known."""

    routed_by: pd.DataFrame
    """The labels by which people were found for second looks."""

    def __init__(self, folder: Path, command: Command) -> None:
        self.workspace, self.command = Workspace.at(folder), command
        data = np.load(folder / "points.npz", allow_pickle=False)
        self.truth = dict(zip((f"points-{row:08d}" for row in range(len(data["y_train"]))), data["y_train"],
                              strict=True))  # fmt: skip

    def run(self, rounds: int, audits_from: str = "r000", **more: dict[str, Any]) -> None:
        params = settings(rounds, audits_from, **more)
        (self.workspace.root / "params.yaml").write_text(yaml.safe_dump(params))
        said = self.command("run", self.workspace.root, "--plain")
        assert said.code == 0, said.error

    def review(self, many: int, wrong: Callable[[str], bool] = lambda item: False) -> None:
        """Read so many of the random slice; verdicts are the truth, but where `wrong` says otherwise."""
        queue = self.workspace.root / "queue.csv"
        how = ("--random", str(many), "--no-model", "--open")
        said = self.command("review", self.workspace.root, "--out", queue, *how)
        assert said.code == 0, said.error
        rows = [row for row in csv.DictReader(queue.open()) if row["reason"] == "random"]
        last = Ledger.read(self.workspace.ledger).last_closed
        assert last is not None
        labels = self.labels(last.id).set_index("item")["label"]
        for row in rows:
            other = next(name for name in CLASSES if name != labels[row["item"]])
            row["answer"] = other if wrong(row["item"]) else str(self.truth[row["item"]])
        pd.DataFrame(rows).to_csv(queue, index=False)
        said = self.command("review", self.workspace.root, "--take", queue, "--by", "max")
        assert said.code == 0, said.error

    def told(self, round_id: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.workspace.round(round_id).certificate.read_text())["fused"]
        return content

    def accepted(self, round_id: str) -> pd.DataFrame:
        return tables.ACCEPTED.read(self.workspace.round(round_id).accepted)

    @property
    def end(self) -> datetime:
        """When r002's certificate expires."""
        return datetime.fromisoformat(self.told("r002")["certificate"]["expires_at"])

    def labels(self, round_id: str) -> pd.DataFrame:
        return tables.LABELS.read(self.workspace.round(round_id).labels)

    def copy(self, folder: Path) -> Campaign:
        shutil.copytree(self.workspace.root, folder, symlinks=True)
        return Campaign(folder, self.command)
