"""Small campaigns with second looks, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from small_campaigns import UNRECORDED, clouds

from labelloop import driving, tables
from labelloop.round_folder import RoundFolder
from labelloop.workspace import Workspace

CREW = [{"name": f"p{n}", "accuracy": 0.55 + 0.05 * n, "skip_rate": 0.05} for n in range(6)]
SETTINGS: dict[str, dict[str, Any]] = {
    "campaign": {"name": "looks", "seed": 1},
    "dataset": {"kind": "table", "path": "rows.csv", "test_path": "test.csv", "label_column": "label"},
    "model": {"name": "logistic", "pool": "none"},
    "acquisition": {"strategy": "margin", "batch_size": 20, "first_batch_size": 40, "control_share": 0.2},
    "annotation": {"overlap": 2, "test_overlap": 1, "max_overlap": 4, "simulation": {"annotators": CREW}},
    "evaluation": {"bootstrap": 20},
    "stopping": {"max_rounds": 4},
    **UNRECORDED,
}


def campaign(folder: Path, **changes: dict[str, Any]) -> Workspace:
    return written(folder, SETTINGS, changes, items=400, apart=1.2)


def written(
    folder: Path, base: dict[str, Any], changes: dict[str, Any], *, items: int, apart: float
) -> Workspace:
    """Settings, three clouds of items whose centres are so far apart, and sixty test items."""
    folder.mkdir(parents=True)
    rows = clouds(items + 60, apart)
    rows[:items].to_csv(folder / "rows.csv", index=False)
    rows[items:].to_csv(folder / "test.csv", index=False)
    settings = {name: base.get(name, {}) | changes.get(name, {}) for name in [*base, *changes]}
    (folder / "params.yaml").write_text(yaml.safe_dump(settings))
    return Workspace.at(folder)


def finished(workspace: Workspace) -> Workspace:
    driving.run(workspace, plain=True, poll_seconds=0.0, told=lambda line: None)
    return workspace


def relabeled(folder: RoundFolder) -> pd.DataFrame:
    batch = tables.BATCH.read(folder.batch)
    return batch[batch["arm"] == "relabel"]
