"""Strategies of other libraries in the label-efficiency measurement, where they are installed."""

from __future__ import annotations

import importlib.util

import numpy as np

from bench.label_sets import Split

_SKACTIVEML = ("BADGE", "TypiClust", "CoreSet", "ProbCover", "DropQuery", "Falcun")
PEERS = tuple(f"skactiveml:{name}" for name in _SKACTIVEML)


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
    asked = {"X": embeddings, "y": known, "batch_size": wanted}
    if "clf" in strategy.query.__code__.co_varnames:
        asked |= {"clf": _Given(probabilities), "fit_clf": False}
    return np.asarray(strategy.query(**asked))


class _Given:
    """Stands for the fitted model: answers with the probabilities that the learner gave."""

    def __init__(self, probabilities: np.ndarray) -> None:
        self.classes_ = np.arange(probabilities.shape[1])
        self._probabilities = probabilities

    def predict_proba(self, features: np.ndarray) -> np.ndarray:
        """Of all rows; a peer that asks for fewer is not supported."""
        if len(features) != len(self._probabilities):
            raise ValueError(f"asked about {len(features)} rows, but {len(self._probabilities)} are known")
        return self._probabilities
