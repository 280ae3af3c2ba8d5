"""The savings are measured where they can be, and only there."""

from __future__ import annotations

import json

import numpy as np
import pytest

from labelloop.evaluation.half_samples import half_sample_sd, halves
from labelloop.evaluation.savings import (
    AT_LEAST,
    MEASURED,
    TOO_LITTLE,
    Curve,
    measure_savings,
)

ROUNDS = np.arange(20, 401, 20)
CONTROL = np.array([30, 60, 90, 120])


def learned(labels: np.ndarray) -> np.ndarray:
    """Accuracy of a made-up learner after that many random labels."""
    return 1 - 1.08 / np.sqrt(labels)


def campaign_run(
    ratio: float, test_items: int, seed: int, paired: bool, control: np.ndarray = CONTROL
) -> tuple[Curve, Curve]:
    """A campaign that needs `ratio` times as many labels as random, judged on a noisy test set.

    An item is hard or easy for every model alike in seven cases of ten, so that errors go together as they
    do in reality.
    """
    rng = np.random.default_rng(seed)
    rates = np.append(learned(ROUNDS / ratio), learned(control))[:, None]
    shared = rng.random(test_items)
    own = rng.random((len(rates), test_items))
    correct = np.where(rng.random(own.shape) < 0.3, own, shared) < rates
    accuracy, n = correct.mean(axis=1), len(ROUNDS)
    if not paired:
        return Curve(ROUNDS, accuracy[:n]), Curve(control, accuracy[n:])
    return Curve(ROUNDS, accuracy[:n], correct[:n]), Curve(control, accuracy[n:], correct[n:])


@pytest.mark.parametrize(("test_items", "paired"), [(300, True), (1000, False)])
def test_the_interval_holds_the_true_ratio_about_as_often_as_it_says(test_items: int, paired: bool) -> None:
    """90% intervals of 600 campaigns hold the truth in at least 87%, allowing for the chance in 600 (at 1%).

    One sided, because draws that are not paired give wider intervals than they need.
    """
    hits = [
        found["ratio_low"] <= ratio <= found["ratio_high"]
        for ratio in (0.4, 0.6, 1.0)
        for seed in range(200)
        for campaign, control in [campaign_run(ratio, test_items, seed, paired)]
        for found in [measure_savings(campaign, control, test_items=test_items, n_classes=10, coverage=0.9,
                                      seed=seed)]
        if found["status"] == MEASURED
    ]  # fmt: skip
    assert len(hits) >= 200
    assert np.mean(hits) >= 0.87 - 2.33 * np.sqrt(0.87 * 0.13 / len(hits))


def test_without_noise_the_ratio_is_the_true_one() -> None:
    campaign, control = Curve(ROUNDS, learned(ROUNDS / 0.5)), Curve(CONTROL, learned(CONTROL))
    found = measure_savings(campaign, control, test_items=100_000, n_classes=3)
    assert found["status"] == MEASURED
    assert found["ratio"] == pytest.approx(0.5, rel=0.02)
    assert found["saved"] == pytest.approx(60, rel=0.02)
    assert found["saved_low"] <= found["saved"] <= found["saved_high"]
    assert "120 random labels" in found["sentence"]
    assert "labels saved" in found["sentence"]


def test_a_campaign_worse_than_random_is_told_so() -> None:
    campaign, control = Curve(ROUNDS, learned(ROUNDS / 2)), Curve(CONTROL, learned(CONTROL))
    found = measure_savings(campaign, control, test_items=100_000, n_classes=3)
    assert found["saved"] < 0
    assert "more than random labeling needs" in found["sentence"]


def test_a_difference_within_chance_is_told_so() -> None:
    campaign, control = campaign_run(1.0, 2000, 1, paired=True)
    found = measure_savings(campaign, control, test_items=2000, n_classes=3)
    assert found["ratio_low"] < 1 < found["ratio_high"]
    assert "chance" in found["sentence"]


def test_pairing_narrows_the_interval() -> None:
    campaign, control = campaign_run(0.6, 1000, 5, paired=True)
    paired = measure_savings(campaign, control, test_items=1000, n_classes=3)
    alone = measure_savings(
        Curve(campaign.labels, campaign.accuracy), Curve(control.labels, control.accuracy),
        test_items=1000, n_classes=3,
    )  # fmt: skip
    assert paired["ratio"] == alone["ratio"]
    assert paired["ratio_high"] - paired["ratio_low"] < 0.8 * (alone["ratio_high"] - alone["ratio_low"])


@pytest.mark.parametrize(("n_classes", "needed"), [(2, 30), (10, 30), (20, 60)])
def test_a_tiny_control_arm_is_too_little_and_says_how_many_more(n_classes: int, needed: int) -> None:
    campaign, control = campaign_run(0.5, 1000, 0, paired=True, control=np.array([5, 12]))
    found = measure_savings(campaign, control, test_items=1000, n_classes=n_classes)
    assert found["status"] == TOO_LITTLE
    assert found["more_control_labels"] == needed - 12
    assert found["ratio"] is None
    assert f"about {needed - 12} more control labels" in found["sentence"]


def test_an_empty_control_arm_is_too_little() -> None:
    nothing = Curve(np.empty(0), np.empty(0))
    found = measure_savings(Curve(ROUNDS, learned(ROUNDS)), nothing, test_items=300, n_classes=3)
    assert found["status"] == TOO_LITTLE
    assert found["more_control_labels"] == 30


def test_a_control_arm_below_the_first_round_is_not_extrapolated() -> None:
    campaign = Curve(np.array([100.0, 200.0]), np.array([0.9, 0.95]))
    found = measure_savings(campaign, Curve(np.array([40.0]), np.array([0.7])), test_items=1000, n_classes=3)
    assert found["status"] == TOO_LITTLE
    assert found["more_control_labels"] == 60
    assert "less than the campaign's first round" in found["sentence"]


def test_a_control_arm_above_the_campaign_is_not_extrapolated() -> None:
    campaign = Curve(np.array([50.0, 400.0]), np.array([0.6, 0.7]))
    found = measure_savings(campaign, Curve(np.array([40.0]), np.array([0.8])), test_items=1000, n_classes=3)
    assert found["status"] == TOO_LITTLE
    assert "nothing is saved" in found["sentence"]


def test_an_interval_that_leaves_the_curve_is_too_little() -> None:
    """The control point sits on the campaign's first round, so half of the resamples lie before it."""
    campaign = Curve(np.array([40.0, 80.0, 160.0]), np.array([0.8, 0.9, 0.95]))
    found = measure_savings(campaign, Curve(np.array([60.0]), np.array([0.8])), test_items=300, n_classes=3)
    assert found["status"] == TOO_LITTLE
    assert "starts" in found["sentence"]


def test_an_interval_wider_than_a_factor_of_four_is_too_little() -> None:
    labels = np.array([10.0, 20.0, 400.0, 800.0])
    campaign = Curve(labels, np.array([0.5, 0.79, 0.81, 0.99]))
    found = measure_savings(campaign, Curve(np.array([100.0]), np.array([0.8])), test_items=200, n_classes=3)
    assert found["status"] == TOO_LITTLE
    assert "anything from" in found["sentence"]


def test_accuracy_is_counted_on_the_items_that_are_compared() -> None:
    """A curve that was judged on further test items brings other accuracies; they do not mix."""
    campaign, control = campaign_run(0.6, 1000, 5, paired=True)
    shifted = Curve(campaign.labels, campaign.accuracy - 0.05, campaign.correct)
    one, other = (measure_savings(c, control, test_items=1000, n_classes=3) for c in (campaign, shifted))
    assert one == other


def test_no_test_items_in_common_is_too_little() -> None:
    campaign = Curve(ROUNDS, learned(ROUNDS), np.empty((len(ROUNDS), 0), dtype=bool))
    control = Curve(CONTROL, learned(CONTROL), np.empty((len(CONTROL), 0), dtype=bool))
    assert measure_savings(campaign, control, test_items=0, n_classes=3)["status"] == TOO_LITTLE


def test_one_round_is_no_curve() -> None:
    campaign = Curve(np.array([400.0]), np.array([0.9]))
    found = measure_savings(campaign, Curve(np.array([40.0]), np.array([0.9])), test_items=200, n_classes=3)
    assert found["status"] == TOO_LITTLE
    assert "only one point" in found["sentence"]


def test_where_the_curve_is_flat_the_middle_is_taken() -> None:
    campaign = Curve(np.array([20.0, 40.0, 60.0, 80.0]), np.array([0.5, 0.8, 0.8, 0.99]))
    found = measure_savings(
        campaign, Curve(np.array([100.0]), np.array([0.8])), test_items=10**6, n_classes=3
    )
    assert found["campaign_labels"] == 50


def test_the_same_seed_gives_the_same_answer_in_json() -> None:
    campaign, control = campaign_run(0.6, 500, 2, paired=True)
    one, two = (measure_savings(campaign, control, test_items=500, n_classes=3, seed=4) for _ in range(2))
    assert json.dumps(one, allow_nan=False) == json.dumps(two, allow_nan=False)


def test_the_interval_holds_the_truth_when_the_drawn_items_vary_too() -> None:
    """With luck in the draw of labels on both curves, the interval covers once it is told how much there is.

    And it must be told: without the spread of the draw the same intervals miss far more often than they say.
    """
    spread, ratio, hits = 0.01, 0.6, {0.0: [], 0.01: []}
    for seed in range(150):
        campaign, control = campaign_run(ratio, 1500, seed, paired=True)
        luck = np.random.default_rng([seed, 1]).normal(0, spread, size=2)
        lucky = [
            Curve(curve.labels, curve.accuracy + shift, shifted(curve.correct, shift, seed))
            for curve, shift in ((campaign, luck[0]), (control, luck[1]))
        ]
        for told, found in hits.items():
            said = measure_savings(
                *lucky, test_items=1500, n_classes=10, coverage=0.9, seed=seed, resamples=60, draw_sd=told
            )
            if said["status"] == MEASURED:
                found.append(said["ratio_low"] <= ratio <= said["ratio_high"])
    assert len(hits[spread]) >= 40
    assert np.mean(hits[spread]) >= 0.86
    assert np.mean(hits[0.0]) < np.mean(hits[spread]) - 0.1


def shifted(correct: np.ndarray | None, shift: float, seed: int) -> np.ndarray:
    """Outcomes with `shift` more (or fewer) right answers, the same items for every model."""
    assert correct is not None
    flipped = np.random.default_rng([seed, 2]).random(correct.shape[1])
    wrong_share, right_share = 1 - correct.mean(), correct.mean()
    if shift > 0:
        return correct | (flipped < shift / wrong_share)
    return correct & ~(flipped < -shift / right_share)


def test_halves_are_complementary_and_their_spread_is_that_of_the_draw() -> None:
    """Each pair of halves is the whole sample; independent accuracies give their own standard deviation."""
    parts = halves(31, seed=4)
    assert [sorted([*parts[i], *parts[i + 1]]) == list(range(31)) for i in range(0, 8, 2)] == [True] * 4
    drawn = np.random.default_rng(0).normal(0.8, 0.03, size=4000).tolist()
    assert half_sample_sd(drawn) == pytest.approx(0.03 / np.sqrt(2), rel=0.05)


def test_a_control_arm_surely_worse_than_the_first_round_gives_a_bound() -> None:
    """More random labels than the first round, far less accuracy: at least the difference is saved."""
    campaign = Curve(np.array([20.0, 60.0]), np.array([0.75, 0.8]))
    control = Curve(np.array([40.0]), np.array([0.6]))
    found = measure_savings(campaign, control, test_items=300, n_classes=10)
    assert found["status"] == AT_LEAST
    assert found["saved_low"] == 20 and found["ratio_high"] == 0.5 and found["ratio"] is None


@pytest.mark.parametrize("unsure", [{"test_items": 20}, {"test_items": 300, "draw_sd": 0.15}])
def test_a_bound_is_not_given_when_chance_could_explain_it(unsure: dict[str, float]) -> None:
    """With few test items, or much luck in the draw, the same points say nothing."""
    campaign = Curve(np.array([20.0, 60.0]), np.array([0.75, 0.8]))
    control = Curve(np.array([40.0]), np.array([0.6]))
    assert measure_savings(campaign, control, n_classes=10, **unsure)["status"] == TOO_LITTLE


@pytest.mark.parametrize("accuracy", [1.0, 0.95])
def test_a_flat_curve_does_not_say_how_many_labels_it_took(accuracy: float) -> None:
    """The whole flat part reaches what random labels reach, so nothing between its ends can be named."""
    correct = np.tile(np.arange(200) < 200 * accuracy, (6, 1))
    labels = np.array([50.0, 100, 200, 400, 600, 800])
    campaign = Curve(labels, np.full(6, accuracy), correct)
    control = Curve(np.array([60.0]), np.array([accuracy]), correct[:1])
    found = measure_savings(campaign, control, test_items=200, n_classes=2)
    assert found["status"] == TOO_LITTLE
    assert found["saved"] is None
