"""Whether the campaign stops: evidence is asked first, then what ran out.

The order only decides which reason is told when several hold: what was hoped for is named before the end of
the pool, a budget or the rounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labelloop.campaign import Budget, Stopping
from labelloop.stopping.base import Finding, Progress, Reason, RoundSummary, Rule, Signals
from labelloop.stopping.evidence import EVIDENCE
from labelloop.stopping.limits import LIMITS


@dataclass(frozen=True)
class Decision:
    """Whether the campaign stops before its next round."""

    stop: bool
    reason: str
    """A full sentence with the values it rests on, also where the campaign goes on."""
    rule: str
    """Name of the rule that holds; empty where the campaign goes on."""


def decide(
    stopping: Stopping,
    budget: Budget,
    history: Sequence[RoundSummary],
    *,
    pool_left: int,
    signals: Sequence[Signals] = (),
) -> Decision:
    """Decide whether the campaign stops; see `RULES`.

    Args:
        history: finished rounds, oldest first; with none of them no rule holds.
        pool_left: items never asked about, the test set not counted.
        signals: what those rounds showed, oldest first.
    """
    reason = any_of(*RULES)(Progress(stopping, budget, history, pool_left, signals))
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


def findings(progress: Progress) -> list[Finding]:
    """Every rule on evidence that is set, as it stands."""
    return [found for rule in EVIDENCE if (found := rule(progress)) is not None]


def enough_evidence(progress: Progress) -> Reason | None:
    """The rules on evidence that are set, put together as `stopping.combine` says."""
    found = findings(progress)
    firing = [one for one in found if one.fires]
    if not firing or (progress.stopping.combine == "all" and len(firing) < len(found)):
        return None
    if progress.stopping.combine == "all" and len(found) > 1:
        rules = "+".join(one.rule for one in firing)
        return Reason(rules, "All rules that are set hold. " + " ".join(one.sentence for one in firing))
    return Reason(firing[0].rule, firing[0].sentence)


RULES: tuple[Rule, ...] = (enough_evidence, *LIMITS)
"""Asked in this order."""
