"""What the savings are worth: labels saved times what a label costs, less what the campaign itself costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def money_saved(
    savings: Mapping[str, Any],
    *,
    label_cost: float,
    automation_cost: float,
    monitoring_cost: float,
    rounds: int,
    currency: str = "USD",
) -> dict[str, Any]:
    """Return on investment of choosing items instead of drawing them, in money.

    savings = labels saved x cost of a label - cost of automation - rounds x cost of monitoring. The interval
    is that of the labels saved; costs are taken as known.

    Args:
        savings: what `savings.measure_savings` returned.
        label_cost: mean money for the answers about one training item.
        automation_cost: once, for setting the campaign up.
        monitoring_cost: a round.

    Returns:
        label_cost, overhead (automation and monitoring), roi with roi_low and roi_high (None where unknown),
        and roi_sentence; empty where nothing was measured or nothing costs anything.
    """
    overhead = automation_cost + monitoring_cost * rounds
    found: dict[str, Any] = {"label_cost": label_cost, "overhead": overhead}
    for name, source in (("roi", "saved"), ("roi_low", "saved_low"), ("roi_high", "saved_high")):
        saved = savings.get(source)
        found[name] = None if saved is None else saved * label_cost - overhead
    return found | {"roi_sentence": _sentence(found, savings, currency)}


def _sentence(found: Mapping[str, Any], savings: Mapping[str, Any], currency: str) -> str:
    cost, overhead = found["label_cost"], found["overhead"]
    low, high, roi = found["roi_low"], found["roi_high"], found["roi"]
    if low is None:
        if not overhead:
            return ""
        return (f"Automation and monitoring have cost {overhead:.2f} {currency}; what they saved cannot be "
                "told yet.")  # fmt: skip
    if not cost and not overhead:
        return ""
    less = f", less {overhead:.2f} for automation and monitoring" if overhead else ""
    how = f"at {cost:.3f} {currency} a label{less}"
    coverage = f"{savings['coverage']:.0%}"
    if roi is None:
        return f"In money: {low:.2f} {currency} saved at least ({coverage} sure), {how}."
    return (f"In money: {roi:.2f} {currency} saved ({coverage} interval {low:.2f} to {high:.2f}), "
            f"{how}.")  # fmt: skip
