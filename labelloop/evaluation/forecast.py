"""What the campaign will still need: labels, money and days to a target, with intervals that are judged.

A forecast is drawn from what the rounds so far leave possible (`curve_fit`). Every round keeps the forecasts
of the rounds before, and says how often what came was inside their intervals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labelloop.evaluation.curve_fit import FEWEST_ROUNDS, CurveFit, fit_curve, paths

FORECAST = "forecast"
TOO_LITTLE = "too little data yet"
REACHED = "reached"
REACHABLE = "reachable"
NOT_SURE = "perhaps reachable"
NOT_REACHABLE = "not reachable"
AHEAD = (1, 2, 4, 8, 16)
"""Batches ahead for which accuracy is forecast."""
DRAWS = 2000
MOST_STEPS = 200


@dataclass(frozen=True)
class Plan:
    """What the campaign does next, as far as a forecast needs it."""

    batch: int
    """Labels of a round, 1 or more."""
    pool_left: int
    """Labels that the pool could still give."""
    label_cost: float
    """Money for one more label."""
    label_hours: float
    """Hours that one more label takes, nights and weekends included."""
    target: float | None = None
    budget_labels: int | None = None
    """Labels at which the label budget is used up."""
    currency: str = "USD"


def make_forecast(
    round_id: str,
    labels: Sequence[int],
    accuracy: Sequence[float],
    plan: Plan,
    *,
    coverage: float = 0.8,
    seed: int = 0,
    earlier: Sequence[Mapping[str, Any]] = (),
    draws: int = DRAWS,
) -> dict[str, Any]:
    """Forecast the campaign after its newest round.

    Args:
        round_id: the newest round.
        labels: of every round so far, ascending.
        accuracy: on the test set, one a round.
        coverage: of the intervals.
        earlier: `as_kept` of the forecasts of the rounds before, oldest first.

    Returns:
        JSON-like: round, labels, accuracy, coverage, status, sentence, asymptote, ahead (a list of labels
        with low, middle and high accuracy), gain (of the next batch), target (see `_target`), earlier (as
        given) and judged (see `judge`). What is not known is None.
    """
    points = [(int(n), float(y)) for n, y in zip(labels, accuracy, strict=True)]
    found: dict[str, Any] = {
        "round": round_id,
        "labels": points[-1][0],
        "accuracy": points[-1][1],
        "coverage": coverage,
        **dict.fromkeys(("asymptote", "gain", "target")),
        "ahead": [],
        "earlier": [dict(one) for one in earlier],
        "judged": judge(earlier, points),
    }
    different = len({n for n, _ in points if n > 0})
    if plan.target is not None and points[-1][1] >= plan.target:
        found["target"] = _reached(plan.target, points)
    if different < FEWEST_ROUNDS:
        why = f"the learning curve has {different} rounds with labels, and it takes {FEWEST_ROUNDS}"
        found |= {"status": TOO_LITTLE, "sentence": f"Too little data yet for a forecast: {why}."}
        return found
    used = [point for point in points if point[0] > 0]
    fit = fit_curve(np.array([n for n, _ in used]), np.array([y for _, y in used]), draws=draws, seed=seed)
    tails = ((1 - coverage) / 2, 0.5, (1 + coverage) / 2)
    found |= {
        "status": FORECAST,
        "asymptote": _three(np.quantile(fit.asymptote, tails)),
        "ahead": _ahead(fit, plan, tails, seed),
        "gain": _gain(fit, plan, tails),
    }
    if plan.target is not None and found["target"] is None:
        found["target"] = _target(fit, plan, plan.target, coverage, seed, found["asymptote"])
    found["sentence"] = _sentence(found, plan)
    return found


def as_kept(forecast: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a forecast that later rounds judge it by."""
    target = forecast["target"]
    kept = None if target is None else {name: target.get(name) for name in ("accuracy", "status", "labels")}
    return {name: forecast[name] for name in ("round", "labels", "coverage", "ahead")} | {"target": kept}


def judge(earlier: Sequence[Mapping[str, Any]], points: Sequence[tuple[int, float]]) -> dict[str, Any]:
    """How good earlier forecasts were: every one is held against every later round that it spoke of.

    Returns:
        compared, held (what came was inside the interval), expected (how many an exact interval holds),
        mean_error (of the middle, absolute), next_compared and next_held (the round after the forecast
        only), target_compared and target_held (labels to the target, where it was reached since).
    """
    counts = dict.fromkeys(
        ("compared", "held", "next_compared", "next_held", "target_compared", "target_held"), 0
    )
    expected, errors = 0.0, []
    for forecast in earlier:
        later = [(n, y) for n, y in points if n > forecast["labels"]]
        for number, (n, y) in enumerate(later):
            ahead = forecast["ahead"]
            if not ahead or n > ahead[-1]["labels"]:
                break
            low, middle, high = (_read(ahead, n, name) for name in ("low", "middle", "high"))
            held = low - 1e-9 <= y <= high + 1e-9
            counts["compared"] += 1
            counts["held"] += held
            expected += forecast["coverage"]
            errors.append(abs(y - middle))
            if number == 0:
                counts["next_compared"] += 1
                counts["next_held"] += held
        _judge_target(forecast["target"], later, counts)
    return {
        **{name: int(count) for name, count in counts.items()},
        "expected": round(expected, 6),
        "mean_error": round(float(np.mean(errors)), 6) if errors else None,
    }


def said_of_earlier(judged: Mapping[str, Any]) -> str:
    """`judge` as a sentence; empty where nothing could be judged yet."""
    if not judged["compared"]:
        return ""
    text = (
        f"Of {judged['compared']} earlier forecasts {judged['held']} held ({judged['expected']:.1f} are "
        f"expected to); on average they were off by {100 * judged['mean_error']:.1f} points."
    )
    if judged["target_compared"]:
        text += (f" Of {judged['target_compared']} forecasts of the labels to the target "
                 f"{judged['target_held']} held.")  # fmt: skip
    return text


def _judge_target(
    target: Mapping[str, Any] | None, later: Sequence[tuple[int, float]], counts: dict[str, int]
) -> None:
    if target is None or target["labels"] is None:
        return
    reached = next((n for n, y in later if y >= target["accuracy"]), None)
    if reached is None:
        return
    low, high = target["labels"]["low"], target["labels"]["high"]
    counts["target_compared"] += 1
    counts["target_held"] += low is not None and low <= reached and (high is None or reached <= high)


def _read(ahead: Sequence[Mapping[str, Any]], labels: int, name: str) -> float:
    x = np.log([point["labels"] for point in ahead])
    return float(np.interp(np.log(labels), x, [point[name] for point in ahead]))


def _ahead(fit: CurveFit, plan: Plan, tails: tuple[float, ...], seed: int) -> list[dict[str, Any]]:
    steps = sorted({min(plan.batch * step, plan.pool_left) for step in AHEAD} - {0})
    if plan.budget_labels is not None and plan.budget_labels > fit.labels:
        steps = sorted({*steps, min(plan.budget_labels - int(fit.labels), plan.pool_left)} - {0})
    if not steps:
        return []
    labels = fit.labels + np.array(steps, dtype=np.float64)
    found = np.quantile(paths(fit, labels, seed=seed), tails, axis=0).T
    return [{"labels": int(n), **_three(row)} for n, row in zip(labels, found, strict=True)]


def _gain(fit: CurveFit, plan: Plan, tails: tuple[float, ...]) -> dict[str, Any] | None:
    more = min(plan.batch, plan.pool_left)
    if not more:
        return None
    now, then = fit.accuracy_at(np.array([fit.labels, fit.labels + more])).T
    return {"labels": more, "mean": round(float((then - now).mean()), 6),
            **_three(np.quantile(then - now, tails))}  # fmt: skip


def _reached(target: float, points: Sequence[tuple[int, float]]) -> dict[str, Any]:
    first = next(n for n, y in points if y >= target)
    return {
        "accuracy": target, "status": REACHED, "chance": 1.0, "labels": None, "more": None, "money": None,
        "days": None, "sentence": f"The target of {target:.1%} was first reached with {first} labels.",
    }  # fmt: skip


def _target(
    fit: CurveFit, plan: Plan, target: float, coverage: float, seed: int, asymptote: Mapping[str, Any]
) -> dict[str, Any]:
    """Labels, money and days until a round is measured at the target.

    Returns:
        accuracy, status, chance (that it is reached before the pool is used up), labels (in all, with low,
        middle and high; None where the pool ends first), more (the same, less the labels there are), money,
        days, sentence.
    """
    stride = max(1, int(np.ceil(plan.pool_left / plan.batch / MOST_STEPS)))
    further = np.arange(1, min(MOST_STEPS, int(np.ceil(plan.pool_left / plan.batch / stride))) + 1)
    labels = fit.labels + np.minimum(further * plan.batch * stride, plan.pool_left)
    there = paths(fit, labels, seed=seed) >= target if len(labels) else np.zeros((len(fit.noise), 0), bool)
    first = np.full(len(fit.noise), np.inf)
    some = there.any(axis=1)
    if some.any():
        first[some] = labels[there[some].argmax(axis=1)]
    tails = ((1 - coverage) / 2, 0.5, (1 + coverage) / 2)
    low, middle, high = (float(n) for n in np.quantile(first, tails, method="inverted_cdf"))
    chance = round(float(some.mean()), 6)
    numbers = {"low": low, "middle": middle, "high": high}
    total = {name: int(n) if np.isfinite(n) else None for name, n in numbers.items()}
    more = {name: None if n is None else n - int(fit.labels) for name, n in total.items()}

    def times(price: float) -> dict[str, Any]:
        return {name: None if n is None else round(n * price, 6) for name, n in more.items()}

    found: dict[str, Any] = {
        "accuracy": target, "chance": chance, "labels": total, "more": more,
        "money": times(plan.label_cost), "days": times(plan.label_hours / 24),
    }  # fmt: skip
    percent = f"{coverage:.0%}"
    levels = (f"it levels off at {asymptote['middle']:.1%} ({percent} interval {asymptote['low']:.1%} to "
              f"{asymptote['high']:.1%})")  # fmt: skip
    if total["low"] is None:
        why = f"by this curve: {levels}" if asymptote["high"] < target else "before the pool is used up"
        sentence = f"The target of {target:.1%} is not reachable {why}."
        return found | {"status": NOT_REACHABLE, "sentence": sentence}
    if total["high"] is None:
        middle_said = "" if total["middle"] is None else f", about {total['middle']} in the middle"
        sentence = (
            f"The target of {target:.1%} takes {total['low']} labels at least{middle_said}, and may not be "
            f"reached before the pool is used up (chance that it is: {chance:.0%}); {levels}."
        )
        return found | {"status": NOT_SURE, "sentence": sentence}
    money, days = found["money"], found["days"]
    sentence = (
        f"The target of {target:.1%} takes about {total['middle']} labels ({percent} interval {total['low']} "
        f"to {total['high']}), {more['middle']} more: {money['middle']:.2f} {plan.currency} "
        f"({money['low']:.2f} to {money['high']:.2f}) and {_time(days)}."
    )
    return found | {"status": REACHABLE, "sentence": sentence}


def _sentence(found: Mapping[str, Any], plan: Plan) -> str:
    percent = f"{found['coverage']:.0%}"
    if found["target"] is not None:
        return str(found["target"]["sentence"])
    if not found["ahead"]:
        return "The pool is used up, so there is nothing to forecast."
    ahead = found["ahead"]
    shown = next((p for p in ahead if p["labels"] == plan.budget_labels), ahead[min(2, len(ahead) - 1)])
    where = ", the label budget," if shown["labels"] == plan.budget_labels else ""
    levels = found["asymptote"]
    return (
        f"With {shown['labels']} labels{where} the accuracy will be about {shown['middle']:.1%} ({percent} "
        f"interval {shown['low']:.1%} to {shown['high']:.1%}); the curve levels off at "
        f"{levels['middle']:.1%} ({levels['low']:.1%} to {levels['high']:.1%})."
    )


def _time(days: Mapping[str, Any]) -> str:
    unit, scale = ("days", 1) if days["middle"] >= 2 else ("hours", 24)
    low, middle, high = (scale * days[name] for name in ("low", "middle", "high"))
    return f"{middle:.1f} {unit} ({low:.1f} to {high:.1f})"


def _three(values: np.ndarray) -> dict[str, float]:
    low, middle, high = (round(float(value), 6) for value in values)
    return {"low": low, "middle": middle, "high": high}
