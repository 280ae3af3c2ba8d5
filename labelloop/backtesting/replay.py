"""One campaign replayed in memory on data whose labels are known: no tool, no files, no waiting.

It is the live loop's choice, composition and learner; only the asking is short-circuited. What differs from
the live loop is said here: there is no control arm, no second look and no gold, nothing is accepted from the
model, and the test set's labels are the known ones.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from labelloop import files
from labelloop.acquisition import make_strategy, select_rows
from labelloop.acquisition.base import Context
from labelloop.acquisition.keys import id_keys
from labelloop.acquisition.reduction import PURPOSE, most_doubtful
from labelloop.backtesting.composing import Composing
from labelloop.backtesting.judging import ACCURACY, judge
from labelloop.campaign import CampaignSettings
from labelloop.datasets.base import Items, Prepared
from labelloop.models.committee import Labels, train_committee
from labelloop.models.label_weights import weighed
from labelloop.models.out_of_fold import held_out

LabelSource = Callable[[np.ndarray, int], np.ndarray]
"""`(all rows asked so far, round) -> their class codes`; -1 where nobody gave an answer that counts.

Rows of earlier rounds come first, in the order asked: later answers may change what an item is called."""

SHARD = 16384
COMMITTEE = 5
"""Members where the settings name none: a backtest may try what the campaign does not have yet."""


@dataclass(frozen=True)
class Arena:
    """What all replays with one seed share: the pool, the test set and the learner before any label."""

    prepared: Prepared
    settings: CampaignSettings
    eligible: np.ndarray
    """Shape (m,), int64, ascending: rows that may be asked about."""
    test_inputs: np.ndarray
    test_codes: np.ndarray
    learner: Any
    """Untrained, after `observe`; copied for every fit."""
    seed: int
    others: Mapping[str, Any] = field(default_factory=dict)
    """Further untrained learners by name, for a committee of different ones."""
    tested: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    """Rows of the pool that are the test set; none where it is given with the data."""
    _embeddings: dict[str, np.ndarray] = field(default_factory=dict)

    def untrained_embeddings(self) -> np.ndarray:
        """The pool where the untrained learner sees it, computed once."""
        if "start" not in self._embeddings:
            self._embeddings["start"] = over_pool(self.learner.embed, self.prepared.pool)
        return self._embeddings["start"]


@dataclass(frozen=True)
class Point:
    """A point of a learning curve."""

    labels: int
    accuracy: float
    cost: float = 0.0
    """Money for all answers so far, as far as the source of labels knows."""
    judged: float = float("nan")
    """By the metric that the replay was asked for; the accuracy if by none."""


def replay(
    arena: Arena,
    strategy: str,
    sizes: Sequence[int],
    labels_of: LabelSource,
    *,
    cold_start: str | None = None,
    composing: Composing | None = None,
    metric: str = ACCURACY,
) -> list[Point]:
    """Run one campaign.

    Args:
        strategy: name or import path; the options are those of the settings if they are for it.
        sizes: labels asked for after each round, ascending; a batch that composition makes smaller is not
            made up for later.
        cold_start: strategy of the first round; None takes the settings'.
        composing: how batches are put together; None leaves that to the strategy alone.
        metric: see `judging.judge`.

    Returns:
        A point a round, as far as the pool and the money last. `labels` counts items that got a label.
    """
    settings = arena.settings
    rows = codes = np.array([], dtype=np.int64)
    learner, points, cost = None, [], 0.0
    for number, (size, before) in enumerate(zip(sizes, [0, *sizes], strict=False)):
        candidates = np.setdiff1d(arena.eligible, rows)
        wanted = min(size - before, len(candidates))
        if wanted <= 0:
            break
        name = (cold_start or settings.acquisition.cold_start) if learner is None else strategy
        picked = _pick(arena, learner, name, candidates, rows, codes, wanted, number, composing, cost)
        if not len(picked):
            break
        rows = np.concatenate([rows, picked])
        codes = labels_of(rows, number)
        posterior = getattr(labels_of, "posterior", None)
        known = codes >= 0
        learner = fit(arena, rows[known], codes[known], None if posterior is None else posterior[known])
        cost = float(getattr(labels_of, "cost", 0.0))
        right = accuracy(learner, arena)
        judged = right if metric == ACCURACY else judged_by(metric, learner, arena)
        points.append(Point(int((codes >= 0).sum()), right, cost, judged))
    return points


def fit(arena: Arena, rows: np.ndarray, codes: np.ndarray, posterior: np.ndarray | None = None) -> Any:
    """The arena's learner, trained on these rows; rows go in their order in the pool.

    Args:
        posterior: shape (n_rows, n_classes), how sure the labels are, where their source tells; counts as
            `model.label_weights` says.
    """
    order = np.argsort(rows, kind="stable")
    rows, targets, weights = rows[order], codes[order], None
    if posterior is not None:
        weighing = arena.settings.model.label_weights
        shown, targets, weights = weighed(targets, posterior[order], None, weighing)
        rows = rows[shown]
    return copy.deepcopy(arena.learner).fit(arena.prepared.pool.inputs(rows), targets, weights)


def accuracy(learner: Any, arena: Arena) -> float:
    """Share of right answers on the arena's test set."""
    return judged_by(ACCURACY, learner, arena)


def judged_by(metric: str, learner: Any, arena: Arena) -> float:
    """The learner on the arena's test set, by `judging.judge`."""
    predicted = learner.predict_proba(arena.test_inputs).argmax(axis=1)
    return judge(metric, arena.test_codes, predicted, arena.prepared.classes)


def over_pool(compute: Callable[[np.ndarray], np.ndarray], pool: Items) -> np.ndarray:
    """`compute` over all rows, shard by shard, as float32."""
    shards = [compute(pool.inputs(slice(start, start + SHARD))) for start in range(0, len(pool), SHARD)]
    return np.concatenate(shards).astype(np.float32, copy=False)


def _pick(
    arena: Arena,
    learner: Any,
    name: str,
    candidates: np.ndarray,
    labeled: np.ndarray,
    codes: np.ndarray,
    wanted: int,
    number: int,
    composing: Composing | None,
    spent: float,
) -> np.ndarray:
    acquisition, trained = arena.settings.acquisition, learner is not None
    own = trained and name == acquisition.strategy
    chosen = make_strategy(name, acquisition.options if own else {})
    needs = chosen.needs if composing is None else composing.needs(chosen, trained=trained)
    reduced = acquisition.candidates is not None and bool(needs)
    probabilities = embeddings = None
    if trained and ("probabilities" in needs or (reduced and chosen.doubt is not False)):
        probabilities = over_pool(learner.predict_proba, arena.prepared.pool)
    if "embeddings" in needs:
        embeddings = (
            arena.untrained_embeddings() if learner is None else over_pool(learner.embed, arena.prepared.pool)
        )
    order = np.argsort(labeled, kind="stable")
    known = labeled[order], codes[order]
    folds = arena.settings.fusion.folds
    context = Context(
        candidates=candidates,
        labeled=known[0],
        probabilities=probabilities,
        embeddings=embeddings,
        seed=int(files.digest_of([arena.seed, number])[:8], 16),
        ids=arena.prepared.pool.ids,
        members=_members(arena, learner, labeled, codes, number) if "members" in needs else None,
        labels=known[1],
        classes=arena.prepared.classes,
        reserved=arena.tested,
        held_out=held_out(lambda: arena.learner, arena.prepared, folds, *known) if trained else None,
    )
    if reduced:
        allowed = None if composing is None else composing.allowed
        doubted = probabilities if trained and chosen.goes_by_doubt(context) else None
        looked_at = _looked_at(context, doubted, allowed, acquisition.candidates or 0)
        context = replace(context, candidates=looked_at)
    if composing is None:
        return select_rows(chosen, context, wanted).rows
    return composing.pick(chosen, context, wanted, trained=trained, spent=spent).rows


def _looked_at(
    context: Context, probabilities: np.ndarray | None, allowed: np.ndarray | None, count: int
) -> np.ndarray:
    """The rows that the strategy looks at under `acquisition.candidates`, as a live round chooses them.

    Args:
        probabilities: of the whole pool, where the strategy goes by the model's doubt; None draws at random.
        allowed: shape (n,), bool: rows that the filter lets in; None lets in all.
    """
    rows = context.candidates if allowed is None else context.candidates[allowed[context.candidates]]
    ids = context.ids
    assert ids is not None

    def keys(some: np.ndarray) -> np.ndarray:
        return id_keys(ids[some], context.seed, PURPOSE)

    return most_doubtful(rows, probabilities, count, keys).rows


def _members(arena: Arena, model: Any, rows: np.ndarray, codes: np.ndarray, number: int) -> np.ndarray | None:
    """What the members of a committee say: shape (members, n, n_classes); None without labels."""
    rows, codes = rows[codes >= 0], codes[codes >= 0]
    if model is None or len(rows) == 0:
        return None
    order = np.argsort(rows, kind="stable")
    inputs, targets = arena.prepared.pool.inputs(rows[order]), codes[order]
    settings, pool = arena.settings.model, arena.prepared.pool

    def fit(name: str, draws: np.ndarray | None) -> Any:
        return copy.deepcopy(arena.others.get(name, arena.learner)).fit(inputs, targets, draws)

    committee = train_committee(
        settings.committee_of,
        settings.committee or COMMITTEE,
        name=settings.name,
        others=list(arena.others),
        model=model,
        labels=Labels(len(rows), fit, lambda: (inputs, targets, None)),
        seed_of=lambda member: int(files.digest_of(["committee", arena.seed, number, member])[:16], 16),
    )
    return np.stack([over_pool(member.predict_proba, pool) for _, member in committee])
