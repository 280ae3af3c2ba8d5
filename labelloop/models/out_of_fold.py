"""What a learner says of items whose labels it has not seen: trained on the other folds."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection
from functools import cache
from typing import Any

import numpy as np

from labelloop import files
from labelloop.datasets.base import Prepared

Ask = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""`(ids, class codes) -> probabilities`, shape (n, n_classes), NaN where the model has no say."""


def out_of_fold(
    learner: Any, prepared: Prepared, folds: int, unheard: set[str], untaught: Collection[str] = ()
) -> Ask:
    """Ask a learner about every item when it has been trained on the other folds' items.

    Folds follow from the items' ids, so an item stays in its fold from round to round. Nothing is asked about
    an item whose label is of a class that the other folds do not have: the model cannot know it.

    Args:
        learner: untrained; copied for every fold.
        unheard: items that are neither trained on nor asked about.
        untaught: items that are asked about and never trained on.
    """

    kept_out = frozenset(untaught)

    def predict(items: np.ndarray, codes: np.ndarray) -> np.ndarray:
        predicted = np.full((len(items), len(prepared.classes)), np.nan)
        heard = np.array([item not in unheard for item in items], dtype=bool)
        fold = np.array([int(files.digest_of(item)[:8], 16) % folds for item in items])
        rows = prepared.pool.rows_of(list(items))
        taught = heard & np.array([item not in kept_out for item in items], dtype=bool)
        for number in range(folds):
            others = taught & (fold != number)
            asked = heard & (fold == number) & np.isin(codes, codes[others])
            if not asked.any() or len(np.unique(codes[others])) < 2:
                continue
            order = np.flatnonzero(others)[np.argsort(rows[others], kind="stable")]
            fitted = copy.deepcopy(learner).fit(prepared.pool.inputs(rows[order]), codes[order])
            predicted[asked] = fitted.predict_proba(prepared.pool.inputs(rows[asked]))
        return predicted

    return predict


def held_out(
    untrained: Callable[[], Any], prepared: Prepared, folds: int, rows: np.ndarray, codes: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    """Out-of-fold probabilities of labeled rows, worked out when they are first asked for.

    Args:
        untrained: makes the learner, before any label.
        rows: shape (l,), int64, ascending, of the pool.
        codes: shape (l,), int64: their class codes; -1 without a label, about which nothing is known.

    Returns:
        `(some of the rows) -> probabilities`; see `acquisition.base.Context.held_out`.
    """

    @cache
    def worked_out() -> np.ndarray:
        known = codes >= 0
        found = np.full((len(rows), len(prepared.classes)), np.nan, dtype=np.float32)
        ids = prepared.pool.ids[rows[known]]
        found[known] = out_of_fold(untrained(), prepared, folds, set())(ids, codes[known])
        return found

    def of(some: np.ndarray) -> np.ndarray:
        return np.asarray(worked_out()[np.searchsorted(rows, some)])

    return of
