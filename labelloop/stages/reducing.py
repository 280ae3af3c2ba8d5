"""Which items of a large pool the strategy looks at: those of the highest margin score, found by shards.

A strategy that looks for something else than doubt (coverage, the likes of errors, a rare class, what the
model is sure of) would find none of it there, and without a model there is no doubt to go by: a random sample
then takes its place. Shards are plain values and do not depend on each other, so a task runner may take them
anywhere, in any order and more than once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from labelloop import datasets
from labelloop.acquisition.base import Context, Picks
from labelloop.acquisition.keys import id_keys
from labelloop.acquisition.reduction import PURPOSE, Highest, merged, most_doubtful
from labelloop.datasets.base import Items
from labelloop.one_thread import on_all_cores, one_thread
from labelloop.workspace import Workspace

_SHARES = 4
"""Times as many rows in a shard as there will be candidates, at least: a shard that is smaller than what it
hands on reduces nothing."""


@dataclass(frozen=True)
class CandidateShard:
    """Neighbouring rows of the pool of which the highest are wanted."""

    campaign: str
    probabilities: str | None
    """Path of the .npy; None draws at random."""
    start: int
    open_rows: bytes
    """A bit for each row from `start` on: whether it may be picked."""
    count: int
    seed: int


RunCandidates = Callable[[Sequence[CandidateShard]], Sequence[Highest]]
"""Calls `reduce_rows` on every shard, wherever; gives what they gave, in any order."""


@dataclass(frozen=True)
class Reduced:
    """The rows that the strategy looks at."""

    rows: np.ndarray
    """Shape (count,), int64, ascending."""
    by_chance: bool
    """Whether chance had a part in it: at random, or among equal scores."""
    reason: str

    def told(self, picks: Picks) -> Picks:
        """Picks with what is still true of their chances.

        A row's chance stays what the strategy says where scores alone decided what it saw. Draws are another
        matter: they need every item to have had a chance.
        """
        chances = np.full(len(picks.rows), np.nan) if self.by_chance else picks.probabilities
        reason = " ".join(said for said in (self.reason, picks.reason) if said)
        return replace(picks, probabilities=chances, draws=None, reason=reason)


def reduce_candidates(
    workspace: Workspace,
    probabilities: Path | None,
    context: Context,
    count: int,
    *,
    shard_size: int,
    run_shards: RunCandidates | None = None,
    no_doubt: str = "",
) -> Reduced | None:
    """Reduce the candidates to `count`; None where there are no more than that.

    Args:
        probabilities: the round's, shape (n, n_classes); None draws at random.
        shard_size: rows in a shard, at least.
        run_shards: None does it in a thread for each core.
        no_doubt: why a random sample, in words; empty where there is no model.
    """
    candidates = context.candidates
    if len(candidates) <= count:
        return None
    assert context.ids is not None
    ids = context.ids
    size = max(shard_size, _SHARES * count)
    is_open = np.zeros(len(ids), dtype=bool)
    is_open[candidates] = True
    shards = [
        CandidateShard(
            str(workspace.root), None if probabilities is None else str(probabilities), start,
            np.packbits(is_open[start : start + size]).tobytes(), count, context.seed,
        )
        for start in range(0, len(is_open), size)
    ]  # fmt: skip
    run = run_shards or functools.partial(on_all_cores, reduce_rows)
    with one_thread():
        parts = run(shards)
    _pool.cache_clear()
    found = merged(parts, count, lambda rows: id_keys(ids[rows], context.seed, PURPOSE))
    because = f", because {no_doubt}" if no_doubt else ""
    how = "of the highest margin score" if probabilities is not None else f"drawn at random{because}"
    reason = f"It looked at {count:,} of {len(candidates):,} candidates, {how}."
    return Reduced(found.rows, probabilities is None or found.cut is not None, reason)


def reduce_rows(shard: CandidateShard) -> Highest:
    """The highest rows of one shard. Repeatable."""
    rows = shard.start + np.flatnonzero(np.unpackbits(np.frombuffer(shard.open_rows, dtype=np.uint8)))

    def keys(some: np.ndarray) -> np.ndarray:
        return id_keys(_pool(shard.campaign).ids_of(some), shard.seed, PURPOSE)

    said = None if shard.probabilities is None else np.load(shard.probabilities, mmap_mode="r")
    # In another process of a task runner nobody else holds it.
    with one_thread():
        return most_doubtful(rows, said, shard.count, keys)


@functools.lru_cache(maxsize=1)
def _pool(campaign: str) -> Items:
    """Kept, because ids are read as a whole; `prepare` writes them once in a campaign's life."""
    return datasets.open_prepared(Workspace.at(campaign).data).pool
