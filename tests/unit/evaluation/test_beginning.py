"""The campaign's curve below its first batch: sizes by design, items in the order of choice."""

from __future__ import annotations

import numpy as np
import pytest

from labelloop.evaluation.beginning import APART, beginning_sizes, first_items


@pytest.mark.parametrize(("known", "batch"), [(0, 40), (0, 20), (0, 500), (7, 40), (300, 1000)])
def test_sizes_climb_evenly_from_few_labels_to_the_first_batch(known: int, batch: int) -> None:
    sizes = np.array(beginning_sizes(known, batch, fewest=30))
    assert 0 < sizes[0] <= max(4, APART * known) and sizes[-1] < batch
    reached = np.append(sizes, batch) + known
    assert (np.diff(reached) > 0).all()
    # Whole labels, rounded up, may be one further apart.
    assert (reached[1:] <= APART * reached[:-1] + 1).all()


@pytest.mark.parametrize(("known", "batch"), [(0, 0), (0, 3), (50, 0)])
def test_a_campaign_without_a_first_batch_has_no_beginning(known: int, batch: int) -> None:
    assert beginning_sizes(known, batch, fewest=30) == []


def test_first_items_are_those_of_a_smaller_first_batch() -> None:
    """Both arms in their order, control with its share rounded up, as when a round of that size is opened."""
    strategy, control = [f"s{n}" for n in range(36)], [f"c{n}" for n in range(4)]
    for size in range(1, 41):
        found = first_items(strategy, control, size, 0.1)
        assert len(found) == len(set(found)) == size
        of_control = -(-size // 10)
        assert found == control[:of_control] + strategy[: size - of_control]


def test_an_arm_that_is_short_is_filled_up_by_the_other() -> None:
    assert first_items([], ["c0", "c1", "c2"], 2, 0.1) == ["c0", "c1"]
    assert first_items(["s0"], ["c0", "c1", "c2"], 3, 0.1) == ["c0", "c1", "s0"]
    assert first_items(["s0", "s1"], [], 2, 0.5) == ["s0", "s1"]
