"""What a stopping rule looks at, and what it says."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelloop import files
from labelloop.campaign import Budget, Stopping


@dataclass(frozen=True)
class RoundSummary:
    """A finished round; all but `accuracy` are totals since the campaign began."""

    round: str
    labels: int
    """Items with a label to train on, the test set not counted."""
    money: float
    """Cost of all answers, the test set's included."""
    hours: float
    """From the first push to the last answer."""
    accuracy: float | None
    """On the test set, in [0, 1]; None where it could not be measured."""
    looks: int = 0
    """Rounds after it that only looked again at older items."""


@dataclass(frozen=True)
class Signals:
    """What a round showed about whether further labels teach anything; None where it cannot be told yet."""

    round: str
    kappa: float | None = None
    """Mean Cohen's kappa of neighbouring models on the stop set, over stopping.kappa_rounds pairs."""
    kappa_bound: float | None = None
    """How far F1 of neighbouring models differs, at most."""
    changed: float | None = None
    """Largest share of changed predictions over the last stopping.changed_rounds rounds."""
    doubt: float | None = None
    """Mean of 1 less the likeliest class's probability, over the stop set."""
    slope: float | None = None
    """Accuracy a label, over the last stopping.plateau_rounds rounds, with its interval."""
    slope_low: float | None = None
    slope_high: float | None = None
    gain: float | None = None
    """Accuracy that the next batch is expected to bring, with its interval."""
    gain_low: float | None = None
    gain_high: float | None = None
    batch_cost: float | None = None
    """Money that the next batch is expected to cost, looking after it included."""

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Signals:
        """From JSON; what is not known is left out."""
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in found.items() if name in known})


def read_signals(path: Path) -> list[Signals]:
    """The signals in a round's stopping.json; none for a round of a campaign that is older than the file."""
    return [Signals.of(one) for one in files.read_json(path)["signals"]] if path.exists() else []


@dataclass(frozen=True)
class Progress:
    """All that a rule may look at."""

    stopping: Stopping
    budget: Budget
    history: Sequence[RoundSummary]
    """Finished rounds, oldest first."""
    pool_left: int
    """Items that were never asked about, the test set not counted."""
    signals: Sequence[Signals] = ()
    """Of the finished rounds that have any, oldest first."""


@dataclass(frozen=True)
class Reason:
    """Which rule says stop, and why in a full sentence."""

    rule: str
    sentence: str


@dataclass(frozen=True)
class Finding:
    """One rule as it stands."""

    rule: str
    value: float | None
    """What was measured; None where it cannot be told yet."""
    threshold: float
    holds: bool
    """Whether the newest round is past the threshold."""
    in_a_row: int
    """Rounds up to now in which it held without a break."""
    fires: bool
    """Whether it held in as many rounds as stopping.patience asks, and not too early."""
    sentence: str


Rule = Callable[[Progress], Reason | None]
"""A limit: whatever else is known, the campaign ends."""

Evidence = Callable[[Progress], Finding | None]
"""A rule on evidence; None where it is not set."""
