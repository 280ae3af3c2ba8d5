"""Batches hold to their composition: caps, shares, filters, money; whatever the strategy."""

from __future__ import annotations

import dataclasses
import time
import tracemalloc
from typing import Any

import numpy as np
import pytest

from labelloop.acquisition import Context, Picks, make_strategy, select_rows
from labelloop.acquisition.composition import Composition, compose
from labelloop.acquisition.shares import apportion, cross
from labelloop.errors import DataError, SettingsError
from labelloop.evaluation.weighted import lure_weights

SIZE, BATCH = 300, 24
STRATEGIES = ["random", "margin", "power_margin", "k_means", "badge", "uherding", "error_based", "auto"]
some_strategies = pytest.mark.parametrize("name", STRATEGIES)


def pool(seed: int = 1) -> Context:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(3), size=SIZE).astype(np.float32)
    rows = np.arange(SIZE)
    return Context(
        candidates=rows[rows % 6 != 0],
        labeled=rows[rows % 6 == 0],
        probabilities=probabilities,
        embeddings=rng.normal(size=(SIZE, 4)).astype(np.float32),
        seed=5,
        ids=np.array([f"item-{rng.integers(10**12)}" for _ in rows], dtype=object),
        labels=rng.integers(3, size=len(rows[rows % 6 == 0])),
    )


def made(seed: int = 2) -> dict[str, np.ndarray]:
    """Columns of the pool: uneven strata, groups of about six rows with some rows alone, and costs."""
    rng = np.random.default_rng(seed)
    return {
        "strata": rng.choice(3, p=[0.6, 0.3, 0.1], size=SIZE),
        "groups": rng.integers(-5, 50, size=SIZE).clip(-1),
        "costs": rng.integers(1, 40, size=SIZE) / 8,
        "allowed": rng.random(SIZE) < 0.7,
    }


def run(name: str, context: Context, batch_size: int = BATCH, **asked: Any) -> Picks:
    return compose(make_strategy(name), context, batch_size, Composition(**asked))


@some_strategies
def test_with_nothing_asked_the_picks_are_the_strategys_own(name: str) -> None:
    plain, composed = select_rows(make_strategy(name), pool(), BATCH), run(name, pool())
    for field in ("rows", "scores", "probabilities"):
        assert getattr(plain, field).tobytes() == getattr(composed, field).tobytes()


@some_strategies
def test_no_group_has_more_than_the_cap_labeled_ones_included(name: str) -> None:
    context, groups = pool(), made()["groups"]
    picks = run(name, context, groups=groups, cap=2)
    before = np.bincount(groups[context.labeled][groups[context.labeled] >= 0], minlength=50)
    new = np.bincount(groups[picks.rows][groups[picks.rows] >= 0], minlength=50)
    assert len(picks.rows) == BATCH
    assert (new <= np.maximum(2 - before, 0)).all()


@some_strategies
def test_a_cap_that_binds_nobody_changes_nothing(name: str) -> None:
    alone = np.arange(SIZE)
    assert run(name, pool(), groups=alone, cap=1).rows.tolist() == run(name, pool()).rows.tolist()


@some_strategies
@pytest.mark.parametrize("equal", [False, True])
def test_shares_of_strata_are_met_up_to_rounding(name: str, equal: bool) -> None:
    strata = made()["strata"]
    picked = np.bincount(strata[run(name, pool(), strata=strata, equal=equal).rows], minlength=3)
    exact = BATCH * (np.full(3, 1 / 3) if equal else np.bincount(strata) / SIZE)
    assert (np.abs(picked - exact) < 1).all()


def test_a_stratum_that_runs_out_leaves_its_share_to_the_others() -> None:
    strata = (np.arange(SIZE) >= 8).astype(np.int64)  # six candidates and two labeled rows
    picked = np.bincount(strata[run("margin", pool(), strata=strata, equal=True).rows])
    assert picked.tolist() == [6, 18]


@some_strategies
def test_nothing_is_picked_that_the_filter_keeps_out(name: str) -> None:
    allowed = made()["allowed"]
    assert allowed[run(name, pool(), allowed=allowed).rows].all()


def test_a_subsample_is_all_that_the_strategy_sees_and_is_random() -> None:
    """Margin picks its best of 60 drawn rows; the draw is another one for another seed."""
    context = pool()
    batches = []
    for seed in range(40):
        rows = run("margin", dataclasses.replace(context, seed=seed), 12, subsample=60).rows
        batches.append(set(rows.tolist()))
    best = set(run("margin", context, 12).rows.tolist())
    # A sample of 60 of 250 holds 12 * 60 / 250 = 2.9 of the best 12 on average.
    assert 1.9 < np.mean([len(batch & best) for batch in batches]) < 3.9
    assert len({tuple(sorted(batch)) for batch in batches}) == 40


def test_a_subsample_of_copies_without_ids_has_some_of_each() -> None:
    """Of five kinds of rows with forty copies each, 50 drawn hold about ten of each."""
    kinds = np.repeat(np.arange(5), 40)
    probabilities = np.eye(5, dtype=np.float32)[kinds] * 0.8 + np.float32(0.04)
    context = Context(np.arange(200), np.empty(0, np.int64), probabilities, None, 0)
    for seed in range(20):
        rows = run("margin", dataclasses.replace(context, seed=seed), 50, subsample=50).rows
        assert np.bincount(kinds[rows], minlength=5).min() >= 2


def test_strategies_mix_by_share_and_no_row_comes_twice() -> None:
    margin, random = make_strategy("margin"), make_strategy("random")
    picks = run("k_means", pool(), 25, mix=((margin, 0.7), (random, 0.3)))
    assert picks.rows[:18].tolist() == select_rows(margin, pool(), 18).rows.tolist()
    assert np.isnan(picks.scores[18:]).all()
    assert len(set(picks.rows.tolist())) == 25


def test_mix_and_strata_hold_together() -> None:
    strata = made()["strata"]
    parts = ((make_strategy("margin"), 0.7), (make_strategy("random"), 0.3))
    picks = run("margin", pool(), 20, strata=strata, mix=parts)
    exact = 20 * np.bincount(strata) / SIZE
    assert np.isnan(picks.scores).sum() == 6
    assert (np.abs(np.bincount(strata[picks.rows]) - exact) < 1).all()


@some_strategies
def test_a_batch_costs_no_more_than_the_money(name: str) -> None:
    costs = made()["costs"]
    picks = run(name, pool(), costs=costs, money=12.0)
    assert 0 < costs[picks.rows].sum() <= 12.0
    assert "money" in picks.reason or len(picks.rows) == BATCH


def test_money_buys_more_doubt_where_scores_are_divided_by_costs() -> None:
    """Margin per money gains more than margin bought in the order of its scores."""
    context, costs = pool(), made()["costs"]
    gain = np.zeros(SIZE)
    everything = select_rows(make_strategy("margin"), context, len(context.candidates))
    gain[everything.rows] = everything.scores
    picks = run("margin", context, 100, costs=costs, money=15.0)
    dearest_first = everything.rows[np.cumsum(costs[everything.rows]) <= 15.0]
    assert costs[picks.rows].sum() <= 15.0
    assert gain[picks.rows].sum() > 2 * gain[dearest_first].sum()


@pytest.mark.parametrize("name", ["margin", "entropy", "least_confident"])
def test_scores_over_costs_decide(name: str) -> None:
    context, costs = pool(), made()["costs"]
    everything = select_rows(make_strategy(name), context, len(context.candidates))
    gain = np.zeros(SIZE)
    gain[everything.rows] = everything.scores / costs[everything.rows]
    picks = run(name, context, costs=costs)
    np.testing.assert_array_equal(picks.scores, np.sort(gain)[::-1][:BATCH])
    np.testing.assert_array_equal(picks.scores, gain[picks.rows])


def test_money_buys_more_coverage_where_gains_are_divided_by_costs() -> None:
    """Of two halves alike, one at ten times the price, the cheap one is picked from."""
    context, dear = pool(), np.arange(SIZE) % 2 == 1
    taught = (context.embeddings[context.labeled, 0] > 0).astype(np.int64)  # what auto can believe
    context = dataclasses.replace(context, labels=taught)
    costs = np.where(dear, 2.0, 0.2)
    for name in ("max_herding", "uherding", "auto"):
        picks = run(name, context, costs=costs, money=6.0)
        assert costs[picks.rows].sum() <= 6.0
        assert dear[picks.rows].mean() < 0.2
    assert 0.3 < dear[run("k_center", context, costs=costs, money=60.0).rows].mean() < 0.7


def test_powers_draw_in_proportion_to_the_score_over_the_cost() -> None:
    """The first pick of 2,000 seeds against the chances: chi-squared."""
    said = np.array([[0.5, 0.5], [0.6, 0.4], [0.7, 0.3], [0.8, 0.2]], dtype=np.float32)
    costs, draws = np.array([8.0, 1.0, 2.0, 0.5]), np.zeros(4)
    for seed in range(2000):
        context = Context(np.arange(4), np.empty(0, dtype=np.int64), said, None, seed)
        draws[run("power_margin", context, 1, costs=costs).rows[0]] += 1
    weights = (2 - 2 * said[:, 0]) / costs
    expected = 2000 * weights / weights.sum()
    assert ((draws - expected) ** 2 / expected).sum() < 16.3  # the 99.9% quantile at 3 degrees of freedom


@pytest.mark.parametrize(("name", "ceiling"), [("margin", 50), ("power_margin", 85)])
def test_memory_of_a_composed_batch_stays_below_its_ceiling(name: str, ceiling: int) -> None:
    """Bytes a row, with a filter, caps, costs and money."""
    n, rng = 200_000, np.random.default_rng(0)
    context = Context(
        np.arange(n),
        np.empty(0, dtype=np.int64),
        rng.dirichlet(np.ones(3), size=n).astype(np.float32),
        None,
        0,
        np.array([str(row) for row in range(n)], dtype=object),
    )
    asked = Composition(
        allowed=rng.random(n) < 0.9,
        groups=rng.integers(-1, 1000, size=n),
        cap=2,
        costs=rng.integers(1, 40, size=n) / 8,
        money=60.0,
    )
    strategy = make_strategy(name)
    tracemalloc.start()
    try:
        picks = compose(strategy, context, 100, asked)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(picks.rows) > 20
    assert peak < ceiling * n + 1_500_000


@pytest.mark.parametrize(
    "name", ["margin", "entropy", "power_margin", "power_entropy", "uherding", "k_means", "random", "auto"]
)
def test_equal_costs_and_enough_money_change_nothing(name: str) -> None:
    picks = run(name, pool(), costs=np.ones(SIZE), money=1000.0)
    assert picks.rows.tolist() == run(name, pool()).rows.tolist()


def full_composition(order: np.ndarray) -> dict[str, Any]:
    columns = {name: array[order] for name, array in made().items()}
    parts = ((make_strategy("uherding"), 0.6), (make_strategy("margin"), 0.4))
    return {**columns, "cap": 2, "money": 40.0, "subsample": 120, "mix": parts}


def test_the_order_of_the_pool_decides_nothing_and_chance_is_seeded() -> None:
    context, order = pool(), np.random.default_rng(9).permutation(SIZE)
    place = np.argsort(order)
    code = dict(zip(place[context.labeled].tolist(), context.labels.tolist(), strict=True))
    shuffled = dataclasses.replace(
        context,
        candidates=np.sort(place[context.candidates]),
        labeled=np.sort(place[context.labeled]),
        probabilities=context.probabilities[order],
        embeddings=context.embeddings[order],
        ids=context.ids[order],
        labels=np.array([code[row] for row in np.sort(place[context.labeled])]),
    )
    once = run("margin", context, **full_composition(np.arange(SIZE)))
    again = run("margin", context, **full_composition(np.arange(SIZE)))
    other = run("margin", shuffled, **full_composition(order))
    assert once.rows.tolist() == again.rows.tolist()
    assert context.ids[once.rows].tolist() == shuffled.ids[other.rows].tolist()


def test_chances_are_told_where_they_are_known_and_nowhere_else() -> None:
    """Random: picked over all in the stratum, checked by drawing; under a cap or with costs: unknown."""
    context, strata = pool(), made()["strata"]
    picks = run("random", context, strata=strata, subsample=90)
    candidates = np.bincount(strata[context.candidates])
    expected = np.bincount(strata[picks.rows]) / candidates
    np.testing.assert_allclose(picks.probabilities, expected[strata[picks.rows]])
    drawn = np.zeros(SIZE)
    for seed in range(600):
        rows = run("random", dataclasses.replace(context, seed=seed), strata=strata, subsample=90).rows
        drawn[rows] += 1 / 600
    assert (np.abs(drawn - expected[strata])[context.candidates] < 0.08).all()
    for asked in ({"groups": strata, "cap": 40}, {"costs": np.ones(SIZE), "money": 99.0}):
        assert np.isnan(run("random", context, **asked).probabilities).all()
    assert np.isnan(run("margin", context, subsample=50).probabilities).all()
    assert (run("margin", context, strata=strata).probabilities == 1).all()


def test_a_cap_too_small_says_how_many_can_be_had_or_cuts() -> None:
    groups = np.arange(SIZE) % 10
    context = dataclasses.replace(pool(), labeled=np.array([0]), labels=np.array([0]))
    with pytest.raises(SettingsError, match=r"batch of 24 .* 250 candidates .* room for 19"):
        run("margin", context, groups=groups, cap=2)
    asked = Composition(groups=groups, cap=2)
    picks = compose(make_strategy("margin"), context, BATCH, asked, cut=True)
    assert len(picks.rows) == 19
    assert "cut from 24 to 19" in picks.reason


def test_a_group_that_lies_in_several_strata_still_fills_the_batch() -> None:
    """Each stratum sees room that another has used up: what is missing is found elsewhere."""
    strata = np.arange(SIZE) % 2
    groups = np.where(np.arange(SIZE) < 250, 0, -1)
    picks = run("margin", pool(), 20, strata=strata, groups=groups, cap=60)
    assert len(picks.rows) == 20


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"allowed": np.ones(9, dtype=bool)}, "allowed has 9 values, but the pool has 300 rows"),
        ({"costs": np.zeros(SIZE)}, "the cost of row 1 is 0.0; costs must be numbers above 0"),
        ({"costs": np.full(SIZE, np.nan)}, "the cost of row 1 is nan"),
    ],
)
def test_wrong_columns_are_named(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        run("margin", pool(), **asked)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"money": 3.0}, "money is 3, but nothing has a cost; give costs"),
        ({"money": np.nan, "costs": np.ones(SIZE)}, "money is nan"),
        ({"cap": 2}, "cap without groups asks nothing"),
        ({"groups": np.zeros(SIZE, dtype=np.int64)}, "groups without cap asks nothing"),
        ({"groups": np.zeros(SIZE, dtype=np.int64), "cap": 0}, "cap is 0; it must be 1 or more"),
        (
            {"mix": ((make_strategy("margin"), 0.5), (make_strategy("random"), 0.4))},
            r"sum to 0\.9; they must",
        ),
        ({"mix": ((make_strategy("margin"), 1.5), (make_strategy("random"), -0.5))}, "each must be above 0"),
        ({"subsample": 23}, "the subsample is 23, but the batch has 24 items"),
    ],
)
def test_what_would_do_nothing_or_cannot_be_is_refused(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        run("margin", pool(), **asked)


def test_apportioned_parts_are_whole_sum_up_and_lie_next_to_their_exact_share() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        total, weights = int(rng.integers(0, 60)), rng.random(rng.integers(1, 9)) + 0.01
        parts = apportion(total, weights)
        assert parts.sum() == total
        assert (np.abs(parts - total * weights / weights.sum()) < 1).all()
        room = rng.integers(0, 12, size=len(weights))
        limited = apportion(total, weights, room)
        assert (limited <= room).all()
        assert limited.sum() == min(total, room.sum())
        others = apportion(total, rng.random(rng.integers(1, 5)) + 0.01)
        table = cross(others, parts)
        assert table.sum(axis=1).tolist() == others.tolist()
        assert table.sum(axis=0).tolist() == parts.tolist()
        assert (table >= 0).all()


def test_a_stratum_for_every_other_row_costs_little_more_than_two() -> None:
    """Work grows with the rows, not with rows times strata."""
    rows = np.arange(50_000)
    said = np.random.default_rng(0).dirichlet(np.ones(2), size=len(rows)).astype(np.float32)
    context = Context(rows, rows[:0], said, None, seed=0)

    def seconds(strata: np.ndarray) -> float:
        asked = Composition(strata=strata)
        start = time.process_time()
        assert len(compose(make_strategy("margin"), context, 4, asked).rows) == 4
        return time.process_time() - start

    two = min(seconds(rows % 2) for _ in range(3))
    assert min(seconds(rows // 2) for _ in range(3)) < 40 * two + 0.1


@pytest.mark.parametrize("name", ["random", "power_margin"])
def test_under_a_filter_alone_each_draw_is_among_what_it_lets_in(name: str) -> None:
    """The same draws as from a pool that never had the others; a filter of everything changes nothing."""
    context, allowed = pool(), made()["allowed"]
    among = dataclasses.replace(context, candidates=context.candidates[allowed[context.candidates]])
    alone, filtered = select_rows(make_strategy(name), among, BATCH), run(name, context, allowed=allowed)
    assert filtered.rows.tolist() == alone.rows.tolist()
    assert alone.draws is not None and filtered.draws is not None
    np.testing.assert_array_equal(filtered.draws, alone.draws)
    everything = select_rows(make_strategy(name), context, BATCH)
    for asked in ({"allowed": np.ones(SIZE, dtype=bool)}, {"subsample": SIZE}):
        np.testing.assert_array_equal(run(name, context, **asked).draws, everything.draws)


@pytest.mark.parametrize(
    "asked",
    [
        {"strata": made()["strata"]},
        {"subsample": 100},
        {"groups": made()["groups"], "cap": 3},
        {"costs": made()["costs"]},
        {"mix": ((make_strategy("random"), 0.5), (make_strategy("power_margin"), 0.5))},
    ],
    ids=["strata", "subsample", "cap", "costs", "mix"],
)
def test_what_is_drawn_apart_or_passed_over_has_no_chance_that_is_known(asked: dict[str, Any]) -> None:
    assert run("power_margin", pool(), **asked).draws is None


def test_the_draws_under_a_filter_give_the_mean_of_what_it_lets_in() -> None:
    """LURE over many batches: unbiased for the filtered items, and biased for all."""
    context, allowed = pool(), made()["allowed"]
    values = context.probabilities.max(axis=1)  # type: ignore[union-attr]
    allowed = allowed & (values > 0.5)
    open_rows = context.candidates[allowed[context.candidates]]
    found = []
    for seed in range(150):
        picks = run("power_margin", dataclasses.replace(context, seed=seed), allowed=allowed)
        assert picks.draws is not None
        found.append((lure_weights(picks.draws, len(open_rows)) * values[picks.rows]).mean())
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found) - values[open_rows].mean()) < 4 * error
    assert abs(np.mean(found) - values[context.candidates].mean()) > 4 * error
