"""Composition: which rows a strategy may pick, and how its picks become a batch.

Whatever the strategy, a batch is put together from cells: one for each part of the mix and each stratum, with
a whole number of items each. A cell is filled by asking the strategy; of its picks, in its order, those are
taken that fit the caps and the money, and it is asked again for what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from labelloop.acquisition.base import Context, Picks, Strategy
from labelloop.acquisition.filling import Batch
from labelloop.acquisition.keys import chunks, lowest_items
from labelloop.acquisition.shares import apportion, cross
from labelloop.errors import DataError, SettingsError
from labelloop.settings.composition import SUM_TOLERANCE


@dataclass(frozen=True)
class Composition:
    """What is asked of a batch; arrays are over all n rows of the pool, None asks nothing.

    Raises:
        SettingsError: something is asked that cannot do anything by itself, or shares do not sum to 1.
    """

    subsample: int | None = None
    """Candidates drawn at random before the strategy looks."""
    allowed: np.ndarray | None = None
    """Shape (n,), bool: rows that a filter lets in."""
    strata: np.ndarray | None = None
    """Shape (n,), int64, 0 or more: whose shares the batch holds to; rounding favours lower codes."""
    equal: bool = False
    """Whether all strata get the same share; else what they have of the pool that the filter lets in."""
    groups: np.ndarray | None = None
    """Shape (n,), int64; -1 for a row that is a group of its own."""
    cap: int | None = None
    """Rows of a group that may be labeled in all; labeled ones count."""
    counted: np.ndarray | None = None
    """Further rows that count for the caps, such as test items; shape (k,), int64."""
    costs: np.ndarray | None = None
    """Shape (n,), float64, above 0: money a row costs."""
    money: float | None = None
    """What the batch may cost."""
    mix: tuple[tuple[Strategy, float], ...] = ()
    """Strategies by share, instead of a single one; shares sum to 1."""

    def __post_init__(self) -> None:
        if (self.groups is None) != (self.cap is None):
            given, missing = ("groups", "cap") if self.cap is None else ("cap", "groups")
            raise SettingsError(f"{given} without {missing} asks nothing; give both or neither")
        if self.cap is not None and self.cap < 1:
            raise SettingsError(f"cap is {self.cap}; it must be 1 or more")
        if self.money is not None and self.costs is None:
            raise SettingsError(f"money is {self.money:g}, but nothing has a cost; give costs")
        if self.money is not None and np.isnan(self.money):
            raise SettingsError("money is nan; give a number, or None for no limit")
        shares = [share for _, share in self.mix]
        if any(not share > 0 for share in shares):
            raise SettingsError(f"the shares of the mix are {shares}; each must be above 0")
        if shares and abs(sum(shares) - 1) > SUM_TOLERANCE:
            raise SettingsError(f"the shares of the mix sum to {sum(shares):.6g}; they must sum to 1")


def compose(
    strategy: Strategy,
    context: Context,
    batch_size: int,
    composition: Composition,
    *,
    cut: bool = False,
) -> Picks:
    """Pick a batch that holds to the composition.

    Never more than the cap, nothing that the filter keeps out, never dearer than the money. Shares are met up
    to rounding while there are candidates for them. Where money ends first, the batch is smaller.

    Args:
        strategy: picks, unless a mix is given.
        cut: make the batch as large as filter and caps let it be, and say so; else refuse.

    Returns:
        Picks; the probability is NaN where the composition leaves it unknown. Draws are known where all that
        is asked is a filter, among the rows that it lets in.

    Raises:
        SettingsError: filter and caps leave fewer rows than the batch (says how many), or the subsample is
        smaller than the batch.
        DataError: an array does not cover the pool.
    """
    _check(context, composition)
    if composition.subsample is not None and composition.subsample < batch_size:
        raise SettingsError(
            f"the subsample is {composition.subsample}, but the batch has {batch_size} items; raise it or "
            "lower the batch size"
        )
    batch = Batch(context, composition.groups, composition.cap, composition.counted, composition.costs)
    rows = context.candidates
    if composition.allowed is not None:
        rows = rows[composition.allowed[rows]]
    room = batch.room(rows)
    said = []
    if room < batch_size:
        why = (
            f"of {len(context.candidates)} candidates the filter lets in {len(rows)}, and the caps leave "
            f"room for {room}"
        )
        if not cut:
            raise SettingsError(
                f"a batch of {batch_size} was asked for, but {why}; lower the batch size, or raise "
                "cap_per_group or widen the filter"
            )
        said.append(f"The batch was cut from {batch_size} to {room} items: {why}.")
    wanted = min(batch_size, room)
    parts = composition.mix or ((strategy, 1.0),)
    by_strategy = apportion(wanted, np.array([share for _, share in parts]))
    cells = _strata(context, composition, rows, batch, wanted)
    table = cross(by_strategy, np.array([quota for _, quota in cells]))
    purse = np.inf if composition.money is None else composition.money
    spare = 0.0
    for (picker, _), quotas in zip(parts, table, strict=True):
        for (cell, all_of_it), quota in zip(cells, quotas.tolist(), strict=True):
            if quota:
                looked = _drawn(context, cell, composition.subsample, quota, all_of_it, wanted)
                share = purse * quota / wanted if np.isfinite(purse) else np.inf
                spare = batch.fill(picker, looked, quota, share + spare)
    missing = wanted - len(batch)
    if missing:
        # A group that lies in several strata, or money that was left over.
        batch.fill(parts[0][0], rows, missing, spare)
    if len(batch) < wanted:
        said.append(f"The money, {purse:g}, ended after {len(batch)} of {wanted} items.")
    picks = batch.picks(
        _known_chances(composition, parts, cells, table, missing),
        draws=_known_draws(composition, parts, cells, missing),
    )
    return replace(picks, reason=" ".join([*said, *batch.reasons]))


def _check(context: Context, composition: Composition) -> None:
    arrays = [a for a in (context.probabilities, context.embeddings, context.ids) if a is not None]
    n = (
        len(arrays[0])
        if arrays
        else max(context.candidates.max(initial=-1), context.labeled.max(initial=-1)) + 1
    )
    for name in ("allowed", "strata", "groups", "costs"):
        array = getattr(composition, name)
        if array is not None and len(array) < n:
            raise DataError(f"{name} has {len(array)} values, but the pool has {n} rows; give one a row")
    if composition.costs is not None:
        given = composition.costs[context.candidates]
        wrong = ~(np.isfinite(given) & (given > 0))
        if wrong.any():
            raise DataError(
                f"the cost of row {context.candidates[wrong.argmax()]} is {given[wrong.argmax()]}; costs "
                "must be numbers above 0"
            )


def _strata(
    context: Context, composition: Composition, rows: np.ndarray, batch: Batch, wanted: int
) -> list[tuple[np.ndarray, int]]:
    """Candidates and quota of every stratum; one for all where there are none."""
    codes = composition.strata
    if codes is None:
        return [(rows, wanted)]
    base = np.concatenate([context.candidates, context.labeled])
    if composition.allowed is not None:
        base = base[composition.allowed[base]]
    sizes = np.bincount(codes[base], minlength=int(codes.max(initial=0)) + 1)
    weights = (sizes > 0).astype(np.float64) if composition.equal else sizes.astype(np.float64)
    order = rows[np.argsort(codes[rows], kind="stable")]
    members = np.split(order, np.cumsum(np.bincount(codes[rows], minlength=len(sizes)))[:-1])
    room = np.array([batch.room(of_stratum) for of_stratum in members], dtype=np.int64)
    quotas = apportion(wanted, weights, room)
    # A group that lies in several strata counts in each of them; `compose` fills up what is then missing.
    return list(zip(members, quotas.tolist(), strict=True))


def _drawn(
    context: Context, rows: np.ndarray, subsample: int | None, quota: int, stratum_quota: int, wanted: int
) -> np.ndarray:
    """The cell's part of the subsample: a simple random sample of its rows, keyed by item."""
    if subsample is None:
        return rows
    size = max(quota, round(subsample * stratum_quota / wanted))
    if size >= len(rows):
        return rows
    return np.sort(lowest_items(context, chunks(rows), size, "subsample"))


def _known_chances(
    composition: Composition,
    parts: tuple[tuple[Strategy, float], ...],
    cells: list[tuple[np.ndarray, int]],
    table: np.ndarray,
    missing: int,
) -> bool | list[tuple[int, float]]:
    """Whether the strategy's own chances hold; for random ones after a subsample, what they are instead.

    A filter and strata only change what the candidates are. Caps, money and a mix make a row's chance depend
    on the others', and a subsample on who else was in it, unless the picks are random too.
    """
    if missing or composition.cap is not None or composition.costs is not None or len(parts) > 1:
        return False
    if parts[0][0].name == "random":
        return [
            (quota, quota / len(rows))
            for (rows, _), quota in zip(cells, table[0].tolist(), strict=True)
            if quota
        ]
    return composition.subsample is None


def _known_draws(
    composition: Composition,
    parts: tuple[tuple[Strategy, float], ...],
    cells: list[tuple[np.ndarray, int]],
    missing: int,
) -> bool:
    """Whether each pick was the next draw among all rows that the filter lets in, as the strategy says.

    Strata and the parts of a mix are drawn from apart, caps and money pass over what was drawn, and of a
    subsample only what is in it can be.
    """
    [(rows, _), *others] = cells
    subsampled = composition.subsample is not None and composition.subsample < len(rows)
    passed_over = composition.cap is not None or composition.costs is not None or missing > 0
    return not (others or subsampled or passed_over or len(parts) > 1)
