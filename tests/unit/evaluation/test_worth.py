"""Savings in money: labels times price, less what the campaign costs, with the interval of the labels."""

from __future__ import annotations

from typing import Any

import pytest

from labelloop.evaluation.worth import money_saved

MEASURED = {"saved": 100.0, "saved_low": 40.0, "saved_high": 150.0, "coverage": 0.95}
NOTHING = {"saved": None, "saved_low": None, "saved_high": None, "coverage": None}
PRICES: dict[str, Any] = {"label_cost": 0.2, "automation_cost": 5.0, "monitoring_cost": 0.5, "rounds": 4}


def test_savings_are_labels_times_price_less_overhead() -> None:
    found = money_saved(MEASURED, **PRICES)
    assert found["overhead"] == 7.0
    assert (found["roi"], found["roi_low"], found["roi_high"]) == pytest.approx((13.0, 1.0, 23.0))
    assert "13.00 USD saved (95% interval 1.00 to 23.00)" in found["roi_sentence"]
    assert "less 7.00 for automation and monitoring" in found["roi_sentence"]


def test_a_campaign_that_costs_more_than_it_saves_says_so() -> None:
    found = money_saved(MEASURED, **(PRICES | {"automation_cost": 100.0}))
    assert found["roi_high"] < 0 and "-82.00 USD saved" in found["roi_sentence"]


def test_a_bound_in_labels_is_a_bound_in_money() -> None:
    found = money_saved(MEASURED | {"saved": None, "saved_high": None}, **PRICES)
    assert found["roi"] is None and found["roi_high"] is None
    assert "1.00 USD saved at least (95% sure)" in found["roi_sentence"]


def test_unmeasured_savings_have_no_figure_but_their_overhead_is_told() -> None:
    found = money_saved(NOTHING, **PRICES)
    assert found["roi"] is None and "cannot be told yet" in found["roi_sentence"]
    free = PRICES | {"automation_cost": 0.0, "monitoring_cost": 0.0}
    assert money_saved(NOTHING, **free)["roi_sentence"] == ""
    assert money_saved(MEASURED, **(free | {"label_cost": 0.0}))["roi_sentence"] == ""
