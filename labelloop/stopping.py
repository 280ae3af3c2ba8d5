"""When a campaign ends, and why.

A rule is a function of how far the campaign has come; it gives a reason to stop, or None. `decide` asks the
rules of `RULES` in their order and takes the first reason: what was hoped for (the target) is named before
what ran out (pool, budgets, rounds). The order only decides which reason is told when several hold.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labelloop.campaign import Annotation, Budget, CampaignSettings, Stopping

if TYPE_CHECKING:
    import pandas as pd


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


@dataclass(frozen=True)
class Progress:
    """All that a rule may look at."""

    stopping: Stopping
    budget: Budget
    history: Sequence[RoundSummary]
    """Finished rounds, oldest first."""
    pool_left: int
    """Items that were never asked about, the test set not counted."""


@dataclass(frozen=True)
class Reason:
    """Which rule says stop, and why in a full sentence."""

    rule: str
    sentence: str


@dataclass(frozen=True)
class Decision:
    """Whether the campaign stops before its next round."""

    stop: bool
    reason: str
    """A full sentence with the values it rests on, also where the campaign goes on."""
    rule: str
    """Name of the rule that holds; empty where the campaign goes on."""


Rule = Callable[[Progress], Reason | None]


def decide(
    stopping: Stopping, budget: Budget, history: Sequence[RoundSummary], *, pool_left: int
) -> Decision:
    """Decide whether the campaign stops; see `RULES`.

    Args:
        history: finished rounds, oldest first; with none of them no rule holds.
        pool_left: items never asked about, the test set not counted.
    """
    reason = any_of(*RULES)(Progress(stopping, budget, history, pool_left))
    if reason is not None:
        return Decision(True, reason.sentence, reason.rule)
    labels = history[-1].labels if history else 0
    return Decision(
        False,
        f"After {len(history)} rounds and {labels} labels no rule holds; {pool_left} items are left.",
        "",
    )


def any_of(*rules: Rule) -> Rule:
    """A rule that holds as soon as one of `rules` does, and gives the first one's reason."""

    def first_reason(progress: Progress) -> Reason | None:
        return next((reason for rule in rules if (reason := rule(progress)) is not None), None)

    return first_reason


def target_accuracy(progress: Progress) -> Reason | None:
    """The test accuracy reached the target in each of the last `patience` rounds."""
    target, patience = progress.stopping.target_accuracy, progress.stopping.patience
    recent = [summary.accuracy for summary in progress.history[-patience:]]
    if target is None or len(recent) < patience:
        return None
    reached = [accuracy for accuracy in recent if accuracy is not None and accuracy >= target]
    if len(reached) < patience:
        return None
    held = f"for {patience} rounds in a row" if patience > 1 else f"in round {progress.history[-1].round}"
    return Reason(
        "target_accuracy",
        f"The test accuracy reached stopping.target_accuracy {target:g} {held}; it is {reached[-1]:.4f}.",
    )


def pool_exhausted(progress: Progress) -> Reason | None:
    """Nothing is left to ask about; a first round, which may only train, is always allowed."""
    if progress.pool_left > 0 or not progress.history:
        return None
    labels = progress.history[-1].labels
    return Reason("pool_exhausted", f"Every item of the pool was asked about; {labels} are labeled.")


def label_budget(progress: Progress) -> Reason | None:
    """As many items are labeled as the budget allows."""
    return _used_up(progress, "labels", "labeled items")


def money_budget(progress: Progress) -> Reason | None:
    """The money for answers is spent."""
    return _used_up(progress, "money", "in money")


def hour_budget(progress: Progress) -> Reason | None:
    """The campaign took as long as it may."""
    return _used_up(progress, "hours", "hours")


def max_rounds(progress: Progress) -> Reason | None:
    """As many rounds are finished as were wanted."""
    limit, done = progress.stopping.max_rounds, len(progress.history)
    if limit is None or done < limit:
        return None
    return Reason("max_rounds", f"{done} rounds are finished and stopping.max_rounds is {limit}.")


RULES: tuple[Rule, ...] = (
    target_accuracy,
    pool_exhausted,
    label_budget,
    money_budget,
    hour_budget,
    max_rounds,
)
"""Asked in this order."""


def affordable(settings: CampaignSettings, history: Sequence[RoundSummary], *, test_items: int = 0) -> int:
    """How many new items the budgets of labels and money still pay for, so that the last batch is cut to fit.

    An item costs what its `annotation.overlap` answers cost. Where annotators have prices of their own the
    dearest are assumed: a budget is what may be spent at most, and what was saved pays for the next round.
    Second looks are paid out of new items' votes; each may go to the dearest annotator.

    Args:
        history: finished rounds, oldest first.
        test_items: test items that are asked in the same batch; they cost money but no label of the budget.

    Returns:
        0 or more; `sys.maxsize` where there is no such budget.
    """
    budget, annotation = settings.budget, settings.annotation
    labels, money = (history[-1].labels, history[-1].money) if history else (0, 0.0)
    left = sys.maxsize
    if budget.labels is not None:
        left = min(left, budget.labels - labels)
    if budget.money is not None:
        purse = budget.money - money - test_items * item_cost(annotation, annotation.test_overlap)
        cost = item_cost(annotation, annotation.overlap)
        if annotation.max_overlap is not None:
            cost = annotation.overlap * item_cost(annotation, 1)
        gold = settings.gold
        cost += gold.per_item * item_cost(annotation, gold.overlap or annotation.overlap)
        # Prices such as 0.15 are not exact in floating point; a whole number of items must stay whole.
        paid = math.floor(purse / cost + 1e-9) if cost > 0 else (left if purse > -1e-9 else 0)
        left = min(left, paid)
    return max(0, left)


def history_of(curve: pd.DataFrame) -> list[RoundSummary]:
    """The rounds of a learning curve (columns round, labels, cost, hours, accuracy), oldest first."""
    columns = (curve[name] for name in ("round", "labels", "cost", "hours", "accuracy"))
    return [
        RoundSummary(
            str(round_id), int(labels), float(cost), float(hours),
            None if math.isnan(accuracy) else float(accuracy),
        )
        for round_id, labels, cost, hours, accuracy in zip(*columns, strict=True)
    ]  # fmt: skip


def item_cost(annotation: Annotation, overlap: int) -> float:
    """Money that `overlap` answers about an item cost at most, without `compose.cost_column`."""
    if annotation.tool != "simulated":
        return overlap * annotation.cost_per_vote
    prices = [
        annotation.cost_per_vote if person.cost_per_vote is None else person.cost_per_vote
        for person in annotation.simulation.annotators
    ]
    return sum(sorted(prices, reverse=True)[:overlap])


def _used_up(progress: Progress, name: str, what: str) -> Reason | None:
    limit = getattr(progress.budget, name)
    if limit is None or not progress.history:
        return None
    used = getattr(progress.history[-1], name)
    # A sum of prices may end a hair below the limit that it is meant to reach.
    if used < limit - 1e-9:
        return None
    return Reason(f"budget_{name}", f"{used:.10g} {what} are used up, and budget.{name} is {limit:.10g}.")
