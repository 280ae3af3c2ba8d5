"""What `evaluate` says of the rounds to come: is there anything left to learn, and what would it take?

It writes the stop set's predictions, what the stopping rules look at, and the forecast. All three carry on
from the round before, so that the newest round's files hold the campaign's whole history. A round
without new items adds nothing to it: the newest of the others is the one that the rules and the forecast are
about.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from labelloop import files, models, stopping, table_contract, tables
from labelloop.acquisition.keys import derived_seed
from labelloop.datasets.base import Prepared
from labelloop.evaluation import curve as curves
from labelloop.evaluation import forecast as forecasts
from labelloop.evaluation.plateau import Slope, recent_slope
from labelloop.stages.gold_arm import open_gold
from labelloop.stages.pool_order import first_rows
from labelloop.stages.runner import Round
from labelloop.stopping import stabilization
from labelloop.workspace import Workspace

KEPT_ROUNDS = 16
"""Rounds whose predictions of the stop set are kept: more than any rule compares."""
RECENT_ROUNDS = 3
"""Last rounds whose price and pace a forecast goes by."""


def write_outlook(current: Round, prepared: Prepared, curve: pd.DataFrame, right: pd.DataFrame) -> None:
    """Write stop_set.parquet, forecast.json and stopping.json.

    Args:
        curve: the learning curve, this round's row included.
        right: see `outcomes.judge`.
    """
    folder, settings = current.folder, current.settings
    labeling = curves.labeling_rounds(curve)
    newest = str(labeling["round"].iloc[-1])
    plan = _plan(current, prepared, labeling, int(curve["labels"].iloc[-1]))
    known = labeling[labeling["accuracy"].notna()]
    before = files.read_json(current.previous.forecast)
    earlier = before.get("earlier", [])
    if before.get("round") not in (None, newest):
        earlier = [*earlier, forecasts.as_kept(before)]
    forecast = forecasts.make_forecast(
        newest,
        known["labels"].tolist(),
        known["accuracy"].tolist(),
        plan,
        coverage=settings.evaluation.forecast_interval,
        seed=_seed(current, "forecast", newest),
        earlier=earlier,
    )
    files.write_json(folder.forecast, forecast)
    signals = stopping.read_signals(current.previous.stopping)
    if newest != current.id:
        files.write_bytes(folder.stop_set, current.previous.stop_set.read_bytes())
    else:
        predictions, doubt = _predict_stop_set(current, prepared)
        slope = _slope(current, labeling, right)
        signals.append(_signals(current, predictions, doubt, slope, forecast, plan))
    progress = stopping.Progress(
        settings.stopping, settings.budget, stopping.history_of(curve), plan.pool_left, signals
    )
    files.write_json(
        folder.stopping,
        {
            "round": current.id,
            "combine": settings.stopping.combine,
            "patience": settings.stopping.patience,
            "rules": [dataclasses.asdict(found) for found in stopping.findings(progress)],
            "cannot_fire": stopping.cannot_fire(settings),
            "signals": [dataclasses.asdict(one) for one in signals],
        },
    )


def outlook_metrics(stopped: dict[str, Any], forecast: dict[str, Any]) -> dict[str, Any]:
    """The newest round's signals and the forecast, as flat numbers for metrics.json."""
    now, levels = stopped["signals"][-1], forecast["asymptote"] or {}
    target, gain, judged = forecast["target"] or {}, forecast["gain"] or {}, forecast["judged"]
    ends = (("", "middle"), ("_low", "low"), ("_high", "high"))
    return {
        "stop_set_kappa": now["kappa"],
        "stop_set_changed": now["changed"],
        "stop_set_doubt": now["doubt"],
        **{f"slope_per_100{end}": None if now[f"slope{end}"] is None else 100 * now[f"slope{end}"]
           for end, _ in ends},
        **{f"asymptote{end}": levels.get(name) for end, name in ends},
        **{f"{what}_to_target{end}": (target.get(what) or {}).get(name)
           for what in ("labels", "money", "days") for end, name in ends},
        "target_chance": target.get("chance"),
        **{f"next_batch_gain{end}": gain.get(name) for end, name in (("", "mean"), *ends[1:])},
        "next_batch_cost": now["batch_cost"],
        "forecasts_compared": judged["compared"],
        "forecasts_held": judged["held"],
        "forecasts_expected": judged["expected"],
        "forecasts_mean_error": judged["mean_error"],
    }  # fmt: skip


def stop_rows(workspace: Workspace, prepared: Prepared, size: int, seed: int) -> np.ndarray:
    """Rows of the stop set: shape (at most size,), int64, the same in every round.

    They come from an order of their own, so that they are no more often in the control arm than other items.
    """
    eligible = ~prepared.splits
    rows = first_rows(workspace, prepared.pool, eligible, size, seed=seed, purpose="stop set")
    return np.sort(rows)


def _predict_stop_set(current: Round, prepared: Prepared) -> tuple[pd.DataFrame, float | None]:
    """Predicted class codes, a column a round, and the newest model's mean doubt."""
    settings = current.settings
    rows = stop_rows(current.workspace, prepared, settings.evaluation.stop_set, settings.campaign.seed)
    before = pq.read_table(current.previous.stop_set).to_pandas().set_index("item")
    ids, doubt = prepared.pool.ids_of(rows), None
    predicted = np.array([], dtype=np.int64)
    if len(rows):
        probabilities = models.load_learner(current.folder.model).predict_proba(prepared.pool.inputs(rows))
        predicted = probabilities.argmax(axis=1)
        # Rounded: another number of threads may give other last bits of the probabilities.
        doubt = round(stabilization.overall_uncertainty(probabilities).value, 6)
    newest = pd.DataFrame({current.id: predicted}, index=pd.Index(ids, name="item", dtype=object))
    # Where evaluation.stop_set was changed, earlier rounds speak of other items: what both know is kept.
    joined = before.join(newest, how="inner") if len(before.columns) else newest
    joined = (joined if len(joined) else newest).sort_index()
    joined = joined[joined.columns[-KEPT_ROUNDS:]]
    schema = pa.schema([("item", pa.string()), *[(name, pa.int32()) for name in joined.columns]])
    arrow = pa.Table.from_pandas(joined.reset_index(), schema=schema, preserve_index=False)
    table_contract.write_arrow(arrow, current.folder.stop_set)
    return joined, doubt


def _signals(
    current: Round,
    predictions: pd.DataFrame,
    doubt: float | None,
    slope: Slope | None,
    forecast: dict[str, Any],
    plan: forecasts.Plan,
) -> stopping.Signals:
    limits = current.settings.stopping
    codes = [predictions[name].to_numpy() for name in predictions.columns] if len(predictions) else []
    found: dict[str, float | None] = {"doubt": doubt}
    if codes:
        agreed = stabilization.stabilizing_predictions(codes, window=limits.kappa_rounds)
        found |= {"kappa": _finite(agreed.value), "kappa_bound": _finite(agreed.bound)}
        unchanged = limits.changed_rounds
        found["changed"] = _finite(stabilization.classification_change(codes, unchanged=unchanged).value)
    if slope is not None:
        found |= {"slope": slope.value, "slope_low": slope.low, "slope_high": slope.high}
    gain = forecast["gain"]
    if gain is not None:
        found |= {"gain": gain["mean"], "gain_low": gain["low"], "gain_high": gain["high"]}
        found["batch_cost"] = plan.label_cost * gain["labels"] + current.settings.evaluation.monitoring_cost
    return stopping.Signals(round=current.id, **found)


def _slope(current: Round, curve: pd.DataFrame, right: pd.DataFrame) -> Slope | None:
    settings = current.settings
    arm = settings.stopping.plateau_arm
    column = "labels" if arm == "campaign" else "control_labels"
    complete = right.dropna()
    there = curve[curve["round"].map(lambda name: f"{arm}.{name}" in complete.columns)]
    if not len(there) or not len(complete):
        return None
    return recent_slope(
        there[column].to_numpy(dtype=np.float64),
        complete[[f"{arm}.{name}" for name in there["round"]]].to_numpy(dtype=bool).T,
        rounds=settings.stopping.plateau_rounds,
        coverage=settings.evaluation.interval,
        resamples=settings.evaluation.bootstrap,
        seed=_seed(current, "plateau", current.id),
    )


def _plan(current: Round, prepared: Prepared, curve: pd.DataFrame, labels_now: int) -> forecasts.Plan:
    """What a label has cost of late, in money and time, and how many the pool still has."""
    settings = current.settings
    recent = curve.iloc[max(0, len(curve) - 1 - RECENT_ROUNDS) :]
    labels = int(recent["labels"].iloc[-1] - recent["labels"].iloc[0])
    if len(recent) < 2 or labels <= 0:
        recent = pd.concat([curve.iloc[:1].assign(labels=0, cost=0.0, hours=0.0), curve.iloc[-1:]])
        labels = int(recent["labels"].iloc[-1])
    spent = {name: float(recent[name].iloc[-1] - recent[name].iloc[0]) for name in ("cost", "hours")}
    gold = open_gold(current, prepared, tables.ASKED.read(current.folder.asked)).reserved
    eligible = int((~prepared.splits & ~gold).sum())
    return forecasts.Plan(
        batch=settings.acquisition.batch_size,
        pool_left=max(0, eligible - labels_now),
        label_cost=spent["cost"] / max(labels, 1),
        label_hours=spent["hours"] / max(labels, 1),
        target=settings.evaluation.forecast_target or settings.stopping.target_accuracy,
        budget_labels=settings.budget.labels,
        currency=settings.annotation.currency,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _seed(current: Round, name: str, round_id: str) -> int:
    return derived_seed(current.settings.campaign.seed, f"{name}/{round_id}")
