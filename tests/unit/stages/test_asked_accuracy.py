"""Accuracy on asked items: told where the chances of all draws are known, and only there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from labelloop import files
from labelloop.evaluation.weighted import lure_weights
from labelloop.stages.asked_accuracy import UNKNOWN

SETTINGS: dict[str, Any] = {
    "campaign": {"name": "asked", "seed": 3},
    "dataset": {"kind": "table", "path": "rows.csv", "label_column": "label"},
    "model": {"name": "logistic"},
    "annotation": {"overlap": 1, "test_overlap": 1},
    "evaluation": {"test_size": 20, "bootstrap": 20},
    "stopping": {"max_rounds": 2},
    "tracking": {"enabled": False},
    "versioning": {"enabled": False, "git_commit": False, "git_tag": False},
}


def play(folder: Path, labelloop: Callable[..., Any], strategy: str) -> dict[str, Any]:
    labelloop("init", folder)
    random = np.random.default_rng(0)
    codes = random.integers(3, size=500)
    rows = pd.DataFrame(random.normal(1.0 * codes[:, None], 1.0, (500, 3)), columns=list("abc"))
    rows.assign(label=[f"class-{code}" for code in codes]).to_csv(folder / "rows.csv", index=False)
    acquisition = {"strategy": strategy, "batch_size": 40}
    (folder / "params.yaml").write_text(yaml.safe_dump({**SETTINGS, "acquisition": acquisition}))
    said = labelloop("run", "--plain", folder)
    assert said.code == 0, said.error
    return dict(files.read_json(folder / "rounds" / "r001" / "metrics.json"))


@pytest.mark.parametrize("strategy", ["power_margin", "random"])
def test_known_draws_give_a_labelled_figure(
    tmp_path: Path, labelloop: Callable[..., Any], strategy: str
) -> None:
    metrics = play(tmp_path, labelloop, strategy)
    assert metrics["asked_accuracy_low"] <= metrics["asked_accuracy"] <= metrics["asked_accuracy_high"]
    assert metrics["asked_accuracy_items"] == 40
    report = (tmp_path / "rounds" / "r001" / "report.md").read_text()
    assert f"Accuracy on asked items, weighted: {metrics['asked_accuracy']:.1%}" in report
    first = files.read_json(tmp_path / "rounds" / "r000" / "metrics.json")
    assert {name: first[name] for name in UNKNOWN} == UNKNOWN  # No model had asked yet.

    batch = pd.read_parquet(tmp_path / "rounds" / "r001" / "batch.parquet")
    drawn = pd.concat([batch[batch["arm"] == arm] for arm in ("control", "strategy")])["draw_probability"]
    selection = files.read_json(tmp_path / "rounds" / "r001" / "selection.json")
    before = pd.read_parquet(tmp_path / "rounds" / "r000" / "asked.parquet")
    assert selection["drawn_from"] == 500 - len(before)
    # Draws that are even, control's or all of a random strategy, weigh the same.
    weights = lure_weights(drawn.to_numpy(), selection["drawn_from"])
    even = (batch["arm"] == "control").sum() if strategy == "power_margin" else 40
    np.testing.assert_allclose(weights[:even], 1.0)


def test_a_strategy_by_rank_says_nothing(tmp_path: Path, labelloop: Callable[..., Any]) -> None:
    metrics = play(tmp_path, labelloop, "badge")
    assert {name: metrics[name] for name in UNKNOWN} == UNKNOWN
    batch = pd.read_parquet(tmp_path / "rounds" / "r001" / "batch.parquet")
    assert batch.loc[batch["arm"] == "strategy", ["probability", "draw_probability"]].isna().all(axis=None)
    assert batch.loc[batch["arm"] == "control", "probability"].between(0, 1).all()
    assert "weighted" not in (tmp_path / "rounds" / "r001" / "report.md").read_text()
