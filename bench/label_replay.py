"""One campaign of the label-efficiency measurement, replayed on labeled data.

All strategies of a set and seed see the same pool and test set, and fit the same learner to what they picked.
What does not depend on the picks is made once: the pool's embedding, the sample and projection of the graph,
and neighbours among rows that were looked up before. That changes no figure.
"""

from __future__ import annotations

import copy
import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.label_peers import PEERS, STARTERS, pick_by_peer
from bench.label_sets import Split

COLD_START = "max_herding"
"""First batch of every strategy that needs a model, ours or another library's; the others pick their own."""
COLD_START_OPTIONS = {"targets": 1000}
"""As it always was here, so that figures of other arms hold when the default changes."""
_OWN_START = {"random", "auto", "typiclust", "max_herding", "k_means", "k_center"} | STARTERS
GROWTH = 0.5
"""A batch is this part of the labels there are, and no smaller than the first."""
_REMEMBERED = 24


def sizes_of(classes: int, most: int) -> list[int]:
    """Labels after each round: at least one a class and ten, then half as many again each time."""
    first = max(10, classes)
    sizes = [min(first, most)]
    while sizes[-1] < most:
        batch = max(min(first, 50), int(GROWTH * sizes[-1]))
        sizes.append(min(most, sizes[-1] + batch))
    return sizes


class Replay:
    """A set, a seed and what the learner makes of the pool.

    Args:
        parts: pool and test set.
        pool: of the learner: '' for the plain one, or a value of `model.pool`.
        seed: of the learner, and part of the strategies' seeds.
    """

    def __init__(self, parts: Split, pool: str, seed: int) -> None:
        from labelloop.models import make_learner
        from labelloop.models.pool_learner import PoolLearner
        from labelloop.models.views import resolve_views

        self.parts, self.seed = parts, seed
        learner: Any = make_learner(
            "logistic", n_classes=parts.classes, seed=seed, options={}, input_kind="features"
        )
        learner.observe([parts.pool])
        self._embeddings = np.asarray(learner.embed(parts.pool))
        self._ids = np.array([f"row-{number}" for number in range(len(parts.pool))])
        if pool:
            _remember_neighbours()
            # These sets have no two groups of columns of their own: random halves.
            views = resolve_views([], [], parts.pool.shape[1], seed) if pool == "co_training" else None
            learner = PoolLearner(learner, pool=pool, seed=seed, views=views)
            learner.see_pool(parts.pool)
        self._untrained = learner

    def run(self, strategy: str, most: int, aim: float = 0.0) -> list[tuple[int, float]]:
        """Labels and accuracy, round by round, up to `most` labels, and on until `aim` is reached."""
        n = len(self.parts.pool)
        sizes = sizes_of(self.parts.classes, min(most, n))
        sizes += [size for size in sizes_of(self.parts.classes, n) if size > sizes[-1]] if aim else []
        return self.run_sizes(strategy, sizes, most, aim)

    def run_sizes(
        self, strategy: str, sizes: Sequence[int], most: float = float("inf"), aim: float = 0.0
    ) -> list[tuple[int, float]]:
        """As `run`, with the labels after each round given."""
        labeled: np.ndarray = np.empty(0, dtype=np.int64)
        learner, points = None, []
        for number, size in enumerate(sizes):
            if size > most and max(reached for _, reached in points) >= aim:
                break
            picked = self.pick(strategy, labeled, learner, size - len(labeled), number)
            labeled = np.sort(np.concatenate([labeled, picked]))
            learner = self.fit(labeled)
            points.append((len(labeled), self.accuracy(learner)))
        return points

    def full(self) -> float:
        """Accuracy with every label of the pool."""
        return self.accuracy(self.fit(np.arange(len(self.parts.pool))))

    def fit(self, rows: np.ndarray) -> Any:
        """The learner trained on these rows of the pool."""
        return copy.deepcopy(self._untrained).fit(self.parts.pool[rows], self.parts.pool_codes[rows])

    def right(self, learner: Any) -> np.ndarray:
        """Which test items a learner gets right, bool."""
        answers = learner.predict_proba(self.parts.test).argmax(axis=1)
        return np.asarray(answers == self.parts.test_codes)

    def accuracy(self, learner: Any) -> float:
        """Share of right answers on the test set."""
        return float(self.right(learner).mean())

    def pick(self, strategy: str, labeled: np.ndarray, learner: Any, wanted: int, number: int) -> np.ndarray:
        """Rows of the pool that a strategy asks about next, in its order."""
        from labelloop.acquisition import Context, make_strategy, select_rows

        cold = learner is None and strategy not in _OWN_START
        if cold:
            strategy = COLD_START
        probabilities = learner.predict_proba(self.parts.pool) if learner else None
        codes = self.parts.pool_codes[labeled]
        if strategy in PEERS:
            return pick_by_peer(
                strategy, labeled, codes, probabilities, self._embeddings, wanted, 1000 * self.seed + number
            )
        context = Context(
            candidates=np.setdiff1d(np.arange(len(self.parts.pool)), labeled),
            labeled=labeled,
            probabilities=probabilities,
            embeddings=self._embeddings,
            seed=1000 * self.seed + number,
            labels=codes,
            ids=self._ids,
        )
        chosen = make_strategy(strategy, COLD_START_OPTIONS if cold else {})
        return np.asarray(select_rows(chosen, context, wanted).rows)


def _remember_neighbours() -> None:
    """Have the graph's search for neighbours answer from memory what it was asked before.

    Every fit of a seed looks for the neighbours of the same pool and test set among the same points.
    """
    from labelloop.models import graph_smoothing

    real = graph_smoothing.nearest
    if hasattr(real, "answers"):
        return
    answers: OrderedDict[tuple[Any, ...], Any] = OrderedDict()

    def nearest(queries: np.ndarray, points: np.ndarray, count: int, *, skip_same: bool = False) -> Any:
        key = (_digest(queries), _digest(points), count, skip_same)
        if key not in answers:
            answers[key] = real(queries, points, count, skip_same=skip_same)
            while len(answers) > _REMEMBERED:
                answers.popitem(last=False)
        answers.move_to_end(key)
        return answers[key]

    nearest.answers = answers  # type: ignore[attr-defined]
    graph_smoothing.nearest = nearest  # type: ignore[assignment]


def _digest(array: np.ndarray) -> bytes:
    content = np.ascontiguousarray(array)
    return hashlib.blake2b(content.data, digest_size=16, key=str(array.shape).encode()).digest()
