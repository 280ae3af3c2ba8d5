"""Tests of thresholds: exact, as seldom wrong as promised, and plain about how much gold is missing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from labelloop.certification.threshold_tests import (
    chance_of_so_few,
    find_threshold,
    more_gold,
    needed_gold,
    upper_bound,
)
from labelloop.errors import SettingsError


@pytest.mark.parametrize(
    ("target", "delta", "errors", "needed"),
    [(0.05, 0.1, 0, 45), (0.05, 0.05, 0, 59), (0.02, 0.1, 0, 114), (0.02, 0.05, 0, 149), (0.01, 0.1, 0, 230),
     (0.01, 0.05, 0, 299), (0.05, 0.1, 1, 77), (0.1, 0.05, 2, 61)],
)  # fmt: skip
def test_needed_gold_is_the_textbooks(target: float, delta: float, errors: int, needed: int) -> None:
    """ln(delta) / ln(1 - target) without errors; with errors by the binomial tail on both sides."""
    assert needed_gold(target, delta, errors) == needed
    assert stats.binom.cdf(errors, needed, target) <= delta < stats.binom.cdf(errors, needed - 1, target)


@pytest.mark.parametrize(("errors", "n"), [(0, 10), (3, 50), (50, 50)])
def test_the_bound_is_clopper_and_pearsons(errors: int, n: int) -> None:
    """At the bound, so few errors have just the chance delta."""
    bound = upper_bound(errors, n, 0.1)
    if errors == n:
        assert bound == 1
    else:
        assert stats.binom.cdf(errors, n, bound) == pytest.approx(0.1)


def stream(seed: int, n: int, steep: float) -> tuple[np.ndarray, np.ndarray]:
    """Confidences and correctness; the sure ones are right more often."""
    rng = np.random.default_rng(seed)
    confidence = np.round(rng.uniform(0.5, 1, n), 3)
    return confidence, rng.random(n) < 1 - steep * (1 - confidence)


@pytest.mark.parametrize("test", ["fixed_sequence", "bonferroni"])
@pytest.mark.parametrize("steep", [0.6, 1.0])
@pytest.mark.parametrize("share", [0.05, 0.5])
def test_wrong_certificates_are_as_rare_as_promised(test: str, steep: float, share: float) -> None:
    """Over 200 draws of gold: at most delta (with two standard errors) above the target, whether all labels
    of the stream are counted or only those that are accepted; also where gold is half of the stream."""
    target, delta, runs = 0.08, 0.1, 200
    confidence, correct = stream(1, 800 if share == 0.5 else 4000, steep)
    rng = np.random.default_rng(0)
    wrong_stream = wrong_rest = 0
    for _ in range(runs):
        gold = rng.permutation(len(confidence)) < share * len(confidence)
        found = find_threshold(
            confidence, confidence[gold], correct[gold], target=target, delta=delta, test=test
        )
        if found.chosen is not None:
            chosen = confidence >= found.chosen.threshold
            wrong_stream += (~correct[chosen]).mean() > target
            wrong_rest += (~correct[chosen & ~gold]).mean() > target
    allowed = delta + 2 * np.sqrt(delta * (1 - delta) / runs)
    assert wrong_stream / runs <= allowed
    assert wrong_rest / runs <= allowed


def test_good_labels_are_accepted_nearly_all() -> None:
    confidence, correct = stream(0, 4000, 0.1)
    gold = np.arange(300)
    found = find_threshold(confidence, confidence[gold], correct[gold], target=0.08, delta=0.1)
    assert found.chosen is not None
    assert found.chosen.coverage > 0.9
    assert found.chosen.bound <= 0.08
    assert found.chosen.p_value <= 0.1


def test_thresholds_never_look_at_what_is_right() -> None:
    """Other truths, the same gold: the same thresholds in the same order."""
    confidence, correct = stream(0, 1000, 0.5)
    gold = np.arange(200)
    one = find_threshold(confidence, confidence[gold], correct[gold], target=0.1, delta=0.1)
    other = find_threshold(confidence, confidence[gold], ~correct[gold], target=0.1, delta=0.1)
    assert [(step.threshold, step.gold) for step in one.steps] == [
        (step.threshold, step.gold) for step in other.steps
    ]


def test_a_sequence_stops_at_the_first_failure() -> None:
    """What lies behind it is not tested, however good it looks."""
    confidence = np.linspace(0.5, 1, 2000)
    correct = ~((confidence > 0.9) & (np.arange(2000) % 4 == 0))
    found = find_threshold(confidence, confidence, correct, target=0.1, delta=0.1)
    tested = [step for step in found.steps if step.tested]
    assert found.chosen is None
    assert len(tested) == 1
    assert not tested[0].passed


def test_the_rest_is_held_to_account_where_gold_is_much_of_the_stream() -> None:
    """The finite p-value is the exact chance, counted over all draws, for every number of wrong labels."""
    n_stream, n, target = 60, 30, 0.1
    allowed = int(target * (n_stream - n))
    for errors in range(4):
        worst = 0.0
        for wrong in range(allowed + 1, n_stream + 1):
            few = min(errors, wrong - allowed - 1)
            worst = max(worst, float(stats.hypergeom.cdf(few, n_stream, wrong, n)))
        expected = max(worst, float(stats.binom.cdf(errors, n, target)))
        assert chance_of_so_few(errors, n, n_stream, target) == pytest.approx(expected)


def test_a_large_stream_is_the_binomial() -> None:
    assert chance_of_so_few(3, 100, 10**7, 0.1) == pytest.approx(stats.binom.cdf(3, 100, 0.1), abs=1e-3)
    assert chance_of_so_few(0, 0, 100, 0.1) == 1
    assert chance_of_so_few(0, 100, 100, 0.1) == 1


def test_too_little_gold_is_told_how_much_more() -> None:
    """With as much more, most draws are certified."""
    confidence, correct = stream(3, 20_000, 0.15)
    rng = np.random.default_rng(0)
    few = rng.choice(20_000, 30, replace=False)
    refused = find_threshold(confidence, confidence[few], correct[few], target=0.06, delta=0.1)
    assert refused.chosen is None
    more = more_gold(refused, 30, target=0.06)
    assert more is not None
    assert 10 <= more <= 2000
    passed = 0
    for _ in range(20):
        gold = rng.choice(20_000, 30 + 2 * more, replace=False)
        found = find_threshold(confidence, confidence[gold], correct[gold], target=0.06, delta=0.1)
        passed += found.chosen is not None
    assert passed >= 12


def test_hopeless_labels_are_told_so() -> None:
    confidence, correct = stream(0, 2000, 0.0)
    correct = np.arange(2000) % 3 > 0
    found = find_threshold(confidence, confidence[:600], correct[:600], target=0.05, delta=0.1)
    assert found.chosen is None
    assert more_gold(found, 600, target=0.05) is None


def test_one_confidence_for_all_is_one_threshold() -> None:
    found = find_threshold(np.ones(500), np.ones(60), np.ones(60, dtype=bool), target=0.05, delta=0.1)
    assert [step.coverage for step in found.steps] == [1.0]
    assert found.chosen is not None


@pytest.mark.parametrize(
    ("settings", "says"),
    [({"target": 0.0}, "target error is 0"), ({"delta": 1.0}, "delta is 1"),
     ({"test": "guess"}, "'guess' is not known"), ({"coverages": []}, "coverages"),
     ({"coverages": [1.5]}, "coverages")],
)  # fmt: skip
def test_settings_that_are_none_are_refused(settings: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        find_threshold(
            np.ones(3), np.ones(3), np.ones(3, dtype=bool), **({"target": 0.1, "delta": 0.1} | settings)
        )  # type: ignore[arg-type]
