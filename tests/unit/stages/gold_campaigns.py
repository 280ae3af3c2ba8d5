"""Campaigns with gold among the questions, and one annotator of four who answers badly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from small_campaigns import UNRECORDED, clouds

from labelloop.stages.runner import Round
from labelloop.workspace import Workspace

CREW = [{"name": name, "accuracy": 0.9} for name in ("ann", "bo", "cy")] + [{"name": "weak", "accuracy": 0.2}]
SETTINGS: dict[str, dict[str, Any]] = {
    "campaign": {"name": "golden", "seed": 1},
    "dataset": {"kind": "table", "path": "rows.csv", "label_column": "label", "id_column": "id"},
    "model": {"name": "logistic", "pool": "none"},
    "acquisition": {"batch_size": 18, "shard_size": 256},
    "annotation": {"overlap": 2, "test_overlap": 2, "simulation": {"annotators": CREW}},
    "evaluation": {"test_size": 30, "bootstrap": 20},
    "gold": {"known": 40, "share": 0.25, "overlap": 3},
    "stopping": {"max_rounds": 3},
    **UNRECORDED,
}
ROWS = 400


def write(folder: Path, rows: int = ROWS, **changes: dict[str, Any]) -> None:
    table = clouds(rows, 2.0)
    table.insert(0, "id", [f"row{number:03d}" for number in range(rows)])
    table.to_csv(folder / "rows.csv", index=False)
    settings = {name: SETTINGS[name] | changes.get(name, {}) for name in SETTINGS}
    settings |= {name: content for name, content in changes.items() if name not in SETTINGS}
    (folder / "params.yaml").write_text(yaml.safe_dump(settings))


def rounds(campaign: Path) -> list[Round]:
    workspace = Workspace.at(campaign)
    return [Round(workspace, folder.id) for folder in workspace.rounds()]
