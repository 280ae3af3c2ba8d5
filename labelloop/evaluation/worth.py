"""What the savings are worth: labels saved times what a label costs, less what the campaign itself costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PROJECTED, MEASURED = "projected", "measured"
_SOURCES = {
    PROJECTED: "by the projection of what random needs for the accuracy reached",
    MEASURED: "by the measurement at half of the control arm, where saving begins",
}


def labels_saved(savings: Mapping[str, Any], projected: Mapping[str, Any] | None) -> dict[str, Any]:
    """How many labels random would have needed more, from the better of the two sources there is.

    The measurement compares both curves at the accuracy of half of the control arm, a twentieth of the
    labels: it can never be more than that. What the campaign is about is the accuracy that it reached, so the
    projection counts, unless it has no upper end and its low end leaves open whether anything was saved.

    Args:
        savings: what `savings.measure_savings` returned.
        projected: what `projection.project_random` returned.

    Returns:
        low, middle, high (None where not known: of a measurement with an open end), coverage (of low to
        high), sure (of one end alone) and source: projected, measured, or None with too little data for
        either.
    """
    if projected is not None and (projected["saved"]["high"] is not None or projected["saved"]["low"] > 0):
        coverage = projected["coverage"]
        return dict(projected["saved"]) | {
            "coverage": coverage, "sure": (1 + coverage) / 2, "source": PROJECTED
        }  # fmt: skip
    coverage = savings["coverage"]
    return {
        "low": savings["saved_low"],
        "middle": savings["saved"],
        "high": savings["saved_high"],
        "coverage": coverage,
        "sure": None if coverage is None else (1 + coverage) / 2,
        "source": None if coverage is None else MEASURED,
    }


def money_saved(
    saved: Mapping[str, Any],
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
        saved: what `labels_saved` returned.
        label_cost: mean money for the answers about one training item.
        automation_cost: once, for setting the campaign up.
        monitoring_cost: a round.

    Returns:
        labels_saved (as given), label_cost, overhead (automation and monitoring), roi with roi_low and
        roi_high (None where unknown), and roi_sentence; that is empty where nothing was saved that could be
        told and nothing costs anything.
    """
    overhead = automation_cost + monitoring_cost * rounds
    found: dict[str, Any] = {"labels_saved": dict(saved), "label_cost": label_cost, "overhead": overhead}
    for name, end in (("roi", "middle"), ("roi_low", "low"), ("roi_high", "high")):
        found[name] = None if saved[end] is None else saved[end] * label_cost - overhead
    return found | {"roi_sentence": _sentence(found, saved, currency)}


def _sentence(found: Mapping[str, Any], saved: Mapping[str, Any], currency: str) -> str:
    cost, overhead = found["label_cost"], found["overhead"]
    low, high, roi = found["roi_low"], found["roi_high"], found["roi"]
    if low is None and high is None:
        if not overhead:
            return ""
        return (f"Automation and monitoring have cost {overhead:.2f} {currency}; there is too little data "
                "yet to tell what they saved.")  # fmt: skip
    if not cost and not overhead:
        return ""
    sure = f"({100 * saved['sure']:.3g}% sure)"
    if low is None:
        told = f"{high:.2f} {currency} saved at most {sure}"
    elif high is None:
        told = f"{low:.2f} {currency} saved at least {sure}"
    elif roi is None:
        told = f"between {low:.2f} and {high:.2f} {currency} saved ({saved['coverage']:.0%} interval)"
    else:
        told = f"{roi:.2f} {currency} saved ({saved['coverage']:.0%} interval {low:.2f} to {high:.2f})"
    less = f", less {overhead:.2f} for automation and monitoring" if overhead else ""
    return f"In money: {told}, {_SOURCES[saved['source']]}, at {cost:.3f} {currency} a label{less}."
