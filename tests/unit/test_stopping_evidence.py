"""Rules on evidence: off unless set, patient, put together as asked, and honest where they can never fire."""

from __future__ import annotations

from typing import Any

import pytest

from labelloop.campaign import Budget, Stopping, parse_settings
from labelloop.stopping import Progress, RoundSummary, Signals, cannot_fire, decide, findings

OFF: dict[str, Any] = {"max_rounds": None, "min_rounds": 1}
SETTLED = Signals(
    "r000", kappa=0.995, kappa_bound=0.02, changed=0.001, doubt=0.01, slope=0.0, slope_low=-0.00002,
    slope_high=0.00002, gain=0.001, gain_low=0.0, gain_high=0.002, batch_cost=8.0,
)  # fmt: skip
MOVING = Signals(
    "r000", kappa=0.7, kappa_bound=1.7, changed=0.2, doubt=0.4, slope=0.001, slope_low=0.0005,
    slope_high=0.0015, gain=0.05, gain_low=0.03, gain_high=0.07, batch_cost=8.0,
)  # fmt: skip
THRESHOLDS: dict[str, Any] = {
    "kappa": 0.99, "changed": 0.005, "uncertainty": 0.05, "plateau": 0.01, "value_per_point": 2.0,
}  # fmt: skip
NAMES = {"kappa": "kappa", "changed": "changed", "uncertainty": "uncertainty", "plateau": "plateau",
         "value_per_point": "marginal_cost"}  # fmt: skip


def progress(stopping: Stopping, *signals: Signals) -> Progress:
    history = [
        RoundSummary(f"r{number:03d}", 10 * number, 1.0 * number, 1.0 * number, 0.5)
        for number in range(len(signals))
    ]
    return Progress(stopping, Budget(), history, 100, signals)


def stops(stopping: Stopping, *signals: Signals) -> str:
    """The rule that stops, or nothing."""
    state = progress(stopping, *signals)
    return decide(stopping, Budget(), state.history, pool_left=100, signals=signals).rule


def test_nothing_is_on_by_default() -> None:
    """A campaign that settles goes on unless its user asked for a rule."""
    assert stops(Stopping(max_rounds=None), *[SETTLED] * 9) == ""
    assert findings(progress(Stopping(), *[SETTLED] * 9)) == []


@pytest.mark.parametrize("name", THRESHOLDS)
def test_each_rule_fires_when_learning_has_settled_and_not_before(name: str) -> None:
    stopping = Stopping(**OFF, **{name: THRESHOLDS[name]})
    assert stops(stopping, MOVING, MOVING) == ""
    assert stops(stopping, MOVING, SETTLED) == NAMES[name]
    assert stops(stopping, SETTLED, MOVING) == "", "the newest round counts"
    (found,) = findings(progress(stopping, MOVING, SETTLED))
    assert found.fires and found.in_a_row == 1 and found.sentence.endswith(".")
    assert f"{'stopping.' + name}" in found.sentence


@pytest.mark.parametrize("name", THRESHOLDS)
def test_a_rule_without_data_says_so_and_does_not_fire(name: str) -> None:
    stopping = Stopping(**OFF, **{name: THRESHOLDS[name]})
    (found,) = findings(progress(stopping, Signals("r000")))
    assert not found.fires and found.value is None and found.sentence.startswith("Too few rounds yet")
    assert stops(stopping) == ""


def test_patience_counts_rounds_in_a_row() -> None:
    stopping = Stopping(**OFF, kappa=0.99, patience=2)
    assert stops(stopping, SETTLED, MOVING, SETTLED) == ""
    assert stops(stopping, MOVING, SETTLED, SETTLED) == "kappa"
    (waiting,) = findings(progress(stopping, MOVING, SETTLED))
    assert "it holds for 1 of 2 rounds" in waiting.sentence


def test_no_rule_but_the_target_ends_a_campaign_in_its_first_rounds() -> None:
    stopping = Stopping(max_rounds=None, kappa=0.99)
    assert stopping.min_rounds == 4
    assert stops(stopping, *[SETTLED] * 3) == ""
    assert stops(stopping, *[SETTLED] * 4) == "kappa"
    reached = Stopping(max_rounds=None, target_accuracy=0.5)
    assert stops(reached, MOVING) == "target_accuracy"


def test_all_waits_for_every_rule_that_is_set() -> None:
    any_of = Stopping(**OFF, kappa=0.99, target_accuracy=0.9)
    all_of = any_of.model_copy(update={"combine": "all"})
    assert stops(any_of, SETTLED) == "kappa" and stops(all_of, SETTLED) == ""
    both = Stopping(**OFF, kappa=0.99, target_accuracy=0.4, combine="all")
    assert stops(both, SETTLED) == "target_accuracy+kappa"
    assert stops(both, MOVING) == ""


def test_limits_end_a_campaign_whatever_the_evidence() -> None:
    stopping = Stopping(max_rounds=2, kappa=0.99, combine="all", target_accuracy=0.99)
    assert stops(stopping, MOVING, MOVING) == "max_rounds"


def test_the_worth_of_a_point_decides_when_the_next_batch_is_too_dear() -> None:
    """A gain of 5 points for 8.00: worth it at 2.00 a point, not at 1.00."""
    assert stops(Stopping(**OFF, value_per_point=2.0), MOVING) == ""
    assert stops(Stopping(**OFF, value_per_point=1.0), MOVING) == "marginal_cost"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"stopping": {"kappa": 0.99, "max_rounds": 3}}, "it needs 4 rounds, and stopping.max_rounds is 3"),
        ({"stopping": {"plateau": 0.01, "plateau_rounds": 9, "max_rounds": 8}}, "it needs 9 rounds"),
        ({"stopping": {"changed": 0.0, "patience": 3, "max_rounds": 4}}, "it needs 5 rounds"),
        ({"stopping": {"kappa": 0.99}, "evaluation": {"stop_set": 0}}, "evaluation.stop_set is 0"),
        (
            {"stopping": {"plateau": 0.01, "plateau_arm": "control"}, "acquisition": {"control_share": 0}},
            "there is no control arm",
        ),
        (
            {"stopping": {"value_per_point": 1}, "annotation": {"tool": "files", "cost_per_vote": 0}},
            "answers cost nothing",
        ),
        (
            {"stopping": {"kappa": 0.99, "max_rounds": None}, "budget": {"labels": 100},
             "acquisition": {"first_batch_size": 20, "batch_size": 40}},
            "budget.labels 100 is used up after 3",
        ),
    ],
)  # fmt: skip
def test_a_rule_that_can_never_fire_is_said(changes: dict[str, Any], said: str) -> None:
    lines = cannot_fire(parse_settings(changes))
    assert len(lines) == 1 and "can never fire" in lines[0] and said in lines[0]


def test_rules_that_can_fire_are_not_warned_of() -> None:
    settings = {"stopping": THRESHOLDS | {"max_rounds": 8}}
    assert cannot_fire(parse_settings(settings)) == []
    blocked = {
        "stopping": {"kappa": 0.99, "changed": 0.1, "combine": "all", "max_rounds": 3, "min_rounds": 1}
    }
    assert "no other rule" in cannot_fire(parse_settings(blocked))[-1]
