"""What ends a campaign whatever its model has learned: the pool, the budgets, the rounds."""

from __future__ import annotations

from labelloop.stopping.base import Progress, Reason, Rule


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
    """As many rounds have asked somebody as were wanted."""
    limit = progress.stopping.max_rounds
    done = sum(1 + one.looks for one in progress.history)
    if limit is None or done < limit:
        return None
    return Reason("max_rounds", f"{done} rounds are finished and stopping.max_rounds is {limit}.")


LIMITS: tuple[Rule, ...] = (pool_exhausted, label_budget, money_budget, hour_budget, max_rounds)
"""Asked in this order."""

NO_NEW_ITEMS = frozenset({"pool_exhausted", "budget_labels", "composition"})
"""Rules that say there is nothing new to ask about, and nothing of what may be spent on older items."""


def may_look_again(rule: str, progress: Progress) -> bool:
    """Whether a campaign that asks about no new item by this rule may still ask about older ones.

    Not where evidence has ended it: that is set by somebody who wants no more spent.
    """
    spent = (money_budget, hour_budget, max_rounds)
    return rule in NO_NEW_ITEMS and all(one(progress) is None for one in spent)


def _used_up(progress: Progress, name: str, what: str) -> Reason | None:
    limit = getattr(progress.budget, name)
    if limit is None or not progress.history:
        return None
    used = getattr(progress.history[-1], name)
    # A sum of prices may end a hair below the limit that it is meant to reach.
    if used < limit - 1e-9:
        return None
    return Reason(f"budget_{name}", f"{used:.10g} {what} are used up, and budget.{name} is {limit:.10g}.")
