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


def make_arena(
    prepared: Prepared, settings: CampaignSettings, seed: int, new_learner: Callable[..., Any]
) -> Arena:
    """The arena of one seed.

    A given test set is used as it is; otherwise evaluation.test_size items are drawn anew for every seed.

    Raises:
        DataError: an item of the pool has no label, so nothing can be replayed.
    """
    codes = known_codes(prepared)
    unknown = np.flatnonzero(codes < 0)
    if len(unknown):
        first = prepared.pool.ids[unknown[0]]
        raise DataError(
            f"{len(unknown)} of {len(prepared.pool)} items have no label, such as {first!r}; "
            "a backtest replays labeled data only"
        )
    everything = np.arange(len(prepared.pool))
    if prepared.test is not None and prepared.test_known is not None:
        eligible, test_inputs = everything, prepared.test.inputs(slice(None))
        test_codes = _codes(prepared.test_known, prepared.classes)
    else:
        size = settings.evaluation.test_size
        drawn = np.random.default_rng(int(files.digest_of(["test", seed])[:16], 16)).permutation(everything)
        tested, eligible = np.sort(drawn[:size]), np.sort(drawn[size:])
        test_inputs, test_codes = prepared.pool.inputs(tested), codes[tested]
    seeded = settings.model_copy(update={"campaign": settings.campaign.model_copy(update={"seed": seed})})
    learner = new_learner(seeded, prepared)
    show_pool(learner, prepared.pool.inputs, eligible)
    return Arena(prepared, seeded, eligible, test_inputs, test_codes, learner, seed)


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
