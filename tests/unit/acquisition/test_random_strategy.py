"""Random picks every candidate with the same chance."""

from __future__ import annotations

import numpy as np
import pytest

from labelloop.acquisition import Context, make_strategy, select_rows


@pytest.mark.parametrize("with_ids", [True, False])
def test_every_candidate_is_picked_as_often_as_recorded(with_ids: bool) -> None:
    counts = np.zeros(30)
    ids = np.array([f"i{row}" for row in range(30)], dtype=object) if with_ids else None
    candidates = np.arange(10, 30)
    for seed in range(3000):
        context = Context(candidates, np.arange(10), None, None, seed, ids)
        picks = select_rows(make_strategy("random", {}), context, 5)
        assert (picks.probabilities == 5 / 20).all()
        counts[picks.rows] += 1
    expected = 3000 * 5 / 20
    assert ((counts[10:] - expected) ** 2 / (expected * 0.75)).sum() < 55


def test_rounds_with_other_seeds_are_other_draws() -> None:
    batches = {
        tuple(
            select_rows(
                make_strategy("random", {}), Context(np.arange(99), np.arange(0), None, None, s), 5
            ).rows
        )
        for s in range(20)
    }
    assert len(batches) == 20
