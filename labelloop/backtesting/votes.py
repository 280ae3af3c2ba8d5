"""Where a backtest's labels come from: known labels at a price, or votes that people really gave.

A source is called as `LabelSource` says and counts what its answers cost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from labelloop.datasets.base import Prepared
from labelloop.errors import DataError

Fuse = Callable[[pd.DataFrame], pd.DataFrame]
"""Votes (vote, item, annotator, value) in; one row an item out, with columns item and label."""


class KnownLabels:
    """Every answer is right; an item costs what `overlap` answers cost.

    Args:
        multiples: shape (n,), what an answer about each row costs in units of `cost_per_vote`; None is 1.
    """

    def __init__(
        self, codes: np.ndarray, *, overlap: int, cost_per_vote: float, multiples: np.ndarray | None = None
    ) -> None:
        self.codes, self.item_cost, self.multiples = codes, overlap * cost_per_vote, multiples
        self.cost = 0.0

    def __call__(self, rows: np.ndarray, number: int) -> np.ndarray:
        """Class codes of all rows asked so far."""
        items = len(rows) if self.multiples is None else float(self.multiples[rows].sum())
        self.cost = items * self.item_cost
        return np.asarray(self.codes[rows])


class RecordedVotes:
    """Votes that people gave, `overlap` of each item's drawn at random, fused anew every round.

    Args:
        multiples: see `KnownLabels`; for votes that do not say what they have cost.
    """

    def __init__(
        self,
        votes: pd.DataFrame,
        prepared: Prepared,
        fuse: Fuse,
        *,
        overlap: int,
        cost_per_vote: float,
        seed: int,
        multiples: np.ndarray | None = None,
    ) -> None:
        self.prepared, self.fuse = prepared, fuse
        if "cost" not in votes:
            each: np.ndarray = np.ones(len(votes))
            if multiples is not None:
                each = multiples[prepared.pool.rows_of(votes["item"].tolist())]
            votes = votes.assign(cost=cost_per_vote * each)
        drawn = first_votes(votes, overlap, seed)
        self._of = dict(tuple(drawn.groupby("item", sort=False)))
        self.cost = 0.0

    def __call__(self, rows: np.ndarray, number: int) -> np.ndarray:
        """Class codes of all rows asked so far; -1 where an item has no vote."""
        ids = self.prepared.pool.ids[rows]
        found = [self._of[item] for item in ids if item in self._of]
        if not found:
            return np.full(len(rows), -1, dtype=np.int64)
        votes = pd.concat(found, ignore_index=True)
        self.cost = float(votes["cost"].sum())
        fused = self.fuse(votes)
        code = {name: number for number, name in enumerate(self.prepared.classes)}
        label = dict(zip(fused["item"], fused["label"].map(code), strict=True))
        return np.array([label.get(item, -1) for item in ids], dtype=np.int64)


def first_votes(votes: pd.DataFrame, overlap: int, seed: int) -> pd.DataFrame:
    """`overlap` votes of every item, or all where it has fewer, in an order that the seed decides.

    With the same seed the votes of a smaller overlap are among those of a larger one, so that overlaps are
    compared on the same people's answers.
    """
    keys = [
        hashlib.sha256(f"{seed}/{item}/{annotator}".encode()).digest()[:8]
        for item, annotator in zip(votes["item"], votes["annotator"], strict=True)
    ]
    ordered = votes.assign(_key=keys).sort_values(["item", "_key"], kind="stable")
    kept = ordered[ordered.groupby("item", sort=False).cumcount() < overlap]
    return kept.drop(columns="_key").reset_index(drop=True)


def from_file(votes: pd.DataFrame, prepared: Prepared) -> pd.DataFrame:
    """Votes of `fusion.votes_file.read_votes` as a backtest wants them.

    Raises:
        DataError: none of them is about an item of the pool.
    """
    known = set(prepared.pool.ids)
    kept = votes[votes["item"].isin(known)].rename(columns={"label": "value"})
    if not len(kept):
        raise DataError(
            f"none of the {len(votes)} votes is about an item of the pool, such as "
            f"{prepared.pool.ids[0]!r}; the first vote is about {votes['item'].iloc[0]!r}"
        )
    numbered = kept[["item", "annotator", "value"]].drop_duplicates(["item", "annotator"], keep="last")
    return numbered.assign(vote=[f"v{number}" for number in range(len(numbered))]).reset_index(drop=True)


def codes_of(labels: Mapping[str, str], prepared: Prepared) -> np.ndarray:
    """Shape (len(pool),), int64: class codes by item, -1 where there is no label."""
    code = {name: number for number, name in enumerate(prepared.classes)}
    return np.array([code.get(labels.get(item, ""), -1) for item in prepared.pool.ids], dtype=np.int64)
