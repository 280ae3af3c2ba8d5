"""Accuracy on asked items: told where the chances of all draws are known, and only there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from small_campaigns import UNRECORDED, clouds

from labelloop import datasets, files
from labelloop.evaluation.intervals import wilson
from labelloop.evaluation.weighted import FEWEST, lure_weights
from labelloop.models import load_learner
from labelloop.stages.asked_accuracy import UNKNOWN, sentence

SETTINGS: dict[str, Any] = {
    "campaign": {"name": "asked", "seed": 3},
    "dataset": {
        "kind": "table",
        "path": "rows.csv",
        "label_column": "label",
        "numeric_columns": ["a", "b", "c"],
    },
    "model": {"name": "logistic", "pool": "none"},
    "annotation": {"overlap": 1, "test_overlap": 1},
    "evaluation": {"test_size": 20, "bootstrap": 20},
    "stopping": {"max_rounds": 2},
    **UNRECORDED,
}


def play(
    folder: Path, labelloop: Callable[..., Any], strategy: str, compose: dict[str, Any] | None = None
) -> dict[str, Any]:
    labelloop("init", folder)
    rows = clouds(500, 1.0, "abc")
    rows.assign(site=np.where(rows["a"] < 0, "rare", "usual")).to_csv(folder / "rows.csv", index=False)
    acquisition = {"strategy": strategy, "batch_size": 40, "compose": compose or {}}
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
    assert f"weighted by the chances they were drawn with: {metrics['asked_accuracy']:.1%}" in report
    assert metrics["asked_accuracy_by"] == "draws"
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


def said_right(folder: Path, arm: str) -> tuple[pd.DataFrame, np.ndarray]:
    """The items of r001's arm, and whether the model of r000 is right about each."""
    batch = pd.read_parquet(folder / "rounds" / "r001" / "batch.parquet").query("arm == @arm")
    labels = pd.read_parquet(folder / "rounds" / "r001" / "labels.parquet").set_index("item")["label"]
    prepared = datasets.open_prepared(folder / "data")
    rows = prepared.pool.rows_of(batch["item"].tolist())
    said = load_learner(folder / "rounds" / "r000" / "model").predict_proba(prepared.pool.inputs(rows))
    names = np.array(prepared.classes)[said.argmax(axis=1)]
    return batch, names == batch["item"].map(labels).to_numpy()


@pytest.mark.parametrize(
    ("strategy", "compose"),
    [("auto", None), *((name, {"filter": {"site": "usual"}}) for name in ("random", "power_margin"))],
)
def test_where_the_strategys_chances_are_not_known_the_control_arm_tells(
    tmp_path: Path, labelloop: Callable[..., Any], strategy: str, compose: dict[str, Any] | None
) -> None:
    """Its items are a plain random sample of what was left, whatever else is picked or kept out."""
    metrics = play(tmp_path, labelloop, strategy, compose)
    batch, right = said_right(tmp_path, "control")
    assert batch["draw_probability"].notna().all() and len(batch) >= 4
    assert metrics["asked_accuracy_by"] == "control" and metrics["asked_accuracy_items"] == len(batch)
    assert metrics["asked_accuracy"] == pytest.approx(right.mean())
    low, high = wilson(int(right.sum()), len(right), 0.95)
    assert (metrics["asked_accuracy_low"], metrics["asked_accuracy_high"]) == pytest.approx((low, high))
    report = (tmp_path / "rounds" / "r001" / "report.md").read_text()
    told = "control items, a plain random sample of what was left to ask"
    assert (told in report) == (len(batch) >= FEWEST)
    assert told in sentence(metrics | {"asked_accuracy_items": FEWEST})


def test_random_in_strata_is_weighted_by_the_items_own_chances(
    tmp_path: Path, labelloop: Callable[..., Any]
) -> None:
    """Half of the items are of a site that has few: a plain mean would speak of that site."""
    metrics = play(tmp_path, labelloop, "random", {"stratify_by": "site", "shares": "equal"})
    batch, right = said_right(tmp_path, "strategy")
    weights = 1 / batch["probability"].to_numpy()
    assert weights.max() > 1.5 * weights.min()
    assert metrics["asked_accuracy_by"] == "chances" and metrics["asked_accuracy_items"] == len(batch)
    assert metrics["asked_accuracy"] == pytest.approx((weights * right).sum() / weights.sum())
    assert metrics["asked_accuracy_low"] < metrics["asked_accuracy"] < metrics["asked_accuracy_high"]


def test_a_filter_that_keeps_out_nothing_leaves_the_draws_known(
    tmp_path: Path, labelloop: Callable[..., Any]
) -> None:
    metrics = play(tmp_path, labelloop, "power_margin", {"filter": {"site": ["usual", "rare"]}})
    assert metrics["asked_accuracy_by"] == "draws" and metrics["asked_accuracy_items"] == 40
    selection = files.read_json(tmp_path / "rounds" / "r001" / "selection.json")
    batch = pd.read_parquet(tmp_path / "rounds" / "r001" / "batch.parquet")
    assert selection["drawn_among"] == selection["drawn_from"] - (batch["arm"] == "control").sum()
