"""What a round's strategy is told of its labeled rows comes from models that have not seen their labels."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import gold_campaigns
import numpy as np
import pandas as pd
import pytest

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.stages.backtest import backtest
from labelloop.stages.twin import random_twin

SEEN: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
"""Of each batch: labels, what the model says of their rows, what models say that were not trained on them."""


class ByHeart:
    """A learner that knows what it was taught, and says the first class of everything else."""

    def __init__(self, *, n_classes: int, input_kind: str = "features", **_: Any) -> None:
        self.n_classes, self.input_kind, self.known = n_classes, input_kind, {}

    def observe(self, shards: Any) -> None:
        pass

    def fit(self, inputs: np.ndarray, targets: np.ndarray, sample_weight: Any = None) -> Self:
        rows = np.asarray(inputs, dtype=np.float32)
        self.known = {row.tobytes(): int(code) for row, code in zip(rows, targets, strict=True)}
        return self

    def predict_proba(self, inputs: np.ndarray) -> np.ndarray:
        rows = np.asarray(inputs, dtype=np.float32)
        codes = [self.known.get(row.tobytes(), 0) for row in rows]
        return np.eye(self.n_classes, dtype=np.float32)[codes]

    def embed(self, inputs: np.ndarray) -> np.ndarray:
        return np.asarray(inputs, dtype=np.float32)

    def save(self, folder: Path) -> None:
        np.savez(folder / "known.npz", rows=np.array(list(self.known)), codes=list(self.known.values()),
                 n_classes=self.n_classes)  # fmt: skip

    @classmethod
    def load(cls, folder: Path) -> Self:
        with np.load(folder / "known.npz") as kept:
            learner = cls(n_classes=int(kept["n_classes"]))
            learner.known = dict(zip(kept["rows"].tolist(), kept["codes"].tolist(), strict=True))
        return learner


@needs("probabilities", "labels")
def watching(context: Context, batch_size: int) -> Picks:
    """The first candidates; notes what it was told."""
    assert context.probabilities is not None and context.labels is not None and context.held_out is not None
    rows, labels = context.labeled[context.labels >= 0], context.labels[context.labels >= 0]
    SEEN.append((labels, np.asarray(context.probabilities)[rows], context.held_out(rows)))
    nothing = np.full(batch_size, np.nan)
    return Picks(context.candidates[:batch_size], nothing, np.ones(batch_size))


@pytest.fixture
def campaign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, labelloop: Callable[..., Any]) -> Path:
    monkeypatch.setitem(sys.modules, "held_out_parts", sys.modules[__name__])
    monkeypatch.setattr(random_twin, "__defaults__", (1,))
    SEEN.clear()
    labelloop("init", tmp_path)
    gold_campaigns.write(
        tmp_path,
        acquisition={"strategy": "held_out_parts:watching", "batch_size": 30},
        annotation={"overlap": 1, "test_overlap": 1,
                    "simulation": {"annotators": [{"name": "ada", "accuracy": 1.0}]}},
        model={"name": "held_out_parts:ByHeart"},
        gold={},
        stopping={"max_rounds": 2},
    )  # fmt: skip
    return tmp_path


def check(labels: np.ndarray, said: np.ndarray, held_out: np.ndarray) -> None:
    """By heart all is right; held out only the first class is, which is said of all that was not taught."""
    assert len(labels) >= 20
    assert (said.argmax(axis=1) == labels).all()
    assert (held_out.argmax(axis=1) == 0).all() and np.isfinite(held_out).all()


def test_in_a_campaign(campaign: Path, labelloop: Callable[..., Any]) -> None:
    said = labelloop("run", "--plain", campaign)
    assert said.code == 0, said.error
    assert len(SEEN) == 1
    check(*SEEN[0])


def test_in_a_backtest(campaign: Path, tmp_path: Path) -> None:
    backtest(campaign / "params.yaml", tmp_path / "out", strategies=["held_out_parts:watching"], seeds=1)
    assert len(SEEN) == 1 and len(pd.read_csv(tmp_path / "out" / "curves.csv")) == 2
    check(*SEEN[0])
