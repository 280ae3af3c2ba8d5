"""What a backtest tries: strategies, batch sizes and overlaps, each with the same money to spend."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from labelloop.backtesting.arena import batch_sizes
from labelloop.backtesting.verdict import BASELINE
from labelloop.campaign import CampaignSettings, parse_settings


@dataclass(frozen=True)
class Trial:
    """One way to run the campaign."""

    strategy: str
    batch_size: int
    overlap: int
    mixed: bool = False
    """Whether compose.mix picks, once there is a model, in the strategy's place."""
    cold_start: str | None = None
    """Strategy of the first batch; None: that of params.yaml."""
    rounds: int | None = None
    """At most; None: as many as the money pays for."""


def trials(
    strategies: Sequence[str], sizes: Sequence[int], overlaps: Sequence[int], *, mixed: str | None = None
) -> list[Trial]:
    """Every combination, each once, in the order given.

    Args:
        mixed: the strategy whose place a mix takes. Where that is random, which the others are compared
            with, plain random is tried as well.
    """
    combinations = itertools.product(dict.fromkeys(strategies), dict.fromkeys(sizes), dict.fromkeys(overlaps))
    found = [Trial(name, size, overlap, name == mixed) for name, size, overlap in combinations]
    if mixed == BASELINE:
        found += [replace(trial, mixed=False) for trial in found if trial.mixed]
    return found


def check_sizes(sizes: Sequence[int], settings: CampaignSettings) -> None:
    """Refuse batch sizes that the rest of the settings has no room for, before anything is replayed.

    Raises:
        SettingsError: names the size and the setting that it does not go with.
    """
    content = settings.model_dump()
    for size in sizes:
        acquisition = content["acquisition"] | {"batch_size": size}
        parse_settings(
            content | {"acquisition": acquisition}, source=f"params.yaml with --batch-sizes {size}"
        )


def name_of(trial: Trial, among: Sequence[Trial]) -> str:
    """The strategy's name, with batch size and overlap where these differ among the trials."""
    name = trial.strategy
    if len({other.batch_size for other in among}) > 1:
        name += f", batch {trial.batch_size}"
    if len({other.overlap for other in among}) > 1:
        name += f", {trial.overlap} vote" + ("s" if trial.overlap > 1 else "")
    return name


def purse_of(settings: CampaignSettings, multiples: np.ndarray, money: float | None, price: float) -> float:
    """What each trial may spend where items have costs of their own.

    Args:
        multiples: shape (m,), what an answer about each eligible item costs in units of `price`.
        money: as given; None takes budget.money, or what params.yaml's own plan costs at the mean price.
    """
    if money is not None:
        return money
    if settings.budget.money is not None:
        return settings.budget.money
    planned = batch_sizes(settings, len(multiples))[-1]
    return planned * settings.annotation.overlap * price * float(multiples.mean())


def sizes_of(
    trial: Trial,
    settings: CampaignSettings,
    eligible: int,
    money: float | None,
    *,
    to_the_end: bool = False,
) -> list[int]:
    """Labels after each round of a trial.

    The money is what params.yaml's own plan pays for unless it is given: a smaller overlap then buys more
    labels, and a smaller batch more rounds.

    Args:
        eligible: items that may be asked about.
        money: for labels; None takes the plan's.
        to_the_end: of the pool, or of budget.labels; for replays that end where their money does.
    """
    planned = batch_sizes(settings, eligible)
    own = (settings.acquisition.batch_size, settings.annotation.overlap)
    if not to_the_end and money is None and (trial.batch_size, trial.overlap) == own:
        return planned
    price = settings.annotation.cost_per_vote
    last = math.floor(planned[-1] * settings.annotation.overlap / trial.overlap)
    if to_the_end:
        last = settings.budget.labels or eligible
    elif money is not None and price > 0:
        last = math.floor(money / (price * trial.overlap) + 1e-9)
    last = max(1, min(last, eligible))
    first = settings.acquisition.first_batch_size or trial.batch_size
    sizes = [min(first, last)]
    while sizes[-1] < last:
        sizes.append(min(sizes[-1] + trial.batch_size, last))
    return sizes
