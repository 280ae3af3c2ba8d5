"""Pseudo-labels are counted where they are made: how many, of which class, how sure."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelloop import files
from labelloop.models import load_learner, make_learner, pool_learner, save_learner, show_pool
from labelloop.models.pool_gate import Predict, Verdict, judge
from labelloop.models.pseudo_labels import PseudoLabels, counted
from labelloop.models.self_training import self_train
from labelloop.reporting.pool_words import pool_metrics, pool_words
from labelloop.settings.pool import PoolOptions

CLASSES = ("oak", "ash")


def two_views(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Ten columns of either view that tell the class, apart from each other."""
    random = np.random.default_rng(seed)
    codes = random.integers(2, size=n)
    points = random.normal(size=(n, 40)).astype(np.float32)
    for view in (0, 20):
        points[:, view] += 2.5 * (2 * codes - 1)
    return points, codes


def fitted(monkeypatch: pytest.MonkeyPatch, pool: str, chosen: str, **options: float) -> Any:
    """A learner of 16 rows whose gate tries everything and then takes `chosen`, whatever is best."""

    def take(predict: Predict, targets: np.ndarray, points: np.ndarray, seed: int) -> Verdict:
        return replace(judge(predict, targets, points, seed), chosen=chosen)

    monkeypatch.setattr(pool_learner, "judge", take)
    points, codes = two_views(900, 4)
    learner: Any = make_learner(
        "logistic", n_classes=2, seed=0, options={}, input_kind="features", pool=pool,
        views=(tuple(range(20)), tuple(range(20, 40))) if pool == "co_training" else None,
        pool_options=PoolOptions(**options),
    )  # fmt: skip
    learner.observe([points])
    show_pool(learner, lambda rows: points[rows], np.arange(len(points)))
    return learner.fit(points[:16], codes[:16])


class Counting:
    """A learner that notes how many rows of each class its last fit had, and at which weight."""

    def __init__(self, inner: Any, fits: list[np.ndarray]) -> None:
        self.inner, self.fits, self.n_classes = inner, fits, inner.n_classes

    def __deepcopy__(self, memo: Any) -> Counting:
        return Counting(copy.deepcopy(self.inner), self.fits)

    def fit(self, inputs: np.ndarray, targets: np.ndarray, weight: np.ndarray | None = None) -> Counting:
        self.fits.append(np.bincount(targets, minlength=2))
        self.inner.fit(inputs, targets, weight)
        return self

    def predict_proba(self, inputs: np.ndarray) -> np.ndarray:
        return np.asarray(self.inner.predict_proba(inputs))


def test_the_counts_are_those_of_the_rows_that_the_fit_was_given() -> None:
    points, codes = two_views(500, 0)
    base = make_learner("logistic", n_classes=2, seed=0, options={}, input_kind="features")
    base.observe([points])
    fits: list[np.ndarray] = []
    taught = self_train(Counting(base, fits), points[:30], codes[:30], None, points, threshold=0.9)  # type: ignore[arg-type]
    last = fits[-1] - np.bincount(codes[:30], minlength=2)
    assert taught.pseudo_labels.by_class == tuple(last.tolist())
    assert taught.pseudo_labels.items == last.sum() > 0
    assert taught.pseudo_labels.least_confidence >= 0.9


def test_confidence_is_that_of_the_class_that_was_taken() -> None:
    said = np.array([[0.9, 0.1], [0.3, 0.7], [0.5, 0.5], [0.01, 0.99]])
    assert counted(said, np.array([0, 1, 3])) == PseudoLabels(
        (1, 2), 4, 0.7, pytest.approx((0.9 + 0.7 + 0.99) / 3)
    )


@pytest.mark.parametrize("pool", ["self_training", "co_training"])
def test_counts_are_kept_with_the_model_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pool: str
) -> None:
    learner = fitted(monkeypatch, pool, pool, threshold=0.8)
    save_learner(learner, "logistic", tmp_path / "model")
    about = files.read_json(tmp_path / "model" / "pool.json")
    told = about["pseudo_labels"]
    assert about["shown"] == 900
    assert told["items"] == sum(told["by_class"]) > 0
    assert 0.8 <= told["least_confidence"] <= told["mean_confidence"] <= 1
    words = pool_words(tmp_path / "model", CLASSES)
    assert words.startswith(learner.verdict.reason)
    assert f"{told['items']} of the 900 items" in words and f"oak {told['by_class'][0]}" in words
    assert pool_metrics(tmp_path / "model")["pseudo_labels"] == told["items"]
    assert pool_metrics(tmp_path / "model")["pool_used"] == 1
    save_learner(load_learner(tmp_path / "model"), "logistic", tmp_path / "again")
    assert files.digest(tmp_path / "again") == files.digest(tmp_path / "model")


def test_a_fit_that_is_not_taken_leaves_no_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Candidates are fitted inside the gate as well: what they took is not what the model was made with."""
    learner = fitted(monkeypatch, "self_training", "plain", threshold=0.8)
    save_learner(learner, "logistic", tmp_path / "model")
    assert files.read_json(tmp_path / "model" / "pool.json")["pseudo_labels"] is None
    assert pool_words(tmp_path / "model", CLASSES) == learner.verdict.reason
    assert pool_metrics(tmp_path / "model") == {"pool_used": 0}


def test_the_report_says_how_large_the_graph_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = fitted(monkeypatch, "graph", "graph")
    save_learner(learner, "logistic", tmp_path / "model")
    assert "Its graph has 900 items of the pool" in pool_words(tmp_path / "model", CLASSES)


def test_models_of_earlier_versions_tell_the_reason_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = fitted(monkeypatch, "self_training", "self_training", threshold=0.8)
    save_learner(learner, "logistic", tmp_path / "model")
    path = tmp_path / "model" / "pool.json"
    kept = {k: v for k, v in files.read_json(path).items() if k not in ("shown", "pseudo_labels")}
    files.write_json(path, kept)
    assert pool_words(tmp_path / "model", CLASSES) == kept["reason"]
    assert load_learner(tmp_path / "model").pseudo_labels is None  # type: ignore[attr-defined]


def test_a_learner_without_the_pool_says_nothing(tmp_path: Path) -> None:
    assert pool_words(tmp_path, CLASSES) == "" and pool_metrics(tmp_path) == {}
