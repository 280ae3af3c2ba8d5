"""What a backtest recommends, where trials differ in what they can spend."""

from __future__ import annotations

import pandas as pd
import pytest

from labelloop.backtesting.recommend import compare_at_money
from labelloop.errors import SettingsError


def curves(**costs: list[float]) -> pd.DataFrame:
    """Trials that gain a point a round, with what they have spent after each, for two seeds."""
    rows = [
        {"trial": name, "seed": seed, "labels": 10 * (number + 1), "cost": cost,
         "accuracy": 0.8 + 0.01 * number + 0.001 * seed}
        for name, spent in costs.items() for seed in (0, 1) for number, cost in enumerate(spent)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_a_trial_whose_first_batch_costs_more_is_left_out_and_named() -> None:
    """The pool of the cheap one ended at 12, and the dear one had no model before 20."""
    found = compare_at_money(curves(cheap=[4.0, 8.0, 12.0], middle=[6.0, 12.0, 18.0], dear=[20.0, 40.0]),
                             own="dear", currency="USD")  # fmt: skip
    assert found["money"] == 12.0
    assert found["left_out"] == ["dear"]
    assert {row["trial"] for row in found["trials"]} == {"cheap", "middle"}
    assert "Without a model for so little money: dear." in found["sentence"]


def test_with_nothing_to_compare_it_says_what_to_change() -> None:
    late = curves(one=[4.0, 8.0]).assign(cost=lambda rows: rows["cost"] + 10 * rows["seed"])
    with pytest.raises(SettingsError, match="smaller first batches"):
        compare_at_money(late, own=None, currency="USD")
