"""Savings in money: labels times price, less what the campaign costs, with the interval of the labels."""

from __future__ import annotations

from typing import Any

import pytest

from labelloop.evaluation.worth import labels_saved, money_saved

MEASURED = {"saved": 100.0, "saved_low": 40.0, "saved_high": 150.0, "coverage": 0.95}
NOTHING = {"saved": None, "saved_low": None, "saved_high": None, "coverage": None}
PROJECTED: dict[str, Any] = {"coverage": 0.8, "saved": {"low": 300, "middle": 500, "high": 900}}
PRICES: dict[str, Any] = {"label_cost": 0.2, "automation_cost": 5.0, "monitoring_cost": 0.5, "rounds": 4}


def test_savings_are_labels_times_price_less_overhead() -> None:
    found = money_saved(labels_saved(MEASURED, None), **PRICES)
    assert found["overhead"] == 7.0
    assert (found["roi"], found["roi_low"], found["roi_high"]) == pytest.approx((13.0, 1.0, 23.0))
    assert "13.00 USD saved (95% interval 1.00 to 23.00), by the measurement" in found["roi_sentence"]
    assert "less 7.00 for automation and monitoring" in found["roi_sentence"]


@pytest.mark.parametrize("savings", [MEASURED, NOTHING])
def test_the_projection_to_the_accuracy_reached_counts_wherever_there_is_one(savings: dict[str, Any]) -> None:
    """The measurement's at the control arm's size, a tenth of the labels, and cannot be more than that."""
    found = money_saved(labels_saved(savings, PROJECTED), **PRICES)
    assert (found["roi"], found["roi_low"], found["roi_high"]) == pytest.approx((93.0, 53.0, 173.0))
    assert "93.00 USD saved (80% interval 53.00 to 173.00), by the projection" in found["roi_sentence"]
    assert found["labels_saved"]["source"] == "projected"


def test_a_campaign_that_costs_more_than_it_saves_says_so() -> None:
    found = money_saved(labels_saved(MEASURED, None), **(PRICES | {"automation_cost": 100.0}))
    assert found["roi_high"] < 0 and "-82.00 USD saved" in found["roi_sentence"]


def test_a_bound_in_labels_is_a_bound_in_money() -> None:
    found = money_saved(labels_saved(MEASURED | {"saved": None, "saved_high": None}, None), **PRICES)
    assert found["roi"] is None and found["roi_high"] is None
    assert "1.00 USD saved at least (97.5% sure)" in found["roi_sentence"]


def test_a_campaign_that_is_not_there_yet_has_saved_so_much_at_most() -> None:
    """The measurement's other open end: what more it will take is not known."""
    open_end = {"saved": None, "saved_low": None, "saved_high": -20.0, "coverage": 0.95}
    found = money_saved(labels_saved(open_end, None), **PRICES)
    assert found["roi"] is None and found["roi_low"] is None and found["roi_high"] == -11.0
    assert "-11.00 USD saved at most (97.5% sure), by the measurement" in found["roi_sentence"]


def test_a_measurement_that_is_open_at_both_ends_is_no_money() -> None:
    nothing = {"saved": 3.0, "saved_low": None, "saved_high": None, "coverage": 0.95}
    found = money_saved(labels_saved(nothing, None), **PRICES)
    assert "too little data yet to tell what they saved" in found["roi_sentence"]


def test_a_projection_with_no_end_within_the_pool_is_a_bound_by_its_low_end() -> None:
    """80% lie between the ends, so 90% above the low one."""
    for beyond in ({"high": None}, {"middle": None, "high": None}):
        projected = PROJECTED | {"saved": PROJECTED["saved"] | beyond}
        found = money_saved(labels_saved(MEASURED, projected), **PRICES)
        assert found["roi_high"] is None and "53.00 USD saved at least (90% sure)" in found["roi_sentence"]


def test_a_projection_that_leaves_open_whether_anything_was_saved_is_no_figure() -> None:
    vague = {"coverage": 0.8, "saved": {"low": -120, "middle": 500, "high": None}}
    assert labels_saved(NOTHING, vague)["source"] is None
    assert money_saved(labels_saved(NOTHING, vague), **PRICES)["roi"] is None
    assert labels_saved(MEASURED, vague) == labels_saved(MEASURED, None)


def test_unmeasured_savings_have_no_figure_but_their_overhead_is_told() -> None:
    nothing = labels_saved(NOTHING, None)
    found = money_saved(nothing, **PRICES)
    assert found["roi"] is None and "too little data yet" in found["roi_sentence"]
    assert nothing["source"] is None
    free = PRICES | {"automation_cost": 0.0, "monitoring_cost": 0.0}
    assert money_saved(nothing, **free)["roi_sentence"] == ""
    assert money_saved(labels_saved(MEASURED, None), **(free | {"label_cost": 0.0}))["roi_sentence"] == ""
