"""The random slice tells how many labels are wrong, whatever its items were reviewed for."""

from __future__ import annotations

import numpy as np

from labelloop.reviewing.random_slice import in_order, slice_of, to_draw

ITEMS = [f"i{number:03d}" for number in range(300)]


def test_the_slice_grows_and_keeps_what_it_had() -> None:
    first = to_draw(ITEMS, 0, (), (), 20)
    assert slice_of(ITEMS, 0, first) == first
    more = to_draw(ITEMS, 0, first, first, 20)
    assert len(set(first) & set(more)) == 0 and len(more) == 20
    assert slice_of(ITEMS, 0, {*first, *more}) == [*first, *more]
    assert to_draw(ITEMS, 0, first, first, 0) == []


def test_what_was_reviewed_for_another_reason_is_not_asked_again_and_counts() -> None:
    doubted = set(in_order(ITEMS, 0)[5:15])
    drawn = to_draw(ITEMS, 0, (), doubted, 20)
    assert not set(drawn) & doubted and len(drawn) == 20
    assert doubted < set(slice_of(ITEMS, 0, drawn))


def test_items_that_came_later_are_drawn_for_the_slice_first() -> None:
    drawn = to_draw(ITEMS, 0, (), (), 100)
    new = [f"n{number:03d}" for number in range(300)]
    missing = set(slice_of([*ITEMS, *new], 0, drawn)) - set(drawn)
    assert 60 < len(missing) < 140
    assert set(to_draw([*ITEMS, *new], 0, drawn, drawn, 20)) == missing


def test_doubtful_labels_that_were_reviewed_before_do_not_flatter_the_rest() -> None:
    """Half of the doubtful labels are wrong, and all of them are reviewed first; of the others none is."""
    wrong = {item for item in ITEMS[:60] if int(item[1:]) % 2}
    doubted = set(ITEMS[:60])
    shares = []
    for seed in range(200):
        drawn = set(to_draw(ITEMS, seed, (), doubted, 40))
        sample = [item for item in slice_of(ITEMS, seed, drawn) if item in drawn | doubted]
        shares.append(len(wrong & set(sample)) / len(sample))
    assert abs(np.mean(shares) - 0.1) < 0.01
