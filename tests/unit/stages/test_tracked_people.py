"""Names of annotators reach MLflow only where the settings let them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

NAMES = ("zebediah", "quentina", "oswaldo")


@pytest.mark.parametrize("log_people", [True, False])
def test_names_reach_mlflow_only_if_they_may(
    tmp_path: Path, labelloop: Callable[..., Any], log_people: bool
) -> None:
    """One guesses and is told of: in quality.json, in the report, on the page of annotators."""
    random = np.random.default_rng(0)
    side = random.integers(2, size=200)
    settings = {
        "campaign": {"name": "named"},
        "dataset": {"kind": "arrays", "path": "points.npz"},
        "model": {"pool": "none"},
        "acquisition": {"batch_size": 30, "first_batch_size": 40},
        "annotation": {
            "overlap": 3, "test_overlap": 3,
            "simulation": {"annotators": [
                {"name": name, "accuracy": accuracy}
                for name, accuracy in zip(NAMES, (0.95, 0.9, 0.5), strict=True)
            ]},
        },
        "evaluation": {"test_size": 30, "bootstrap": 20},
        "stopping": {"max_rounds": 2},
        "tracking": {"log_people": log_people, "log_model": False},
        "versioning": {"enabled": False},
    }  # fmt: skip
    folder = tmp_path / "campaign"
    labelloop("init", folder, "--own-git")
    np.savez(folder / "points.npz", x_train=random.normal(size=(200, 3)) + 3 * side[:, None],
             y_train=np.array(["left", "right"])[side])  # fmt: skip
    (folder / "params.yaml").write_text(yaml.safe_dump(settings))
    said = labelloop("run", "--plain", folder)
    assert said.code == 0, said.error
    report = (folder / "rounds" / "r001" / "report.md").read_text()
    assert any(name in report for name in NAMES)
    tracked = [folder / "mlflow.db", *(p for p in (folder / "mlartifacts").rglob("*") if p.is_file())]
    assert any(path.name == "per_class.csv" for path in tracked)
    naming = [path.name for path in tracked for name in NAMES if name.encode() in path.read_bytes()]
    assert bool(naming) == log_people
