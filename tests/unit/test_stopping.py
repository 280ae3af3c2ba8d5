"""When a campaign ends, why, and how large its last batch may be."""

from __future__ import annotations

import sys

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelloop.campaign import Annotation, Budget, CampaignSettings, Stopping
from labelloop.settings.simulation import SimulatedAnnotator, Simulation
from labelloop.stopping import Progress, Reason, RoundSummary, affordable, any_of, decide, history_of


def rounds(
    *accuracies: float | None, labels: int = 10, money: float = 1.0, hours: float = 2.0
) -> list[RoundSummary]:
    """A round for each accuracy; labels, money and hours grow by the same amount each."""
    return [
        RoundSummary(
            f"r{number:03d}", labels * (number + 1), money * (number + 1), hours * (number + 1), accuracy
        )
        for number, accuracy in enumerate(accuracies)
    ]


OPEN = Stopping(max_rounds=None)
FREE = Budget()


@pytest.mark.parametrize(
    ("stopping", "budget", "rule", "values"),
    [
        (Stopping(max_rounds=3), FREE, "max_rounds", ["3 rounds", "max_rounds is 3"]),
        (Stopping(max_rounds=None, target_accuracy=0.8), FREE, "target_accuracy", ["0.8", "r002", "0.8500"]),
        (OPEN, Budget(labels=30), "budget_labels", ["30 labeled items", "budget.labels is 30"]),
        (OPEN, Budget(money=2.5), "budget_money", ["3 in money", "budget.money is 2.5"]),
        (OPEN, Budget(hours=6), "budget_hours", ["6 hours", "budget.hours is 6"]),
    ],
)
def test_each_limit_stops_with_its_values(
    stopping: Stopping, budget: Budget, rule: str, values: list[str]
) -> None:
    decision = decide(stopping, budget, rounds(0.5, 0.7, 0.85), pool_left=100)
    assert decision.stop
    assert decision.rule == rule
    assert all(value in decision.reason for value in values)
    assert decision.reason.endswith(".")


@pytest.mark.parametrize(
    ("stopping", "budget"),
    [
        (Stopping(max_rounds=4), FREE),
        (Stopping(max_rounds=None, target_accuracy=0.86), FREE),
        (OPEN, Budget(labels=31)),
        (OPEN, Budget(money=3.01)),
        (OPEN, Budget(hours=6.01)),
        (OPEN, FREE),
    ],
)
def test_a_limit_that_is_not_reached_does_not_stop(stopping: Stopping, budget: Budget) -> None:
    decision = decide(stopping, budget, rounds(0.5, 0.7, 0.85), pool_left=100)
    assert not decision.stop
    assert decision.rule == ""
    assert "30 labels" in decision.reason
    assert "100 items are left" in decision.reason


@pytest.mark.parametrize(
    ("accuracies", "stops"),
    [
        ([0.95], False),
        ([0.95, 0.8], False),
        ([0.8, 0.95], False),
        ([0.8, 0.9, 0.95], True),
        ([0.95, None], False),
        ([0.95, None, 0.95], False),
        ([], False),
    ],
)
def test_patience_counts_rounds_in_a_row(accuracies: list[float | None], stops: bool) -> None:
    """An accuracy that could not be measured breaks the row."""
    stopping = Stopping(max_rounds=None, target_accuracy=0.9, patience=2)
    assert decide(stopping, FREE, rounds(*accuracies), pool_left=9).stop is stops


def test_an_empty_pool_stops() -> None:
    decision = decide(OPEN, FREE, rounds(0.5), pool_left=0)
    assert (decision.stop, decision.rule) == (True, "pool_exhausted")
    assert "10 are labeled" in decision.reason


def test_nothing_stops_a_campaign_before_its_first_round() -> None:
    """With known labels and nothing to ask, the first round still trains."""
    assert not decide(Stopping(max_rounds=1), Budget(labels=1, money=1, hours=1), [], pool_left=0).stop


def test_the_target_is_told_before_what_ran_out() -> None:
    stopping, budget = Stopping(max_rounds=1, target_accuracy=0.5), Budget(labels=1, money=0.1, hours=0.1)
    assert decide(stopping, budget, rounds(0.6), pool_left=0).rule == "target_accuracy"
    assert decide(stopping, budget, rounds(0.4), pool_left=0).rule == "pool_exhausted"


def test_any_of_takes_the_first_reason() -> None:
    progress = Progress(OPEN, FREE, [], 0)
    one, other = Reason("one", "One."), Reason("other", "Other.")
    assert any_of(lambda p: None, lambda p: one, lambda p: other)(progress) == one
    assert any_of(lambda p: None)(progress) is None
    assert any_of()(progress) is None


def test_ten_payments_of_a_tenth_use_up_one() -> None:
    """0.1 added ten times is a hair below 1 in floating point."""
    assert decide(
        OPEN, Budget(money=1), [RoundSummary("r000", 1, sum([0.1] * 10), 0, None)], pool_left=1
    ).stop


def settings(budget: Budget, **annotation: object) -> CampaignSettings:
    people = {"tool": "files", "overlap": 3, "test_overlap": 5, "cost_per_vote": 0.05} | annotation
    return CampaignSettings(budget=budget, annotation=Annotation(**people))


@pytest.mark.parametrize(
    ("budget", "test_items", "expected"),
    [
        (Budget(), 0, sys.maxsize),
        (Budget(labels=50), 0, 40),
        (Budget(labels=10), 0, 0),
        (Budget(labels=3), 0, 0),
        (Budget(money=2.5), 0, 10),  # 1.50 are left, an item costs 0.15
        (Budget(money=2.49), 0, 9),
        (Budget(money=2.5), 2, 6),  # two test items take 0.50
        (Budget(money=2.5), 20, 0),
        (Budget(labels=15, money=2.5), 0, 5),
        (Budget(labels=50, money=2.5), 0, 10),
    ],
)
def test_the_last_batch_is_cut_to_what_is_left(budget: Budget, test_items: int, expected: int) -> None:
    assert affordable(settings(budget), rounds(0.5), test_items=test_items) == expected


def test_before_the_first_round_the_whole_budget_is_left() -> None:
    assert affordable(settings(Budget(labels=50, money=3)), []) == 20


def test_free_answers_need_no_money() -> None:
    free = settings(Budget(money=1, labels=30), cost_per_vote=0.0)
    assert affordable(free, rounds(0.5)) == 20


@given(
    prices=st.lists(st.sampled_from([0.01, 0.03, 0.15, 1.0]), min_size=3, max_size=6),
    money=st.sampled_from([0.5, 1.0, 3.3, 12.0]),
    data=st.data(),
)
def test_no_assignment_of_simulated_annotators_exceeds_the_budget(
    prices: list[float], money: float, data
) -> None:
    """Whoever answers, the cut batch is paid for; one item more might not be."""
    crew = [SimulatedAnnotator(name=f"p{i}", cost_per_vote=price) for i, price in enumerate(prices)]
    annotation = Annotation(overlap=2, test_overlap=2, simulation=Simulation(annotators=crew))
    campaign = CampaignSettings(budget=Budget(money=money), annotation=annotation)
    items = affordable(campaign, [])
    answered = data.draw(st.sampled_from([(a, b) for a in prices for b in prices]))
    if sorted(answered) in [sorted((prices[i], prices[j])) for i in range(len(prices)) for j in range(i)]:
        assert items * sum(answered) <= money + 1e-6
    assert (items + 1) * sum(sorted(prices)[-2:]) > money


def test_where_second_looks_may_be_bought_every_vote_may_go_to_the_dearest() -> None:
    """Two votes an item at 0.10 and 0.30: 12.00 pay for 30 items, or for 20 that may become second looks."""
    prices = {"a": 0.1, "b": 0.3, "c": 0.1}
    crew = [SimulatedAnnotator(name=name, cost_per_vote=price) for name, price in prices.items()]
    for most, items in ((None, 30), (3, 20)):
        annotation = Annotation(overlap=2, test_overlap=2, max_overlap=most,
                                simulation=Simulation(annotators=crew))  # fmt: skip
        campaign = CampaignSettings(budget=Budget(money=12), annotation=annotation)
        assert affordable(campaign, []) == items


def test_history_is_read_off_the_learning_curve() -> None:
    curve = pd.DataFrame(
        {"round": ["r000", "r001"], "labels": [5, 9], "cost": [1.5, 2.0], "hours": [3.0, 4.0],
         "accuracy": [float("nan"), 0.5], "votes": [1, 2]}
    )  # fmt: skip
    assert history_of(curve) == [
        RoundSummary("r000", 5, 1.5, 3.0, None),
        RoundSummary("r001", 9, 2.0, 4.0, 0.5),
    ]
