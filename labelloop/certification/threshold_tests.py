"""At which confidence may labels be accepted? Tests on gold that were declared before it was looked at.

The wrong share among labels of confidence at least t is r(t). For a threshold t with n gold items at or above
it, e of them wrong, the hypothesis "r(t) is above the target alpha" has the exact p-value::

    p = P(Binomial(n, alpha) <= e)

which is at most delta just when the Clopper-Pearson upper bound of r(t) at level 1 - delta is at most alpha.
The thresholds are quantiles of the stream's confidences, declared as shares of the stream. They never depend
on which labels turned out right, so the whole search keeps the chance of a wrong threshold at most delta:

- `fixed_sequence` tests from the strictest threshold on, each at delta, and stops at the first that fails;
- `bonferroni` tests every threshold at delta divided by their number.

Sources: Angelopoulos, Bates, Candes, Jordan and Lei (2021), Learn then test: calibrating predictive
algorithms to achieve risk control. Clopper and Pearson (1934). Bauer (1991) for fixed sequences.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

from labelloop.errors import SettingsError

COVERAGES = {
    "fixed_sequence": tuple(step / 20 for step in range(1, 21)),
    "bonferroni": (0.2, 0.4, 0.6, 0.8, 1.0),
}
"""Shares of the stream whose thresholds are tested, unless others are declared; by test."""
SPARE_ERRORS = (3, 2, 1)
"""A sequence begins where so many wrong gold items still pass, so that chance does not end it at once."""
MOST_GOLD = 1_000_000


@dataclass(frozen=True)
class Step:
    """One threshold."""

    threshold: float
    coverage: float
    """Share of the stream at or above it."""
    gold: int
    errors: int
    p_value: float | None
    """None where it was not tested."""
    bound: float
    """Clopper-Pearson upper bound of the wrong share, at the level of this test."""
    tested: bool
    """Whether the sequence came this far."""
    passed: bool


@dataclass(frozen=True)
class Tested:
    """The result of a search for a threshold."""

    steps: list[Step]
    """From the strictest threshold on."""
    level: float
    """What each p-value was compared with."""
    sequence: bool
    """Whether thresholds were tested in turn until one failed."""
    chosen: Step | None
    """The passing step of the greatest coverage; None where none passed."""

    def proof(self) -> dict[str, Any]:
        """What a `Certificate` says of the chosen threshold and of how it was found."""
        assert self.chosen is not None
        said = asdict(self.chosen)
        names = ("threshold", "gold", "errors", "p_value", "bound", "coverage")
        protocol = [asdict(step) for step in self.steps]
        return {name: said[name] for name in names} | {"level": self.level, "protocol": protocol}


def find_threshold(
    stream: np.ndarray,
    gold: np.ndarray,
    correct: np.ndarray,
    *,
    target: float,
    delta: float,
    test: str = "fixed_sequence",
    coverages: Sequence[float] | None = None,
    kept: np.ndarray | None = None,
) -> Tested:
    """The threshold of the greatest coverage whose wrong share is proven to be at most `target`.

    Args:
        stream: shape (n_labels,), confidences of all labels that the certificate will be about.
        gold: shape (n_gold,), confidences of gold items, drawn at random from the stream.
        correct: shape (n_gold,), bool: whether their labels are right.
        target: alpha, the greatest tolerable share of wrong labels among those accepted.
        delta: chance, over draws of gold, of a threshold whose wrong share is above `target`.
        kept: shape (n_labels,), bool: the labels that would be accepted, where that is not the whole stream
            but its gold. All wrong labels may be among them, so the stream's wrong share must then be smaller
            than `target` by as much as they are fewer than the stream.

    Raises:
        SettingsError: a number is not in (0, 1), no such test, or no coverages.
    """
    check_settings(target, delta, test, coverages)
    coverages = COVERAGES[test] if coverages is None else coverages
    ordered = np.sort(stream)[::-1]
    ranks = [min(max(int(np.ceil(share * len(ordered) - 1e-9)), 1), len(ordered)) for share in coverages]
    thresholds = sorted({float(ordered[rank - 1]) for rank in ranks}, reverse=True)
    level = delta if test == "fixed_sequence" else delta / len(thresholds)
    begin = _first_gold(len(gold), target, delta)
    steps: list[Step] = []
    stopped = False
    for number, threshold in enumerate(thresholds):
        coverage = float((stream >= threshold).mean())
        n, errors = int((gold >= threshold).sum()), int((~correct[gold >= threshold]).sum())
        # Where to begin follows from the numbers of gold and of the stream, not from which gold is where.
        too_strict = coverage * len(gold) < begin and number < len(thresholds) - 1
        tested = test == "bonferroni" or not (too_strict or stopped)
        above = int((stream >= threshold).sum())
        aim = (
            target
            if kept is None
            else target * _share_kept(int((kept & (stream >= threshold)).sum()), above - n)
        )
        p_value = chance_of_so_few(errors, n, above, aim) if tested else None
        passed = p_value is not None and p_value <= level
        stopped = stopped or (tested and not passed)
        steps.append(
            Step(threshold, coverage, n, errors, p_value, upper_bound(errors, n, level), tested, passed)
        )
    passing = [step for step in steps if step.passed]
    in_turn = test == "fixed_sequence"
    return Tested(steps, level, in_turn, max(passing, key=lambda step: step.coverage) if passing else None)


def _share_kept(kept: int, rest: int) -> float:
    """Labels that would be accepted, as a share of those of the stream that are not gold."""
    return min(1.0, kept / rest) if rest > 0 else 0.0


def _first_gold(n_gold: int, target: float, delta: float) -> int:
    """How many gold items are expected at the threshold with which a sequence begins."""
    for errors in SPARE_ERRORS:
        needed = needed_gold(target, delta, errors)
        if needed <= n_gold / 2:
            return needed
    return needed


def chance_of_so_few(errors: int, n: int, stream: int, target: float) -> float:
    """The p-value of a threshold: the greater of the stream's and the rest's.

    The rest is what is accepted: the stream at or above the threshold without its gold. Where gold is a large
    part of the stream, few errors in gold mean more in the rest. With N labels in the stream, r = floor(alpha
    (N - n)) errors allowed in the rest, the chance of accepting at e errors or fewer with more than r in the
    rest is at most max over j = 0 .. e of P(Hypergeometric(N, r + 1 + j, n) <= j).

    Args:
        errors: e, wrong gold items.
        n: gold items.
        stream: N, labels with gold among them.
        target: alpha.
    """
    if not n or n >= stream:
        return 1.0
    allowed = int(np.floor(target * (stream - n) + 1e-9))
    some = np.arange(min(errors, stream - allowed - 1) + 1)
    rest = stats.hypergeom.cdf(some, stream, allowed + 1 + some, n).max(initial=0.0)
    return float(max(stats.binom.cdf(errors, n, target), rest))


def upper_bound(errors: int, n: int, delta: float) -> float:
    """Clopper-Pearson upper bound, at level 1 - delta, of a share with `errors` among `n`."""
    return 1.0 if errors >= n else float(stats.beta.ppf(1 - delta, errors + 1, n - errors))


@functools.lru_cache(maxsize=4096)
def needed_gold(target: float, delta: float, errors: int = 0) -> int:
    """The fewest gold items with so many wrong ones that prove a wrong share of at most `target`."""
    low, high = errors, max(2 * errors, 2)
    while stats.binom.cdf(errors, high, target) > delta:
        low, high = high, 2 * high
        if high > MOST_GOLD:
            return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if stats.binom.cdf(errors, middle, target) > delta else (low, middle)
    return high


def more_gold(tested: Tested, n_gold: int, *, target: float) -> int | None:
    """About how many further gold items would prove some threshold, if wrong shares stay as they were seen.

    What was seen is taken as half an error worse, as long as that leaves hope. Thresholds behind the
    one that ended a sequence count for nothing: the next sequence would end there too.

    Returns:
        The least number over thresholds; None where every one was wrong too often, so that more gold is no
        remedy.
    """
    wanted = []
    ends = [number for number, step in enumerate(tested.steps) if step.tested and not step.passed]
    reachable = tested.steps[: ends[0] + 1] if ends else tested.steps
    for step in reachable if tested.sequence else tested.steps:
        seen, share = step.errors / max(step.gold, 1), (step.errors + 0.5) / (step.gold + 1)
        if seen >= target:
            continue
        share = share if share < target else seen
        n = needed_gold(target, tested.level, 0)
        while n < MOST_GOLD:
            # One wrong item more than expected, so that the number is enough more often than not.
            required = needed_gold(target, tested.level, int(np.ceil(share * n)) + 1)
            if required <= n:
                break
            n = required
        if n < MOST_GOLD:
            wanted.append(int(np.ceil(n / max(step.coverage, 1e-9))))
    return max(min(wanted) - n_gold, 1) if wanted else None


def check_settings(target: float, delta: float, test: str, coverages: Sequence[float] | None) -> None:
    """Refuse settings that are none."""
    for name, value in (("target error", target), ("delta", delta)):
        if not 0 < value < 1:
            raise SettingsError(f"{name} is {value:g}; it must be between 0 and 1, such as 0.05")
    if test not in COVERAGES:
        raise SettingsError(f"test {test!r} is not known; known: {', '.join(COVERAGES)}")
    if coverages is not None and not (coverages and all(0 < share <= 1 for share in coverages)):
        raise SettingsError(f"coverages are {list(coverages)}; they must be shares above 0 and at most 1")
