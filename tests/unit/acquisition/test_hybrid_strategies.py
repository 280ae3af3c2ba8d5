"""Density-weighted, cluster-margin, ranked batches and power margin do what their formulas say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from labelloop.acquisition import Context, Picks, make_strategy, select_rows
from labelloop.acquisition.committee import bald, member_variance
from labelloop.acquisition.entropy import entropy
from labelloop.acquisition.least_confident import least_confident
from labelloop.acquisition.margin import margin


def made(n: int = 200, seed: int = 0) -> Context:
    rng = np.random.default_rng(seed)
    labeled = np.arange(0, n, 5)
    return Context(
        np.setdiff1d(np.arange(n), labeled),
        labeled,
        rng.dirichlet(np.ones(4), size=n).astype(np.float32),
        rng.normal(size=(n, 3)).astype(np.float32),
        seed=1,
    )


def run(name: str, context: Context, batch: int, **options: float) -> Picks:
    return select_rows(make_strategy(name, options), context, batch)


def test_density_is_the_mean_cosine_over_all_pairs() -> None:
    context = made()
    points = context.embeddings[context.candidates].astype(np.float64)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    densities = (1 + (points @ points.T).mean(axis=1)) / 2
    worth = margin(context.probabilities, context.candidates) * densities**2
    expected = context.candidates[np.argsort(-worth)[:30]]
    assert run("density_weighted", context, 30, beta=2.0).rows.tolist() == expected.tolist()


def test_ranked_batch_picks_the_best_of_its_formula_after_every_pick() -> None:
    context = made()
    points = context.embeddings.astype(np.float64)
    doubts = margin(context.probabilities)
    candidates, covered = context.candidates, list(context.labeled)
    unit = np.sqrt(((points[candidates] - points[candidates].mean(axis=0)) ** 2).sum(axis=1).mean())
    share = len(candidates) / len(points)
    for _ in range(30):
        near = np.linalg.norm(points[:, None] - points[None, covered], axis=2).min(axis=1)
        worth = share * (1 - 1 / (1 + near / unit)) + (1 - share) * doubts
        worth[covered] = -1
        covered.append(int(worth.argmax()))
    found = run("ranked_batch", context, 30).rows.tolist()
    # The middle is rounded, which moves the unit a little: nearly tied rows may change places.
    assert len(set(found) & set(covered[-30:])) >= 28


def test_cluster_margin_picks_among_the_least_certain() -> None:
    context = made()
    doubtful = run("margin", context, 30).rows
    assert set(run("cluster_margin", context, 10, factor=3.0).rows) <= set(doubtful)


def test_cluster_margin_does_not_ask_the_same_twice() -> None:
    """Margin fills its batch with one doubtful cloud; cluster-margin asks in all three."""
    rng = np.random.default_rng(0)
    member = np.repeat([0, 1, 2], 40)
    first = np.array([0.50, 0.52, 0.54])[member]
    embeddings = (30 * np.eye(3)[member] + rng.normal(size=(120, 3))).astype(np.float32)
    probabilities = np.stack([first, 1 - first], axis=1).astype(np.float32)
    context = Context(np.arange(120), np.arange(0), probabilities, embeddings, seed=0)
    assert set(member[run("margin", context, 12).rows]) == {0}
    assert set(member[run("cluster_margin", context, 12).rows]) == {0, 1, 2}


POWERS = {
    "power_least_confident": lambda said: least_confident(said[0]),
    "power_margin": lambda said: margin(said[0]),
    "power_entropy": lambda said: entropy(said[0]),
    "power_bald": bald,
    "power_member_variance": member_variance,
}


@pytest.mark.parametrize("name", POWERS)
def test_powers_draw_in_proportion_to_the_score(name: str) -> None:
    """The first pick of 2,000 seeds against the chances: chi-squared."""
    first = np.array([0.5, 0.6, 0.7, 0.8, 0.9])
    members = np.stack([np.stack([a, 1 - a], axis=1) for a in (first, 1 - first**2)]).astype(np.float32)
    draws = np.zeros(5)
    for seed in range(2000):
        context = Context(np.arange(5), np.arange(0), members[0], None, seed, members=members)
        draws[run(name, context, 1).rows[0]] += 1
    scores = POWERS[name](members)
    expected = 2000 * scores / scores.sum()
    assert ((draws - expected) ** 2 / expected).sum() < 18.5  # The 99.9% quantile at 4 degrees of freedom.


@pytest.mark.parametrize("name", POWERS)
def test_a_large_power_is_the_plain_score(name: str) -> None:
    context = dataclasses.replace(made(), members=np.stack([made(seed=s).probabilities for s in (1, 2)]))
    plain = run(name.removeprefix("power_"), context, 20)
    assert run(name, context, 20, power=1e6).rows.tolist() == plain.rows.tolist()


def test_power_margin_weights_give_unbiased_sums() -> None:
    """The mean of sum(x / chance) over many draws is the pool's sum, within four standard errors."""
    probabilities = made(40).probabilities
    values, sums = np.arange(40.0), []
    for seed in range(1500):
        picks = run("power_margin", Context(np.arange(40), np.arange(0), probabilities, None, seed), 15)
        sums.append((values[picks.rows] / picks.probabilities).sum())
    assert abs(np.mean(sums) - values.sum()) < 4 * np.std(sums) / np.sqrt(len(sums))


def test_power_margin_draws_equal_rows_each_by_itself() -> None:
    """50 copies each of two rows without ids: about half a batch of each, as the chances say."""
    probabilities = np.repeat([[0.5, 0.5], [0.55, 0.45]], 50, axis=0).astype(np.float32)
    values, firsts, sums = np.arange(100) % 7 + 5.0 * (np.arange(100) < 50), [], []
    for seed in range(600):
        picks = run("power_margin", Context(np.arange(100), np.arange(0), probabilities, None, seed), 10)
        firsts.append((picks.rows < 50).sum())
        sums.append((values[picks.rows] / picks.probabilities).sum())
    assert abs(np.mean(firsts) - 10 / 1.9) < 0.3
    assert np.var(firsts) < 3.5  # 2.3 by the hypergeometric; 25 where copies go together
    assert abs(np.mean(sums) - values.sum()) < 4 * np.std(sums) / np.sqrt(len(sums))
