"""Forecasts: right as often as they say, silent where nothing can be known, and judged by what came."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labelloop.errors import DataError
from labelloop.evaluation.curve_fit import fit_curve, paths
from labelloop.evaluation.forecast import Plan, as_kept, judge, make_forecast, said_of_earlier

PLAN = Plan(batch=40, pool_left=4000, label_cost=0.2, label_hours=0.6, target=0.9)


def power_law(asymptote: float, scale: float, exponent: float, rounds: int = 8) -> tuple[Any, Any]:
    """Labels and exact accuracies."""
    labels = 20 + 40 * np.arange(rounds)
    return labels, asymptote - scale * labels**-exponent


def forecast(labels: Any, accuracy: Any, plan: Plan = PLAN, **options: Any) -> dict[str, Any]:
    return make_forecast("r009", labels.tolist(), accuracy.tolist(), plan, **options)


def test_intervals_hold_about_as_often_as_they_say() -> None:
    """On made-up power laws with noise: of 80% intervals of rounds to come neither half nor all miss."""
    rng = np.random.default_rng(0)
    held = []
    for number in range(60):
        noise = rng.uniform(0.006, 0.015)
        labels, exact = power_law(rng.uniform(0.8, 0.97), rng.uniform(1.0, 3.0), rng.uniform(0.4, 0.9), 16)
        measured = exact + rng.normal(0, noise, len(labels))
        fit = fit_curve(labels[:8], measured[:8], draws=600, seed=number)
        low, high = np.quantile(paths(fit, labels[[8, 10, 15]], seed=number), [0.1, 0.9], axis=0)
        held += ((low <= measured[[8, 10, 15]]) & (measured[[8, 10, 15]] <= high)).tolist()
    assert 0.72 <= np.mean(held) <= 0.97


def test_labels_to_a_target_are_found_where_the_curve_is_known() -> None:
    """An exact curve that meets 90% at 1,000 labels: the interval holds that, and money and days follow."""
    labels, accuracy = power_law(0.95, 0.05 * 1000**0.5, 0.5, 10)
    found = forecast(labels, accuracy)["target"]
    assert found["status"] == "reachable"
    total = found["labels"]
    assert total["low"] <= 1000 <= total["high"] and total["low"] >= 500
    more = total["middle"] - int(labels[-1])
    assert found["more"]["middle"] == more
    assert found["money"]["middle"] == pytest.approx(more * 0.2)
    assert found["days"]["middle"] == pytest.approx(more * 0.6 / 24)
    assert str(total["middle"]) in found["sentence"] and "80% interval" in found["sentence"]


def test_a_target_above_the_curve_is_said_to_be_out_of_reach() -> None:
    labels, accuracy = power_law(0.8, 6.0, 1.0, 14)
    found = forecast(labels, accuracy, PLAN.__class__(40, 4000, 0.2, 0.6, target=0.95))["target"]
    assert found["status"] == "not reachable" and found["labels"]["middle"] is None
    assert "not reachable by this curve: it levels off at" in found["sentence"]
    assert found["chance"] < 0.1


def test_a_pool_that_ends_first_is_named() -> None:
    """The curve would get there, the pool does not."""
    labels, accuracy = power_law(0.95, 0.05 * 1000**0.5, 0.5, 10)
    found = forecast(labels, accuracy, PLAN.__class__(40, 40, 0.2, 0.6, target=0.9))["target"]
    assert found["status"] == "not reachable" and "before the pool is used up" in found["sentence"]


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_a_few_rounds_are_too_little_data(rounds: int) -> None:
    found = forecast(*power_law(0.9, 2.0, 0.5, rounds))
    assert found["status"] == "too little data yet" and found["target"] is None and found["ahead"] == []
    assert found["sentence"].startswith("Too little data yet")
    with pytest.raises(DataError, match="it takes 4"):
        fit_curve(*power_law(0.9, 2.0, 0.5, rounds), draws=10, seed=0)


def test_a_target_that_was_reached_is_not_forecast() -> None:
    labels, accuracy = power_law(0.99, 1.0, 0.6, 8)
    found = forecast(labels, accuracy)["target"]
    first = int(labels[int(np.argmax(accuracy >= 0.9))])
    assert found["status"] == "reached" and f"with {first} labels" in found["sentence"]


def test_the_same_seed_gives_the_same_forecast() -> None:
    rounds = power_law(0.9, 2.0, 0.5)
    assert forecast(*rounds, seed=3) == forecast(*rounds, seed=3)
    assert forecast(*rounds, seed=3) != forecast(*rounds, seed=4)


def test_noisier_rounds_make_wider_intervals() -> None:
    labels, accuracy = power_law(0.9, 2.0, 0.5, 10)
    noisy = accuracy + np.tile([0.02, -0.02], 5)
    widths = [found["ahead"][1]["high"] - found["ahead"][1]["low"]
              for found in (forecast(labels, accuracy), forecast(labels, noisy))]  # fmt: skip
    assert widths[1] > 1.5 * widths[0]


def test_a_used_up_pool_has_nothing_to_come() -> None:
    plan = PLAN.__class__(40, 0, 0.2, 0.6)
    found = forecast(*power_law(0.9, 2.0, 0.5), plan)
    assert found["ahead"] == [] and found["gain"] is None and "used up" in found["sentence"]


def test_earlier_forecasts_are_judged_by_hand() -> None:
    """Two later rounds, one inside its interval and one above; labels to the target outside theirs."""
    ahead = [{"labels": 40, "low": 0.5, "middle": 0.6, "high": 0.7},
             {"labels": 80, "low": 0.6, "middle": 0.7, "high": 0.8}]  # fmt: skip
    target = {"accuracy": 0.85, "status": "reachable", "labels": {"low": 100, "middle": 120, "high": None}}
    earlier = [{"round": "r000", "labels": 20, "coverage": 0.8, "ahead": ahead, "target": target}]
    judged = judge(earlier, [(20, 0.5), (40, 0.65), (80, 0.9), (200, 0.95)])
    assert (judged["compared"], judged["held"], judged["next_compared"], judged["next_held"]) == (2, 1, 1, 1)
    assert judged["expected"] == pytest.approx(1.6) and judged["mean_error"] == pytest.approx(0.125)
    assert (judged["target_compared"], judged["target_held"]) == (1, 0)
    assert "Of 2 earlier forecasts 1 held (1.6 are expected to)" in said_of_earlier(judged)
    assert said_of_earlier(judge([], [(20, 0.5)])) == ""


def test_what_is_kept_of_a_forecast_is_enough_to_judge_it() -> None:
    labels, accuracy = power_law(0.9, 2.0, 0.5, 12)
    kept = as_kept(forecast(labels[:8], accuracy[:8]))
    later = forecast(labels, accuracy, earlier=[kept])
    assert later["earlier"] == [kept] and later["judged"]["compared"] == 4
    assert later["judged"]["held"] == 4, "an exact power law is inside its own forecasts"


@pytest.mark.parametrize("accuracies", [[1.0, 1.0, 1.0, 1.0], [1.0, 0.99, 0.98, 0.97], [0.7, 0.7, 0.7, 0.7]])
def test_a_curve_that_does_not_rise_is_taken_for_a_flat_one(accuracies: list[float]) -> None:
    """Nothing is left to learn, or labels do harm: either way there is a forecast, and no error."""
    labels = np.array([20, 60, 100, 140])
    fit = fit_curve(labels, np.array(accuracies), draws=200, seed=0)
    to_come = fit.accuracy_at(np.array([200.0, 400.0]))
    assert np.isfinite(to_come).all()
    assert abs(np.median(to_come) - accuracies[-1]) < 0.05


def test_with_no_item_left_there_is_a_forecast_all_the_same() -> None:
    """The last round of a campaign that has labeled its whole pool, below its target."""
    labels, accuracy = power_law(0.85, 2.0, 0.6)
    found = forecast(
        labels, accuracy, Plan(batch=40, pool_left=0, label_cost=0.2, label_hours=0.6, target=0.9)
    )
    assert found["target"]["chance"] == 0
    assert found["target"]["labels"]["middle"] is None
