"""The savings are told wherever numbers of labels allow it, whatever was measured."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from labelloop.evaluation.crossing import Curve
from labelloop.evaluation.half_samples import SPLITS, HalfSamples, halves
from labelloop.evaluation.savings import MEASURED, TOO_LITTLE, measure_savings

SIZES = np.array([5, 9, 16, 25, 40, 80, 120, 160, 200])
CONTROL = 100
ITEMS = 10_000


def learned(labels: np.ndarray) -> np.ndarray:
    """Accuracy of a made-up learner after that many random labels."""
    return 1 - 1.08 / np.sqrt(labels)


def right(accuracy: np.ndarray, items: int = ITEMS) -> np.ndarray:
    """The easiest items are right, as many as the accuracy says."""
    return np.arange(items) < np.round(np.atleast_1d(accuracy)[:, None] * items)


def control(accuracy: float, luck: float = 0.0, items: int = ITEMS, labels: int = CONTROL) -> HalfSamples:
    """Halves whose accuracies are `luck` above and below by turns."""
    return HalfSamples(labels, right(np.tile([accuracy + luck, accuracy - luck], SPLITS), items))


def campaign(ratio: float, items: int = ITEMS, sizes: np.ndarray = SIZES) -> Curve:
    """The learning curve of a campaign that needs `ratio` times random's labels."""
    return Curve(sizes, right(learned(sizes / ratio), items))


def measured(
    curve: Curve, arm: HalfSamples | None, labels: int = CONTROL, classes: int = 3
) -> dict[str, object]:
    return measure_savings(curve, arm, control_labels=labels, n_classes=classes)


REACHED = float(learned(np.array(CONTROL / 2)))


def test_without_luck_the_ratio_is_the_true_one() -> None:
    found = measured(campaign(0.5), control(REACHED))
    assert found["status"] == MEASURED
    assert found["control_labels"] == 50 and found["control_accuracy"] == pytest.approx(REACHED, abs=1e-4)
    assert found["ratio"] == pytest.approx(0.5, rel=0.02)
    assert found["saved_low"] <= found["saved"] <= found["saved_high"]
    assert found["saved_low"] == pytest.approx(50 * (1 - found["ratio_high"]))
    assert "labels are saved" in found["sentence"]


def test_a_campaign_worse_than_random_is_told_so() -> None:
    found = measured(campaign(2), control(REACHED))
    assert found["saved_high"] < 0
    assert "labels more than random labeling" in found["sentence"]


def test_a_difference_that_may_be_chance_is_told_so() -> None:
    found = measured(campaign(1), control(REACHED, luck=0.01))
    assert found["ratio_low"] < 1 < found["ratio_high"]
    assert "nothing is surely saved" in found["sentence"]


def test_more_luck_and_fewer_test_items_make_the_interval_wider() -> None:
    def width(found: dict[str, Any]) -> float:
        return found["ratio_high"] / found["ratio_low"]

    sure = width(measured(campaign(0.6), control(REACHED)))
    assert width(measured(campaign(0.6), control(REACHED, luck=0.02))) > 1.5 * sure
    assert width(measured(campaign(0.6, 300), control(REACHED, items=300))) > 1.3 * sure


@pytest.mark.parametrize("accuracy", [0.02, 0.3, 0.6, 0.9, 0.999])
@pytest.mark.parametrize("luck", [0.0, 0.02])
@pytest.mark.parametrize("items", [2, 50, 1000])
def test_whether_it_speaks_does_not_hang_on_what_was_measured(
    accuracy: float, luck: float, items: int
) -> None:
    """With the same numbers of labels there is always an interval, and its closed ends enclose the middle."""
    for curve in (campaign(0.5, items), Curve(SIZES, np.ones((len(SIZES), items), dtype=bool))):
        found = measured(curve, control(accuracy, luck, items))
        assert found["status"] == MEASURED and found["more_control_labels"] == 0
        assert str(found["control_labels"]) in found["sentence"] and "interval" in found["sentence"]
        known = [found[name] for name in ("ratio_low", "ratio", "ratio_high") if found[name] is not None]
        assert known == sorted(known)


def test_a_campaign_that_begins_above_has_an_open_low_end() -> None:
    """Its first labels are surely worth more than half of the control arm: at most those."""
    found = measured(campaign(0.05), control(REACHED))
    assert (found["ratio_low"], found["ratio"], found["saved_high"]) == (None, None, None)
    assert found["ratio_high"] == SIZES[0] / 50 and found["saved_low"] == 45
    assert "at least 45 labels are saved, at least 90% of what" in found["sentence"]
    assert "at most 5)" in found["sentence"]


def test_a_campaign_that_is_not_there_yet_has_an_open_high_end() -> None:
    found = measured(campaign(20), control(REACHED))
    assert (found["ratio_high"], found["ratio"], found["saved_low"]) == (None, None, None)
    assert found["ratio_low"] == SIZES[-1] / 50 and found["saved_high"] == 50 - 200
    assert "more than 200)" in found["sentence"] and "at least 150 labels more" in found["sentence"]


def test_a_lucky_beginning_of_a_curve_that_lies_below_is_not_told_as_above() -> None:
    """The words go by the curve made monotone, as the interval does, and not by its first point."""
    curve = Curve(np.array([5, 40]), right(np.array([REACHED + 0.02, REACHED - 0.10])))
    found = measured(curve, control(REACHED))
    assert found["campaign_labels"] is None
    assert "the campaign is below that with 40" in found["sentence"]
    curve = Curve(np.array([5, 40]), right(np.array([REACHED + 0.10, REACHED - 0.02])))
    assert "above that with its first 5" in measured(curve, control(REACHED))["sentence"]


def test_a_flat_curve_leaves_both_ends_open() -> None:
    flat = Curve(SIZES, np.tile(right(REACHED), (len(SIZES), 1)))
    found = measured(flat, control(REACHED))
    assert (found["ratio_low"], found["ratio_high"]) == (None, None)
    assert found["campaign_labels"] == (5 + 200) / 2
    assert "anything, from fewer than 5 to more than 200" in found["sentence"]


@pytest.mark.parametrize("items", [300, 10_000, 1_000_000])
@pytest.mark.parametrize("ratio", [0.3, 0.77, 1.9])
def test_a_curve_that_is_known_well_is_pinned_down_between_its_points(items: int, ratio: float) -> None:
    """Also where it passes the accuracy between two numbers that were tested."""
    found = measured(campaign(ratio, items), control(REACHED, items=items))
    assert found["ratio_low"] <= found["ratio"] <= found["ratio_high"] < 1.8 * found["ratio_low"]
    assert found["ratio"] == pytest.approx(ratio, rel=0.05)


@pytest.mark.parametrize(("classes", "needed"), [(2, 30), (10, 30), (20, 60)])
def test_a_tiny_control_arm_is_too_little_and_says_how_many_more(classes: int, needed: int) -> None:
    found = measured(campaign(0.5), None, labels=12, classes=classes)
    assert found["status"] == TOO_LITTLE
    assert found["more_control_labels"] == needed - 12 and found["ratio"] is None
    assert f"{needed - 12} more control labels are needed" in found["sentence"]


def test_a_campaign_that_began_with_more_labels_waits_for_as_many_random_ones() -> None:
    found = measured(campaign(0.5, sizes=np.array([80, 120])), control(REACHED))
    assert found["status"] == TOO_LITTLE and found["more_control_labels"] == 60


def test_one_round_without_a_beginning_is_no_curve() -> None:
    found = measured(campaign(0.5, sizes=np.array([40])), control(REACHED))
    assert found["status"] == TOO_LITTLE and "fewer than two points" in found["sentence"]


@pytest.mark.parametrize("arm", [None, control(1.0, items=1)])
def test_test_items_that_no_two_rounds_share_are_too_little(arm: HalfSamples | None) -> None:
    found = measured(campaign(0.5, items=1), arm)
    assert found["status"] == TOO_LITTLE and "test items" in found["sentence"]


def test_points_count_in_any_order_and_of_the_same_labels_the_last() -> None:
    curve = campaign(0.6)
    mixed = np.random.default_rng(0).permutation(len(SIZES))
    wrong = Curve(np.append(SIZES[:3], SIZES), np.vstack([~curve.correct[:3], curve.correct]))
    expected = measured(curve, control(REACHED, 0.01))
    assert measured(Curve(SIZES[mixed], curve.correct[mixed]), control(REACHED, 0.01)) == expected
    assert measured(wrong, control(REACHED, 0.01)) == expected


def test_the_record_is_plain_json() -> None:
    for arm in (control(REACHED), control(0.01), None):
        json.dumps(measured(campaign(0.5), arm, labels=CONTROL if arm else 3), allow_nan=False)


def test_halves_are_complementary_and_of_one_size() -> None:
    """Of an odd sample one item is left out, not always the same."""
    parts = halves(31, seed=4)
    pairs = [set(parts[i]) | set(parts[i + 1]) for i in range(0, 2 * SPLITS, 2)]
    assert {len(part) for part in parts} == {15} and {len(pair) for pair in pairs} == {30}
    assert len({tuple(sorted(set(range(31)) - pair)) for pair in pairs}) > 1


def test_the_luck_of_the_draw_is_told_from_that_of_the_test_set() -> None:
    """Accuracies that vary by 0.05 over draws, on 100 test items: their variance is found without bias."""
    random, seen = np.random.default_rng(0), []
    for _ in range(400):
        rates = random.normal(0.7, 0.05, size=2 * SPLITS)
        seen.append(HalfSamples(60, random.random((2 * SPLITS, 100)) < rates[:, None]))
    assert np.mean([one.variance for one in seen]) == pytest.approx(0.05**2, rel=0.1)
    assert np.mean([one.difference for one in seen]) / 2 > 1.5 * 0.05**2
    assert 5 < seen[0].freedom < SPLITS
