"""Classes with an order: the label with the least expected number of steps off."""

from __future__ import annotations

import numpy as np
from crowds import accuracy, coded

from labelloop.fusion.choosing import auto
from labelloop.fusion.fitting import fused
from labelloop.fusion.ordinal import by_median, expected_steps


def test_no_other_label_is_expected_to_be_off_by_fewer_steps() -> None:
    """And among equals it is the lower one, flagged as a tie."""
    posterior = np.random.default_rng(0).dirichlet(np.full(6, 0.5), 500)
    posterior = np.vstack([posterior, [0.5, 0, 0.5, 0, 0, 0], [0.25, 0.25, 0.25, 0.25, 0, 0]])
    fusion = by_median(fused(posterior, "some/1"))
    steps = np.abs(np.arange(6)[:, None] - np.arange(6)[None, :])
    losses = posterior @ steps
    np.testing.assert_allclose(expected_steps(fusion), losses.min(axis=1), atol=1e-12)
    np.testing.assert_array_equal(
        fusion.label, (losses <= losses.min(axis=1, keepdims=True) + 1e-9).argmax(axis=1)
    )
    assert fusion.tie.tolist() == [False] * 500 + [True, True]


def test_noisy_steps_are_undone_with_fewer_steps_off_than_by_the_likeliest_class() -> None:
    """People who are a step or two off: the median is nearer to the truth, over ten crowds."""
    nearer = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        truth = rng.integers(0, 7, 400)
        item, who = np.repeat(np.arange(400), 3), np.tile(np.arange(12), 100)
        label = np.clip(truth[item] + np.round(rng.normal(0, 1.5, 1200)), 0, 6)
        votes = coded(item, who, label, 400, 12, 7)
        fusion = auto(votes)
        median = by_median(fusion)
        np.testing.assert_array_equal(median.posterior, fusion.posterior)
        nearer.append(np.abs(fusion.label - truth).mean() - np.abs(median.label - truth).mean())
        assert accuracy(median.label, truth) > 1 / 7
    assert np.mean(nearer) > 0


def test_gold_stays() -> None:
    posterior = np.eye(4)[[3, 0, 2]]
    fusion = by_median(fused(posterior, "some/1", np.array([3, 0, 2])))
    assert fusion.label.tolist() == [3, 0, 2]
    assert not fusion.tie.any()


def test_no_items_are_no_error() -> None:
    assert len(by_median(fused(np.empty((0, 3)), "some/1")).label) == 0
