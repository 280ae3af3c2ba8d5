"""The random slice of labels that reviewers see: what tells how many labels are wrong.

All labels that rest on votes, as gold's do not, have an order that depends on the campaign's seed and the
item alone. The slice is its beginning, up to the last item that was reviewed because it was drawn; it grows
as more are drawn. An item of the slice counts whatever it was reviewed for: to leave out those that were
reviewed for being doubtful would leave the easier ones.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import pandas as pd

from labelloop import files


def resting_on_votes(labels: pd.DataFrame) -> pd.DataFrame:
    """The labels that votes alone made: without those that came with the data, and without gold.

    Gold keeps its true label whatever people say, so it would make labels by votes look better than they are.

    Args:
        labels: columns status, split and gold, and others, of `tables.LABELS`, before any review.
    """
    return labels[(labels["status"] == "fused") & ~is_gold(labels)]


def is_gold(labels: pd.DataFrame) -> pd.Series:
    """Which labels are gold's, asked or not; see `resting_on_votes`."""
    return (labels["split"] == "gold") | labels["gold"].astype(bool)


def in_order(items: Iterable[str], seed: int) -> list[str]:
    """The items in the order in which they are drawn."""
    return sorted(items, key=lambda item: _key(item, seed))


def slice_of(items: Iterable[str], seed: int, drawn: Collection[str]) -> list[str]:
    """Those of the items that are in the slice, in their order.

    Args:
        items: all that rest on votes; one that came since the draw is in the slice if its place is.
        drawn: items that were reviewed because they were drawn.
    """
    if not drawn:
        return []
    last = max(_key(item, seed) for item in drawn)
    return [item for item in in_order(items, seed) if _key(item, seed) <= last]


def to_draw(
    items: Iterable[str], seed: int, drawn: Collection[str], done: Collection[str], wanted: int
) -> list[str]:
    """Items to review next for the slice: what is missing in it, and more until there are `wanted`.

    Args:
        done: items that have a verdict, whatever for.
    """
    if not wanted:
        return []
    everything = in_order(items, seed)
    missing = [item for item in slice_of(everything, seed, drawn) if item not in done]
    left = [item for item in everything if item not in done]
    return left[: max(wanted, len(missing))]


def _key(item: str, seed: int) -> str:
    return files.digest_of(["review", seed, item])
