"""The user's own model and strategy, in modules that lie in the campaign's folder."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

LEARNER = '''
import json
import numpy as np


class Nearest:
    """The class whose mean is nearest; says nothing of whether it is fitted."""

    def __init__(self, n_classes, seed, sharpness=1.0):
        self.n_classes, self.seed, self.sharpness = n_classes, seed, sharpness
        self.means = None

    def observe(self, shards):
        self.width = [shard.shape[1] for shard in shards][0]

    def fit(self, inputs, targets, sample_weight=None):
        self.means = np.stack([inputs[targets == c].mean(axis=0) if (targets == c).any()
                               else np.full(inputs.shape[1], 9.0) for c in range(self.n_classes)])
        return self

    def predict_proba(self, inputs):
        if self.means is None:
            return np.full((len(inputs), self.n_classes), 1 / self.n_classes, dtype=np.float32)
        distance = ((inputs[:, None] - self.means) ** 2).sum(axis=2)
        likely = np.exp(-self.sharpness * (distance - distance.min(axis=1, keepdims=True)))
        return (likely / likely.sum(axis=1, keepdims=True)).astype(np.float32)

    def embed(self, inputs):
        return inputs.astype(np.float32)

    def save(self, folder):
        means = None if self.means is None else self.means.tolist()
        (folder / "means.json").write_text(json.dumps([self.n_classes, self.seed, self.sharpness, means]))

    @classmethod
    def load(cls, folder):
        n_classes, seed, sharpness, means = json.loads((folder / "means.json").read_text())
        learner = cls(n_classes, seed, sharpness)
        learner.means = None if means is None else np.array(means)
        return learner
'''

STRATEGY = '''
import numpy as np
from labelloop.acquisition.base import Picks, needs


@needs("probabilities")
def last_rows(context, batch_size, skip=0):
    """The last candidates of the pool."""
    assert context.probabilities is not None
    rows = context.candidates[::-1][skip : skip + batch_size]
    return Picks(rows, np.arange(len(rows), 0, -1, dtype=float), np.ones(len(rows)))
'''


@pytest.fixture(autouse=True)
def _forgotten() -> Any:
    """Modules of a test's campaign must not be found by the next test."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("own_"):
            del sys.modules[name]


def test_a_model_of_ones_own_is_trained_picks_and_is_kept(
    clouds: Callable[..., Path], labelloop: Callable[..., Any], tmp_path: Path
) -> None:
    """Named by import path, from a module in the campaign's folder, wherever the command is started."""
    folder = clouds(model={"name": "own_learner:Nearest", "options": {"sharpness": 2.0}})
    (folder / "own_learner.py").write_text(LEARNER)
    ended = labelloop("run", "--plain", folder, cwd=tmp_path)
    assert ended.code == 0, ended.error
    assert (folder / "rounds" / "r002" / "model" / "means.json").exists()
    assert json.loads((folder / "rounds" / "r002" / "metrics.json").read_text())["accuracy"] > 0.5
    scores = json.loads((folder / "rounds" / "r001" / "scores" / "scores.json").read_text())
    assert (scores["strategy"], scores["arrays"]) == ("auto", ["embeddings", "probabilities"])


def test_a_strategy_of_ones_own_picks_the_batch(
    clouds: Callable[..., Path], labelloop: Callable[..., Any], tmp_path: Path
) -> None:
    """Its option is passed, and the strategy arm is what it picked."""
    folder = clouds(
        acquisition={"strategy": "own_strategy:last_rows", "options": {"skip": 2}, "control_share": 0.0},
        evaluation={"test_size": 5},
        stopping={"max_rounds": 2},
    )
    (folder / "own_strategy.py").write_text(STRATEGY)
    ended = labelloop("run", "--plain", folder, cwd=tmp_path)
    assert ended.code == 0, ended.error
    pool = pq.read_table(folder / "data" / "pool.parquet").to_pandas()
    taken = set(pq.read_table(folder / "rounds" / "r000" / "asked.parquet")["item"].to_pylist())
    free = [item for item in pool["item"] if item not in taken]
    batch = pq.read_table(folder / "rounds" / "r001" / "batch.parquet").to_pandas()
    assert batch["item"].tolist() == free[::-1][2:12]
    assert set(batch["arm"]) == {"strategy"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"model": {"name": "own_missing:Learner"}}, "no module 'own_missing'"),
        ({"acquisition": {"strategy": "own_missing:pick"}}, "no module 'own_missing'"),
    ],
)
def test_a_module_that_is_not_there_is_named(
    changes: dict[str, Any], says: str, clouds: Callable[..., Path], labelloop: Callable[..., Any]
) -> None:
    """Before anybody is asked; with the module in place the campaign runs."""
    folder = clouds(**changes)
    ended = labelloop("run", "--plain", folder)
    assert ended.code == 2
    assert says in ended.error
    assert not (folder / "rounds").exists()
