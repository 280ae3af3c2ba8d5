"""What every strategy must hold to, whoever wrote it: one template over all registered names.

Some pick by quite other means with other options or on other labels; each such way is a case of its own.
"""

from __future__ import annotations

import dataclasses
import tracemalloc
from typing import Any

import numpy as np
import pytest

from labelloop.acquisition import STRATEGIES, Context, Picks, Strategy, make_strategy, select_rows
from labelloop.acquisition.herding import LEAST_WIDTH
from labelloop.acquisition.selection import pickable

SIZE, WIDTH, CLASSES, MEMBERS, BATCH = 240, 12, 4, 3, 12

FURTHER: dict[str, tuple[str, dict[str, Any]]] = {
    "auto, the model believed": ("auto", {}),
    "uherding of directions": ("uherding", {"directions": True, "disagreement": 1.0}),
    "relabel with beliefs": ("relabel", {}),
}
"""Cases beside the plain names: strategy and options. `given_to` changes what they are given."""

BYTES_AN_ITEM = {
    "k_means": 80 + 20,
    "k_center": 60,
    "badge": 60,
    "max_herding": 110,
    "uherding": 110,
    "density_weighted": 60,
    "power_margin": 60,
    "ranked_batch": 70,
    "cluster_margin": 20,
    "typiclust": 120,
    "power_bald": 60,
    "power_least_confident": 60,
    "power_entropy": 60,
    "power_member_variance": 60,
    "dropquery": 110,
    "error_based": 70,
    "rare_class": 70,
    "hard_negatives": 70,
    "balanced": 50,
    "auto": 120,
    "auto, the model believed": 120,
    "uherding of directions": 110,
    "relabel with beliefs": 60,
}
"""Memory ceiling beyond the pool's own arrays, where it is not the 12 bytes of everybody else. k-means: 80
and two copies of its training points, here 50,000 of the 200,000 with 40 bytes each."""
BYTES_AT_ALL = 2_500_000
"""What a strategy may need however small the pool is: a chunk (1.5 MiB) and what is made of it."""

every_strategy = pytest.mark.parametrize("name", sorted([*STRATEGIES, *FURTHER]))
every_pool = pytest.mark.parametrize("kind", ["continuous", "tied"])


def pool(kind: str = "continuous", seed: int = 7) -> Context:
    """A pool with every fifth row labeled; numbers are exact in float16, so that no type rounds them."""
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(64, rng.dirichlet(np.ones(CLASSES)), size=SIZE)
    embeddings = rng.integers(-900, 900, size=(SIZE, WIDTH))
    if kind == "continuous":
        counts = np.array([rng.multinomial(1024, p) for p in rng.dirichlet(np.ones(CLASSES), size=SIZE)]) / 16
    else:
        counts, embeddings = counts[rng.integers(3, size=SIZE)], embeddings[rng.integers(5, size=SIZE)]
    rows = np.arange(SIZE)
    turned = np.stack([np.roll(counts, turn, axis=1) for turn in range(MEMBERS)])
    content = (3 * counts[:, 0] + embeddings[:, 0]).astype(np.int64)
    return Context(
        candidates=rows[rows % 5 != 0],
        labeled=rows[rows % 5 == 0],
        probabilities=(counts / 64).astype(np.float32),
        embeddings=(embeddings / 32).astype(np.float32),
        seed=3,
        ids=np.array([f"item-{rng.integers(10**12)}-{row}" for row in rows], dtype=object),
        members=(turned / 64).astype(np.float32),
        labels=content[rows % 5 == 0] % CLASSES,
    )


def reordered(context: Context, order: np.ndarray) -> Context:
    """The same items, row `order[i]` of the old pool being row i of the new one."""
    place = np.argsort(order)
    code = dict(zip(place[context.labeled].tolist(), context.labels.tolist(), strict=True))
    return dataclasses.replace(
        context,
        candidates=np.sort(place[context.candidates]),
        labeled=np.sort(place[context.labeled]),
        probabilities=context.probabilities[order],
        embeddings=context.embeddings[order],
        ids=None if context.ids is None else context.ids[order],
        members=context.members[:, order],
        labels=np.array([code[row] for row in np.sort(place[context.labeled])], dtype=np.int64),
    )


def strategy_of(name: str) -> Strategy:
    return make_strategy(*FURTHER.get(name, (name, {})))


def given_to(name: str, context: Context) -> Context:
    """What the case is about; made of what rows hold, so that it goes with them wherever they are."""
    if "members" not in strategy_of(name).needs:
        # What a strategy could use without asking for it must not stand in for what it does without.
        context = dataclasses.replace(context, members=None)
    if name == "auto, the model believed":
        return dataclasses.replace(context, labels=_that_can_be_learned(context))
    if name == "relabel with beliefs":
        return dataclasses.replace(context, beliefs=_beliefs(context))
    return context


def _that_can_be_learned(context: Context) -> np.ndarray:
    """The labels that are there, by what a linear head can tell: two columns above their medians or not."""
    if not len(context.labeled):
        return context.labels
    points = context.embeddings[context.labeled, :2].astype(np.float64)
    codes = (points > np.median(points, axis=0)) @ [2, 1] % context.probabilities.shape[1]
    return np.where(context.labels < 0, -1, codes)


def _beliefs(context: Context) -> np.ndarray:
    """What the model says, of other classes; none of about half the rows."""
    beliefs = np.roll(context.probabilities[context.labeled], 1, axis=1)
    beliefs[context.embeddings[context.labeled, 0] < 0] = np.nan
    return beliefs


def run(name: str, context: Context, batch_size: int = BATCH) -> Picks:
    return select_rows(strategy_of(name), given_to(name, context), batch_size)


def open_to(name: str, context: Context) -> np.ndarray:
    """Rows that may be picked."""
    return pickable(strategy_of(name), given_to(name, context))


def test_cases_are_what_they_say() -> None:
    """Else the contract would be held by another path than the one that it is about."""
    context = pool()
    assert "(typiclust)" in run("auto", context).reason
    for kind in ("continuous", "tied"):
        assert "(uherding)" in run("auto, the model believed", pool(kind)).reason
        rows = run("relabel with beliefs", pool(kind), 100).rows
        assert 0 < len(np.intersect1d(rows, pool(kind).labeled)) < 100
    assert context.embeddings.shape[1] >= LEAST_WIDTH
    for name, (plain, _) in FURTHER.items():
        assert run(name, context, 60).rows.tolist() != run(plain, context, 60).rows.tolist()


@every_strategy
@every_pool
def test_picks_are_distinct_candidates_and_as_many_as_asked(name: str, kind: str) -> None:
    context = pool(kind)
    rows = run(name, context).rows
    assert len(rows) == len(set(rows.tolist())) == BATCH
    assert set(rows.tolist()) <= set(open_to(name, context).tolist())


@every_strategy
@every_pool
def test_same_seed_gives_the_same_bytes(name: str, kind: str) -> None:
    once, again = run(name, pool(kind)), run(name, pool(kind))
    for field in ("rows", "scores", "probabilities"):
        assert getattr(once, field).tobytes() == getattr(again, field).tobytes()


@every_strategy
@every_pool
@pytest.mark.parametrize("shuffle", [0, 1, 2])
def test_the_order_of_the_pool_decides_nothing(name: str, kind: str, shuffle: int) -> None:
    """The same items in the same order, with the same chances, for a shuffled pool with a labeled part."""
    context = pool(kind)
    shuffled = reordered(context, np.random.default_rng(shuffle).permutation(SIZE))
    before, after = run(name, context), run(name, shuffled)
    assert context.ids[before.rows].tolist() == shuffled.ids[after.rows].tolist()
    np.testing.assert_array_equal(before.probabilities, after.probabilities)


@every_strategy
@every_pool
def test_without_ids_the_content_decides(name: str, kind: str) -> None:
    """Where items have no ids, a shuffled pool gives picks with the same content."""
    if not strategy_of(name).needs:
        pytest.skip("a strategy that reads no content can only go by row")
    context = dataclasses.replace(pool(kind), ids=None)
    shuffled = reordered(context, np.random.default_rng(5).permutation(SIZE))
    before, after = run(name, context), run(name, shuffled)
    for array in ("probabilities", "embeddings"):
        np.testing.assert_array_equal(
            getattr(context, array)[before.rows], getattr(shuffled, array)[after.rows]
        )


@every_strategy
@every_pool
@pytest.mark.parametrize("layout", ["float64", "float16", "fortran", "strided", "read-only"])
def test_type_and_layout_of_arrays_do_not_matter(name: str, kind: str, layout: str) -> None:
    context = pool(kind)

    def laid_out(array: np.ndarray) -> np.ndarray:
        if layout.startswith("float"):
            return array.astype(layout)
        if layout == "fortran":
            return np.asfortranarray(array)
        if layout == "strided":
            return np.repeat(np.repeat(array, 2, axis=0), 3, axis=-1)[::2, ..., ::3]
        array = array.copy()
        array.flags.writeable = False
        return array

    other = dataclasses.replace(
        context,
        probabilities=laid_out(context.probabilities),
        embeddings=laid_out(context.embeddings),
        members=laid_out(context.members),
    )
    np.testing.assert_array_equal(run(name, context).rows, run(name, other).rows)


@every_strategy
def test_selection_probabilities_are_chances(name: str) -> None:
    probabilities = run(name, pool("tied")).probabilities
    assert (((probabilities > 0) & (probabilities <= 1)) | np.isnan(probabilities)).all()


@every_strategy
def test_best_comes_first(name: str) -> None:
    """Scores never rise along the batch, or there are none."""
    scores = run(name, pool()).scores
    assert np.isnan(scores).all() or (np.diff(scores) <= 0).all()


def _one_point(context: Context) -> Context:
    same = np.zeros(SIZE, dtype=np.int64)
    return _rows(context, same)


def _rows(context: Context, rows: np.ndarray) -> Context:
    return dataclasses.replace(
        context,
        probabilities=context.probabilities[rows],
        embeddings=context.embeddings[rows],
        members=context.members[:, rows],
    )


def _certain(context: Context) -> Context:
    certain = np.eye(CLASSES, dtype=np.float32)[np.arange(SIZE) % CLASSES]
    members = np.stack([certain] * MEMBERS)
    return dataclasses.replace(context, probabilities=certain, embeddings=certain * 1e4, members=members)


def _one_class(context: Context) -> Context:
    alone = np.ones((SIZE, 1), np.float32)
    members = np.stack([alone] * MEMBERS)
    labels = np.zeros(len(context.labeled), dtype=np.int64)
    return dataclasses.replace(context, probabilities=alone, members=members, labels=labels)


def _fewer_points_than_picks(context: Context) -> Context:
    return _rows(context, np.arange(SIZE) % (BATCH // 3))


def _nothing_labeled(context: Context) -> Context:
    nothing = np.empty(0, dtype=np.int64)
    return dataclasses.replace(context, candidates=np.arange(SIZE), labeled=nothing, labels=nothing)


def _labels_that_nobody_gave(context: Context) -> Context:
    """Every labeled item was asked about, and no answer counted."""
    return dataclasses.replace(context, labels=np.full(len(context.labeled), -1))


DEGENERATE = [
    _one_point,
    _certain,
    _one_class,
    _fewer_points_than_picks,
    _nothing_labeled,
    _labels_that_nobody_gave,
]


@every_strategy
@pytest.mark.parametrize("degenerate", DEGENERATE, ids=lambda make: make.__name__.strip("_"))
@pytest.mark.filterwarnings("error")
def test_degenerate_pools_give_full_batches(name: str, degenerate) -> None:
    """Distinct candidates (select_rows checks that) and no warning, also where nothing tells rows apart."""
    assert len(run(name, degenerate(pool())).rows) == BATCH


@every_strategy
@every_pool
@pytest.mark.parametrize("left_out", [0, 1])
def test_a_batch_may_be_all_there_is(name: str, kind: str, left_out: int) -> None:
    context = pool(kind)
    rows = open_to(name, context)
    picks = run(name, context, len(rows) - left_out)
    assert len(np.setdiff1d(rows, picks.rows)) == left_out


@every_strategy
@pytest.mark.parametrize(("tied", "named"), [(False, True), (True, True), (True, False)])
def test_memory_stays_below_its_ceiling(name: str, tied: bool, named: bool) -> None:
    """Nothing n by n and no copy of the pool, also where all items are tied."""
    n, width = 200_000, 10
    more = 0 if named else 60  # equal rows are told apart by counting them
    rng = np.random.default_rng(0)
    content = rng.random((1 if tied else n, width), dtype=np.float32)
    content = np.tile(content, (n // len(content), 1))
    content /= content.sum(axis=1, keepdims=True)
    reads = strategy_of(name).needs
    known = 60 if name in FURTHER else 10 * ("labels" in reads)
    context = Context(
        candidates=np.arange(known, n),
        labeled=np.arange(known),
        probabilities=content if "probabilities" in reads else None,
        embeddings=content if "embeddings" in reads else None,
        seed=0,
        members=np.stack([content] * 2) if "members" in reads else None,
        labels=np.arange(known) % 10 if "labels" in reads else None,
        ids=np.array([str(row) for row in range(n)], dtype=object) if named else None,
    )
    if name == "relabel with beliefs":
        context = dataclasses.replace(context, beliefs=np.roll(content[:known], 1, axis=1))
    elif name in FURTHER:
        context = given_to(name, context)
    run(name, pool())  # Imports are not the strategy's memory.
    tracemalloc.start()
    try:
        strategy_of(name).pick(context, 20)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < (BYTES_AN_ITEM.get(name, 12) + more) * n + BYTES_AT_ALL
