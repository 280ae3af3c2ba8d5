"""Arenas: the same pool, test set and learner for every strategy of a seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from labelloop import files
from labelloop.backtesting.replay import Arena
from labelloop.campaign import CampaignSettings
from labelloop.datasets.base import Prepared
from labelloop.errors import DataError
from labelloop.models import show_pool
from labelloop.models.committee import committee_names


def make_arena(
    prepared: Prepared,
    settings: CampaignSettings,
    seed: int,
    new_learner: Callable[..., Any],
    *,
    truth: np.ndarray | None = None,
    tested: np.ndarray | None = None,
) -> Arena:
    """The arena of one seed.

    A given test set is used as it is; otherwise evaluation.test_size items are drawn anew for every seed.

    Args:
        truth: shape (len(pool),), int64: class codes to judge by, -1 for items that are left out. None takes
            the known labels.
        tested: rows of the test set, where it is neither given with the data nor to be drawn.

    Raises:
        DataError: too few items have a label.
    """
    codes = known_codes(prepared) if truth is None else truth
    labeled = np.flatnonzero(codes >= 0)
    if prepared.test is not None and prepared.test_known is not None:
        eligible, test_inputs = labeled, prepared.test.inputs(slice(None))
        tested = np.empty(0, dtype=np.int64)
        test_codes = _codes(prepared.test_known, prepared.classes)
    else:
        if tested is None:
            tested = _draw_test(labeled, settings.evaluation.test_size, seed)
        eligible = np.setdiff1d(labeled, tested)
        test_inputs, test_codes = prepared.pool.inputs(tested), codes[tested]
    if not len(eligible) or not len(test_codes):
        raise DataError(f"{len(labeled)} items have a label: {len(test_codes)} to judge on and "
                        f"{len(eligible)} to ask about are too few for a backtest")  # fmt: skip
    seeded = settings.model_copy(update={"campaign": settings.campaign.model_copy(update={"seed": seed})})
    learner = new_learner(seeded, prepared)
    show_pool(learner, prepared.pool.inputs, eligible)
    others = {}
    if settings.model.committee_of == "learners":
        names = committee_names(settings.model.committee_learners, prepared.pool.input_kind)
        others = {name: new_learner(seeded, prepared, name) for name in names}
        for other in others.values():
            show_pool(other, prepared.pool.inputs, eligible)
    return Arena(prepared, seeded, eligible, test_inputs, test_codes, learner, seed, others, tested)


def _draw_test(labeled: np.ndarray, size: int, seed: int) -> np.ndarray:
    if 2 * size > len(labeled):
        raise DataError(
            f"evaluation.test_size is {size}, but only {len(labeled)} items have a label; at most half of "
            f"them can be the test set, so set it to {len(labeled) // 2} or less"
        )
    rng = np.random.default_rng(int(files.digest_of(["test", seed])[:16], 16))
    return np.sort(rng.permutation(labeled)[:size])


def known_codes(prepared: Prepared) -> np.ndarray:
    """Shape (n,), int64: codes of the pool's known labels, -1 where there is none."""
    return _codes(prepared.known, prepared.classes)


def batch_sizes(settings: CampaignSettings, eligible: int) -> list[int]:
    """Labels after each round, as far as rounds, budget and pool allow."""
    acquisition, budget = settings.acquisition, settings.budget.labels or eligible
    last = min(budget, eligible)
    size = acquisition.first_batch_size or acquisition.batch_size
    sizes = [min(size, last)]
    while sizes[-1] < last and len(sizes) < (settings.stopping.max_rounds or last):
        sizes.append(min(sizes[-1] + acquisition.batch_size, last))
    return sizes


def _codes(labels: np.ndarray, classes: tuple[str, ...]) -> np.ndarray:
    known = {name: code for code, name in enumerate(classes)}
    return np.array([known.get(label, -1) for label in labels], dtype=np.int64)
