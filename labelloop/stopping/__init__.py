"""When a campaign ends, and why: limits, and rules on evidence."""

from __future__ import annotations

from labelloop.stopping.affordability import affordable, history_of, item_cost, summaries
from labelloop.stopping.base import Finding, Progress, Reason, RoundSummary, Signals, read_signals
from labelloop.stopping.deciding import RULES, Decision, any_of, decide, findings
from labelloop.stopping.limits import may_look_again
from labelloop.stopping.never import cannot_fire

__all__ = [
    "RULES",
    "Decision",
    "Finding",
    "Progress",
    "Reason",
    "RoundSummary",
    "Signals",
    "affordable",
    "any_of",
    "cannot_fire",
    "decide",
    "findings",
    "history_of",
    "item_cost",
    "may_look_again",
    "read_signals",
    "summaries",
]
