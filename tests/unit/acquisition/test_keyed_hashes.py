"""Keyed hashes: even, independent between purposes, and blind to order."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelloop.acquisition import Context, keys

IDS = np.array([f"item-{number}" for number in range(20_000)], dtype=object)
CONTENT = np.random.default_rng(0).normal(size=(20_000, 3)).astype(np.float32)


def of_ids(seed: int, purpose: str) -> np.ndarray:
    return keys.id_keys(IDS, seed, purpose)


def of_content(seed: int, purpose: str) -> np.ndarray:
    return keys.content_keys(CONTENT, seed, purpose)


def of_rows(seed: int, purpose: str) -> np.ndarray:
    return keys.row_keys(np.arange(20_000), seed, purpose)


every_kind = pytest.mark.parametrize("kind", [of_ids, of_content, of_rows])


@every_kind
def test_keys_spread_evenly(kind) -> None:
    counts = np.histogram(kind(0, "a").astype(np.float64) / 2**64, bins=20, range=(0, 1))[0]
    assert ((counts - 1000) ** 2 / 1000).sum() < 50  # chi-square, 19 degrees of freedom: p < 1e-4


@every_kind
@pytest.mark.parametrize(("seed", "purpose"), [(1, "a"), (0, "b")])
def test_another_seed_or_purpose_gives_an_unrelated_order(kind, seed: int, purpose: str) -> None:
    one, other = kind(0, "a").astype(np.float64), kind(seed, purpose).astype(np.float64)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.03


@every_kind
def test_distinct_items_have_distinct_keys(kind) -> None:
    assert len(np.unique(kind(0, "a"))) == 20_000


def test_id_keys_never_change() -> None:
    """Pinned: another value here would re-order the control arm of every running campaign."""
    assert keys.id_keys(np.array(["a", "ü"], dtype=object), 0, "control").tolist() == [
        12830187596440521859,
        17469300025606877064,
    ]


def test_hashing_ids_takes_the_memory_of_the_keys() -> None:
    many = np.tile(IDS, 20)
    tracemalloc.start()
    try:
        keys.id_keys(many, 0, "a")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * len(many) + 1_000_000


def test_equal_content_has_equal_keys() -> None:
    """Negative zero equals zero, and float64 equals the float32 that it came from."""
    block = np.array([[0.0, 1.5], [-0.0, 1.5]])
    one, other = keys.content_keys(block, 0, "a")
    assert one == other == keys.content_keys(block.astype(np.float32), 0, "a")[0]


def test_both_kinds_of_content_tell_items_apart() -> None:
    """Items with the same probabilities but other embeddings are not the same item."""
    context = Context(np.arange(2), np.arange(0), np.full((2, 2), 0.5), np.eye(2), seed=0)
    one, other = keys.item_keys(context, np.arange(2), "a")
    assert one != other


def test_items_of_equal_content_have_keys_of_their_own() -> None:
    """And the same keys wherever they lie; the first of them the key that it would have alone."""
    content = CONTENT[np.arange(20_000) % 40]
    context = Context(np.arange(20_000), np.arange(0), None, content, seed=0)
    of_items = keys.item_keys(context, np.arange(20_000), "a")
    assert len(np.unique(of_items)) == 20_000
    assert of_items[:40].tolist() == keys.content_keys(content[:40], 0, "a").tolist()
    counts = np.histogram(of_items.astype(np.float64) / 2**64, bins=20, range=(0, 1))[0]
    assert ((counts - 1000) ** 2 / 1000).sum() < 50
    order = np.random.default_rng(1).permutation(20_000)
    moved = Context(np.arange(20_000), np.arange(0), None, content[order], seed=0)
    of_moved = keys.item_keys(moved, np.arange(20_000), "a")
    for kind in range(40):
        assert set(of_items[kind::40]) == set(of_moved[order % 40 == kind])


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 40))
def test_lowest_is_the_head_of_a_full_sort(n: int, count: int, chunk: int) -> None:
    values = keys.row_keys(np.arange(n), n, "a") % np.uint64(50)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "CHUNK", chunk)
        found = keys.lowest(keys.chunks(np.arange(n)), count, lambda rows: values[rows])
    assert values[found].tolist() == np.sort(values)[:count].tolist()
    assert len(set(found.tolist())) == min(n, count)
