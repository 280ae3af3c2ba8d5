"""Strategies of other libraries in the label-efficiency measurement, where they are installed."""

from __future__ import annotations

import importlib.util
import inspect
import random
import warnings
from typing import Any

import numpy as np

_PACKAGES = {"skactiveml": "scikit-activeml", "small_text": "small-text"}
_STRATEGIES = {
    "skactiveml": (
        "UncertaintySampling", "Badge", "Clue", "CoreSet", "Falcun", "MaxHerding", "ProbCover", "TypiClust",
    ),
    "small_text": (
        "BreakingTies", "PredictionEntropy", "GreedyCoreset", "LightweightCoreset", "EmbeddingKMeans",
        "ContrastiveActiveLearning",
    ),
}  # fmt: skip
PEERS = tuple(f"{package}:{name}" for package, names in _STRATEGIES.items() for name in names)
STARTERS = frozenset(f"skactiveml:{name}" for name in ("CoreSet", "MaxHerding", "ProbCover", "TypiClust"))
"""They need neither a model nor a label, so they pick their first batch themselves."""


def pick_by_peer(
    name: str,
    labeled: np.ndarray,
    codes: np.ndarray,
    probabilities: np.ndarray | None,
    embeddings: np.ndarray,
    wanted: int,
    seed: int,
) -> np.ndarray:
    """Rows that another library's strategy picks, from our model's probabilities and embeddings.

    Args:
        name: of `PEERS`.
        labeled: shape (l,), int64, ascending.
        codes: shape (l,), int64: their classes.
        probabilities: shape (n, n_classes), or None while there is no model, which only `STARTERS` bear.

    Raises:
        ModuleNotFoundError: the library is not installed.
    """
    package, _, strategy = name.partition(":")
    if importlib.util.find_spec(package) is None:
        raise ModuleNotFoundError(f"{name} needs {_PACKAGES[package]}; install it, or leave it out")
    pick = _by_skactiveml if package == "skactiveml" else _by_small_text
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        picked = np.asarray(pick(strategy, labeled, codes, probabilities, embeddings, wanted, seed))
    # One of them returns a row twice now and then; it is asked about once, and the batch is the smaller.
    return np.setdiff1d(picked, labeled)


def _by_skactiveml(
    name: str,
    labeled: np.ndarray,
    codes: np.ndarray,
    probabilities: np.ndarray | None,
    embeddings: np.ndarray,
    wanted: int,
    seed: int,
) -> Any:
    from skactiveml import pool as strategies  # type: ignore[import-not-found]

    known = np.full(len(embeddings), np.nan)
    known[labeled] = codes
    options = {"method": "margin_sampling"} if name == "UncertaintySampling" else {}
    strategy = getattr(strategies, name)(random_state=seed, **options)
    asked: dict[str, Any] = {"X": embeddings, "y": known, "batch_size": wanted}
    taken = inspect.signature(strategy.query).parameters
    for model in {"clf", "estimator"} & set(taken):
        assert probabilities is not None
        left = np.setdiff1d(np.arange(len(embeddings)), labeled)
        asked |= {model: _given(probabilities, left), f"fit_{model}": False}
    return strategy.query(**asked)


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


def _by_small_text(
    name: str,
    labeled: np.ndarray,
    codes: np.ndarray,
    probabilities: np.ndarray | None,
    embeddings: np.ndarray,
    wanted: int,
    seed: int,
) -> Any:
    from small_text import query_strategies as strategies  # type: ignore[import-not-found]

    # It draws from the global generators.
    np.random.seed(seed)
    random.seed(seed)
    left = np.setdiff1d(np.arange(len(embeddings)), labeled)
    strategy = getattr(strategies, name)()
    options: dict[str, Any] = {}
    if isinstance(strategy, strategies.EmbeddingBasedQueryStrategy):
        # It takes the rows that are left first, then the labeled ones.
        options = {"embeddings": embeddings[np.concatenate([left, labeled])], "pbar": None}
    elif name == "ContrastiveActiveLearning":
        options = {"embeddings": embeddings, "pbar": None}
    rows = np.arange(len(embeddings))
    return strategy.query(_Asked(probabilities, embeddings), rows, left, labeled, codes, n=wanted, **options)


class _Asked:
    """What small-text asks of a classifier, for a data set that is an array of row numbers."""

    def __init__(self, probabilities: np.ndarray | None, embeddings: np.ndarray) -> None:
        self._probabilities = probabilities
        self._embeddings = embeddings

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        assert self._probabilities is not None
        return self._probabilities[rows]

    def embed(self, rows: np.ndarray, return_proba: bool = False, **_others: Any) -> Any:
        if not return_proba:
            return self._embeddings[rows]
        return self._embeddings[rows], self.predict_proba(rows)
