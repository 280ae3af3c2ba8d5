"""What a backtest proves of strategies against random: the verdict that the strategy `auto` follows.

A strategy is called worse only where that is sure: the interval of its mean distance from random, paired by
seed, lies below zero, and is as much wider as there are strategies to be wrong about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labelloop import files
from labelloop.errors import DamagedFileError

FEWEST_SEEDS = 5
"""Seeds below which nothing is called worse or better."""
BASELINE = "random"


@dataclass(frozen=True)
class Against:
    """A strategy against random, in the metric's units, averaged over the money of the replay."""

    difference: float
    low: float
    high: float
    """Ends of the interval of `difference`."""

    @property
    def worse(self) -> bool:
        return self.high < 0

    @property
    def better(self) -> bool:
        return self.low > 0


@dataclass(frozen=True)
class Verdict:
    """What backtest.json holds."""

    about: dict[str, Any]
    """What was replayed: campaign, items, classes, model, metric, votes, seeds, coverage, and a digest of all
    else that trials have in common."""
    strategies: dict[str, Against]
    """By name, in later batches; without random, and without what was not compared."""
    first_batch: dict[str, Against]
    """The cold start by name, after the first batch."""


def judge_strategies(curves: pd.DataFrame, coverage: float) -> dict[str, Against]:
    """Every strategy against random, by the mean height of its curve over the money that both have spent.

    Args:
        curves: columns strategy, seed, cost, accuracy of trials that differ in their strategy alone.
        coverage: of the intervals of all strategies together (Bonferroni).

    Returns:
        By strategy; empty without random, or with fewer than `FEWEST_SEEDS` seeds.
    """
    runs = {
        (str(name), int(str(seed))): points
        for (name, seed), points in curves.groupby(["strategy", "seed"], sort=True)
    }
    seeds = sorted({seed for name, seed in runs if name == BASELINE})
    names = sorted({name for name, _ in runs} - {BASELINE})
    if len(seeds) < FEWEST_SEEDS:
        return {}
    return {
        name: _against(
            np.array([_lead(runs[name, seed], runs[BASELINE, seed]) for seed in seeds]), coverage, len(names)
        )
        for name in names
    }


def judge_first_batch(
    name: str, cold: Sequence[float], at_random: Sequence[float], coverage: float
) -> dict[str, Against]:
    """The cold start called `name` against a random first batch of the same size, paired by seed.

    Returns:
        One entry; none with fewer than `FEWEST_SEEDS` seeds.
    """
    if len(cold) < FEWEST_SEEDS:
        return {}
    return {name: _against(np.array(cold) - np.array(at_random), coverage, 1)}


def join_verdicts(before: Verdict, now: Verdict) -> Verdict:
    """What one backtest of the strategies of both would say; of a strategy in both, the newer.

    Both are about the same, so their seeds are, and an interval need only be made as wide as it is with so
    many strategies to be wrong about.
    """
    tried = len(before.strategies | now.strategies)
    both = {
        name: _widened(found, len(verdict.strategies), tried, now.about)
        for verdict in (before, now)
        for name, found in verdict.strategies.items()
    }
    return Verdict(now.about, dict(sorted(both.items())), before.first_batch | now.first_batch)


def keep_verdict(path: Path, verdict: Verdict) -> str:
    """Write what a backtest shows into a campaign's file, and say in a sentence what the file tells now.

    What the file says of other strategies stays where it is about the same. A backtest that compares nothing
    with random leaves the file as it is.
    """
    if not verdict.strategies and not verdict.first_batch:
        seeds, why = verdict.about["seeds"], "no strategy was compared with random"
        if seeds < FEWEST_SEEDS:
            why = f"a verdict takes {FEWEST_SEEDS} seeds or more, not {seeds}"
        return f"{path.name} was left as it is: {why}."
    before = _readable(path)
    gone: list[str] = []
    if before is not None and before.about == verdict.about:
        verdict = join_verdicts(before, verdict)
    elif before is not None:
        gone = [name for name in _compared(before) if name not in _compared(verdict)]
        if before.strategies and not verdict.strategies:
            return (f"{path.name} was left as it is: it tells of {', '.join(before.strategies)}, and here no "
                    "strategy was compared with random after the first batch.")  # fmt: skip
    write_verdict(path, verdict)
    said = f"{path.name} tells auto how these stand against random: {', '.join(_compared(verdict))}."
    if gone:
        said += (f" What it told of {', '.join(gone)} is gone: that came from other data, settings, money or "
                 "seeds. Try them again to have it back.")  # fmt: skip
    return said


def write_verdict(path: Path, verdict: Verdict) -> None:
    """Write a verdict as JSON; equal verdicts give equal bytes."""
    files.write_json(path, asdict(verdict))


def read_verdict(path: Path) -> Verdict:
    """Read what `write_verdict` wrote.

    Raises:
        DamagedFileError: it is something else.
    """
    content = files.read_json(path)
    try:
        parts = {
            part: {name: Against(**found) for name, found in content[part].items()}
            for part in ("strategies", "first_batch")
        }
        verdict = Verdict(dict(content["about"]), **parts)
        whole = all(
            isinstance(number, float | int)
            for found in (verdict.strategies | verdict.first_batch).values()
            for number in asdict(found).values()
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(path, repr(error)) from None
    if not whole:
        raise _damaged(path, "a difference is no number")
    return verdict


def words_of(found: Against, about: Mapping[str, Any]) -> str:
    """A comparison as a part of a sentence: the difference in points, its interval, and what it rests on."""
    low, high = 100 * found.low, 100 * found.high
    return (
        f"{100 * found.difference:+.1f} points of {about.get('metric', 'accuracy')} "
        f"({low:+.1f} to {high:+.1f}, {about.get('seeds', '?')} seeds)"
    )


def _compared(verdict: Verdict) -> list[str]:
    return [*verdict.strategies, *(f"{name} in the first batch" for name in verdict.first_batch)]


def _readable(path: Path) -> Verdict | None:
    """The verdict in the file; None where there is none, or a damaged one, which a new one mends."""
    try:
        return read_verdict(path) if path.exists() else None
    except DamagedFileError:
        return None


def _damaged(path: Path, what: str) -> DamagedFileError:
    return DamagedFileError(
        f"{path} is not what `labelloop backtest` writes ({what}); bring it back with `git checkout -- "
        f"{path.name}`, run the backtest again, or delete it: auto then goes without"
    )


def _lead(mine: pd.DataFrame, theirs: pd.DataFrame) -> float:
    """Mean height of one curve above the other where both have spent the same; at the end if only there."""
    both = [(p["cost"].to_numpy(dtype=float), p["accuracy"].to_numpy(dtype=float)) for p in (mine, theirs)]
    low, high = max(cost[0] for cost, _ in both), min(cost[-1] for cost, _ in both)
    if high <= low:
        ends = [accuracy[-1] for _, accuracy in both]
        return float(ends[0] - ends[1])
    money = np.unique(np.concatenate([cost for cost, _ in both] + [[low, high]]).clip(low, high))
    heights = [np.interp(money, *curve) for curve in both]
    return float(np.trapezoid(heights[0] - heights[1], money) / (high - low))


def _against(differences: np.ndarray, coverage: float, tried: int) -> Against:
    """Mean over seeds with Student's t interval, one of `tried` that hold together."""
    mean = float(differences.mean())
    spread = float(differences.std(ddof=1) / np.sqrt(len(differences)))
    half = _half_widths(coverage, tried, len(differences)) * spread
    return Against(mean, mean - half, mean + half)


def _widened(found: Against, before: int, tried: int, about: Mapping[str, Any]) -> Against:
    """The interval of one of `before` strategies, as it is for one of `tried`."""
    if tried == before:
        return found
    wider, narrower = (_half_widths(about["coverage"], many, about["seeds"]) for many in (tried, before))
    half = (found.high - found.low) / 2 * wider / narrower
    return Against(found.difference, found.difference - half, found.difference + half)


def _half_widths(coverage: float, tried: int, seeds: int) -> float:
    """Standard errors from a mean to an end of its interval, of `tried` that hold together (Bonferroni)."""
    from scipy.stats import t

    return float(t.ppf(1 - (1 - coverage) / tried / 2, seeds - 1))
