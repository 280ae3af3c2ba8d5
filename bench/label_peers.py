"""Strategies of other libraries in the label-efficiency measurement, where they are installed."""

from __future__ import annotations

import importlib.util
import inspect
from typing import Any

import numpy as np

from bench.label_sets import Split

_STRATEGIES = ("Badge", "TypiClust", "CoreSet", "MaxHerding", "Falcun")
PEERS = tuple(f"skactiveml:{name}" for name in _STRATEGIES)


def pick_by_peer(
    arm: str,
    parts: Split,
    labeled: np.ndarray,
    probabilities: np.ndarray | None,
    embeddings: np.ndarray,
    wanted: int,
    seed: int,
) -> np.ndarray:
    """Rows that scikit-activeml's strategy picks; the first batch, without a model, is random."""
    if importlib.util.find_spec("skactiveml") is None:
        raise ModuleNotFoundError(f"{arm} needs scikit-activeml; install it, or leave the arm out of --arms")
    from skactiveml import pool as strategies  # type: ignore[import-not-found]

    left = np.setdiff1d(np.arange(len(parts.pool)), labeled)
    if probabilities is None:
        return np.asarray(np.random.default_rng(seed).choice(left, wanted, replace=False))
    known = np.full(len(parts.pool), np.nan)
    known[labeled] = parts.pool_codes[labeled]
    strategy = getattr(strategies, arm.partition(":")[2])(random_state=seed)
    asked: dict[str, Any] = {"X": embeddings, "y": known, "batch_size": wanted}
    if "clf" in inspect.signature(strategy.query).parameters:
        asked |= {"clf": _given(probabilities, left), "fit_clf": False}
    return np.asarray(strategy.query(**asked))


def _given(probabilities: np.ndarray, left: np.ndarray) -> Any:
    """A classifier of theirs that answers with the probabilities that the learner gave."""
    from skactiveml.base import SkactivemlClassifier  # type: ignore[import-not-found]

    answers = {len(probabilities): probabilities, len(left): probabilities[left]}

    class Given(SkactivemlClassifier):
        def fit(self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None) -> Any:
            """It is fitted already."""
            return self

        def predict_proba(self, X: np.ndarray) -> np.ndarray:
            """Of all rows, or of those that are not labeled."""
            return answers[len(X)].astype(np.float64)

    given = Given(classes=np.arange(probabilities.shape[1]))
    given.classes_ = np.arange(probabilities.shape[1])
    return given
