"""Rules on evidence: has the model learned what more labels could teach it?

Each is off unless its threshold is set. A rule's condition must hold in `stopping.patience` rounds in a row,
and none but the target ends a campaign before `stopping.min_rounds` rounds: a first few rounds that happen
to agree with each other say little.
"""

from __future__ import annotations

from collections.abc import Callable

from labelloop.stopping.base import Evidence, Finding, Progress, Signals

PER = 100
"""Labels for which a slope is told."""


def target_accuracy(progress: Progress) -> Finding | None:
    """The test accuracy reached the target in each of the last `patience` rounds."""
    target, patience = progress.stopping.target_accuracy, progress.stopping.patience
    if target is None:
        return None
    values = [summary.accuracy for summary in progress.history]
    row = _in_a_row([value is not None and value >= target for value in values])
    fires, newest = row >= patience, values[-1] if values else None
    if fires and newest is not None:
        held = (f"for {patience} rounds in a row" if patience > 1
                else f"in round {progress.history[-1].round}")  # fmt: skip
        said = f"The test accuracy reached stopping.target_accuracy {target:g} {held}; it is {newest:.4f}."
    elif newest is None:
        said = f"No round has a test accuracy yet to hold against stopping.target_accuracy {target:g}."
    else:
        said = (f"The test accuracy is {newest:.4f}, stopping.target_accuracy {target:g}"
                f"{_waited(row, patience)}.")  # fmt: skip
    return Finding("target_accuracy", newest, target, row > 0, row, fires, said)


def stabilizing_predictions(progress: Progress) -> Finding | None:
    """Neighbouring models agree about the stop set; source: `labelloop.stopping.stabilization`."""
    threshold, rounds = progress.stopping.kappa, progress.stopping.kappa_rounds

    def said(now: Signals) -> str:
        assert now.kappa is not None
        bound = "" if now.kappa_bound is None else (
            f", so F1 differs from the round before by {min(1.0, now.kappa_bound):.3f} at most")  # fmt: skip
        return (f"Mean kappa of neighbouring models over {rounds} pairs of rounds is {now.kappa:.4f} "
                f"(stopping.kappa {threshold:g}){bound}")  # fmt: skip

    return _rule(
        progress, "kappa", threshold, lambda one: one.kappa, lambda value, limit: value >= limit, said,
        f"stopping.kappa compares {rounds + 1} rounds",
    )  # fmt: skip


def classification_change(progress: Progress) -> Finding | None:
    """The stop set is classified as before; source: `labelloop.stopping.stabilization`."""
    threshold, rounds = progress.stopping.changed, progress.stopping.changed_rounds

    def said(now: Signals) -> str:
        return (f"Of the stop set's predictions at most {now.changed:.2%} changed from one round to the "
                f"next over the last {rounds} (stopping.changed {threshold:.2%})")  # fmt: skip

    return _rule(
        progress, "changed", threshold, lambda one: one.changed, lambda value, limit: value <= limit, said,
        f"stopping.changed compares {rounds + 1} rounds",
    )  # fmt: skip


def overall_uncertainty(progress: Progress) -> Finding | None:
    """The model hardly doubts the stop set any more; source: `labelloop.stopping.stabilization`."""
    threshold = progress.stopping.uncertainty

    def said(now: Signals) -> str:
        return (f"The model's mean doubt of the stop set is {now.doubt:.4f} (stopping.uncertainty "
                f"{threshold:g})")  # fmt: skip

    return _rule(
        progress, "uncertainty", threshold, lambda one: one.doubt, lambda value, limit: value < limit, said,
        "stopping.uncertainty needs a stop set",
    )  # fmt: skip


def plateau(progress: Progress) -> Finding | None:
    """Even the upper end of the slope's interval is below the threshold; source: `evaluation.plateau`."""
    threshold, rounds = progress.stopping.plateau, progress.stopping.plateau_rounds
    whose = "the control arm" if progress.stopping.plateau_arm == "control" else "the campaign"

    def said(now: Signals) -> str:
        assert now.slope is not None and now.slope_low is not None and threshold is not None
        low, slope, high = (100 * PER * value for value in (now.slope_low, now.slope, now.slope_high or 0.0))
        return (f"Over the last {rounds} rounds {PER} labels brought {whose} {slope:.2f} points (interval "
                f"{low:.2f} to {high:.2f}; stopping.plateau {100 * threshold:g})")  # fmt: skip

    return _rule(
        progress, "plateau", threshold, lambda one: None if one.slope_high is None else PER * one.slope_high,
        lambda value, limit: value < limit, said, f"stopping.plateau looks at {rounds} rounds",
    )  # fmt: skip


def marginal_cost(progress: Progress) -> Finding | None:
    """The next batch costs more than the accuracy expected of it is worth to the user."""
    worth = progress.stopping.value_per_point

    def value_of(one: Signals) -> float | None:
        return None if one.gain is None or worth is None else 100 * one.gain * worth

    def said(now: Signals) -> str:
        assert now.gain is not None and now.gain_low is not None and worth is not None
        low, gain, high = (100 * value for value in (now.gain_low, now.gain, now.gain_high or 0.0))
        return (
            f"The next batch is expected to bring {gain:.2f} points (interval {low:.2f} to {high:.2f}), "
            f"worth {gain * worth:.2f} at stopping.value_per_point {worth:g}, and to cost "
            f"{now.batch_cost:.2f}"
        )

    rows = [
        None if (value := value_of(one)) is None or one.batch_cost is None else value < one.batch_cost
        for one in progress.signals
    ]
    if worth is None:
        return None
    now = progress.signals[-1] if progress.signals else None
    cost = now.batch_cost if now and now.batch_cost is not None else 0.0
    return _finding(progress, "marginal_cost", None if now is None else value_of(now), cost, rows, now, said,
                    "stopping.value_per_point needs a forecast, which takes a few rounds")  # fmt: skip


EVIDENCE: tuple[Evidence, ...] = (
    target_accuracy,
    stabilizing_predictions,
    classification_change,
    overall_uncertainty,
    plateau,
    marginal_cost,
)
"""Asked in this order."""


def _rule(
    progress: Progress,
    name: str,
    threshold: float | None,
    value_of: Callable[[Signals], float | None],
    past: Callable[[float, float], bool],
    said: Callable[[Signals], str],
    needs: str,
) -> Finding | None:
    if threshold is None:
        return None
    rows = [None if (value := value_of(one)) is None else past(value, threshold) for one in progress.signals]
    now = progress.signals[-1] if progress.signals else None
    return _finding(progress, name, None if now is None else value_of(now), threshold, rows, now, said, needs)


def _finding(
    progress: Progress,
    name: str,
    value: float | None,
    threshold: float,
    rows: list[bool | None],
    now: Signals | None,
    said: Callable[[Signals], str],
    needs: str,
) -> Finding:
    stopping, row = progress.stopping, _in_a_row([bool(held) for held in rows])
    early = len(progress.history) < stopping.min_rounds
    fires = row >= stopping.patience and not early
    if now is None or value is None:
        return Finding(name, None, threshold, False, 0, False, f"Too few rounds yet: {needs}.")
    waits = _waited(row, stopping.patience)
    if row >= stopping.patience and early:
        waits = f"; it holds, but stopping.min_rounds is {stopping.min_rounds}"
    return Finding(name, value, threshold, row > 0, row, fires, said(now) + waits + ".")


def _in_a_row(held: list[bool]) -> int:
    count = 0
    while count < len(held) and held[-1 - count]:
        count += 1
    return count


def _waited(row: int, patience: int) -> str:
    return f"; it holds for {row} of {patience} rounds" if 0 < row < patience else ""
