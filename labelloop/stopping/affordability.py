"""How much the budgets still pay for, and what the campaign has come to so far."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from labelloop.campaign import Annotation, CampaignSettings
from labelloop.stopping.base import RoundSummary

if TYPE_CHECKING:
    import pandas as pd


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
        cost += gold.per_item * item_cost(annotation, gold.overlap or annotation.overlap, experts=True)
        again = annotation.overlap + gold.per_item * (gold.overlap or annotation.overlap)
        cost += settings.quality.reask_share * again * item_cost(annotation, 1, experts=True)
        # Prices such as 0.15 are not exact in floating point; a whole number of items must stay whole.
        paid = math.floor(purse / cost + 1e-9) if cost > 0 else (left if purse > -1e-9 else 0)
        left = min(left, paid)
    return max(0, left)


def history_of(curve: pd.DataFrame) -> list[RoundSummary]:
    """`summaries` of a learning curve."""
    return summaries(curve.to_dict("records"))


def summaries(rows: Iterable[Mapping[Any, Any]]) -> list[RoundSummary]:
    """The rounds of a learning curve that asked about new items, oldest first.

    One that settles or only looks again is no step of the campaign: what it has come to in all is put to the
    round before, whose accuracy stays what it was.

    Args:
        rows: round, labels, cost, hours and accuracy, and `settles` and `only_looks` where a round may do so.
    """
    found: list[RoundSummary] = []
    for row in rows:
        labels, money, hours = int(row["labels"]), float(row["cost"]), float(row["hours"])
        if row.get("settles", False) or row.get("only_looks", False):
            looks = found[-1].looks + bool(row.get("only_looks", False))
            found[-1] = replace(found[-1], labels=labels, money=money, hours=hours, looks=looks)
            continue
        accuracy = row["accuracy"]
        known = None if accuracy is None or math.isnan(accuracy) else float(accuracy)
        found.append(RoundSummary(str(row["round"]), labels, money, hours, known))
    return found


def item_cost(annotation: Annotation, overlap: int, *, experts: bool = False) -> float:
    """Money that `overlap` answers about an item cost at most, without `compose.cost_column`.

    Args:
        experts: whether experts may be among those who give them.
    """
    above = frozenset() if experts else annotation.routing.experts
    prices = [annotation.price_of(name) for name in annotation.names if name not in above]
    return sum(sorted(prices, reverse=True)[:overlap]) if prices else overlap * annotation.cost_per_vote
