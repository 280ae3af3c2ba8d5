"""A certificate of a model's labels holds for what is accepted, whichever items people have taken out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from labelloop.certification.model_labels import Issued, certify_model

RUNS = 120
NOW = datetime(2026, 1, 5, tzinfo=UTC)


def certify(
    confidence: np.ndarray, kept: np.ndarray, test: np.ndarray, right: np.ndarray, **other: Any
) -> Issued:
    arguments: dict[str, Any] = {
        "test_in_pool": True, "target": 0.05, "delta": 0.1, "now": NOW, "days": 30.0, "audit_share": 0.02,
        "audit_delta": 0.05, "classes": ["a", "b"], "scorer": "s", "test_digest": "t",
    }  # fmt: skip
    return certify_model(confidence, kept, test, right, **(arguments | other))


def pool(seed: int, n: int = 3000, steep: float = 0.25) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidences, whether the model is right, and which items are test items."""
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.5, 1, n)
    right = rng.random(n) < 1 - steep * (1 - confidence)
    test = np.zeros(n, dtype=bool)
    test[rng.choice(n, 400, replace=False)] = True
    return confidence, right, test


@pytest.mark.parametrize("taken_out", ["nothing", "right ones", "unsure ones"])
def test_more_than_the_target_is_wrong_no_more_often_than_promised(taken_out: str) -> None:
    """Also when people have labeled just the items that the model has right: errors stay, their share
    grows."""
    violations = issued = 0
    for seed in range(RUNS):
        confidence, right, test = pool(seed, steep=0.1 if taken_out == "right ones" else 0.25)
        kept = ~test
        if taken_out == "right ones":
            kept &= ~(right & (np.arange(len(right)) % 2 == 0))
        elif taken_out == "unsure ones":
            kept &= confidence > np.quantile(confidence, 0.2)
        made = certify(confidence, kept, confidence[test], right[test]).certificate
        if made is not None:
            issued += 1
            accepted = kept & (confidence >= made.threshold)
            violations += (~right[accepted]).mean() > 0.05
    assert issued > RUNS / 4
    assert violations / RUNS <= 0.1


def test_one_that_ignored_what_was_taken_out_would_break_its_promise() -> None:
    """The test above can fail: with `kept` taken for the whole pool, it does."""
    violations = 0
    for seed in range(RUNS):
        confidence, right, test = pool(seed)
        kept = ~test & ~(right & (np.arange(len(right)) % 2 == 0))
        made = certify(confidence, ~test, confidence[test], right[test]).certificate
        if made is not None:
            violations += (~right[kept & (confidence >= made.threshold)]).mean() > 0.05
    assert violations / RUNS > 0.2


def test_a_test_set_that_is_no_random_draw_vouches_for_nothing() -> None:
    confidence, right, test = pool(0)
    easy = test & (confidence > 0.75)
    made = certify(confidence, ~test, confidence[easy], right[easy])
    assert made.certificate is None
    assert "random draw" in made.reason
    assert not made.looked


def test_a_model_that_doubts_itself_costs_no_look() -> None:
    """Whether to look must not depend on the test labels, so nobody pays for it."""
    confidence, right, test = pool(0)
    made = certify(confidence / 2, ~test, confidence[test] / 2, right[test])
    assert (made.certificate, made.looked) == (None, False)
    assert made == certify(confidence / 2, ~test, confidence[test] / 2, ~right[test])


def test_too_little_gold_says_how_much_more() -> None:
    confidence, right, test = pool(1, steep=0.1)
    confidence = 0.9 + confidence / 10
    few = np.flatnonzero(test)[:60]
    made = certify(confidence, ~test, confidence[few], right[few], delta=0.01)
    assert made.certificate is None
    assert "more gold items" in made.reason
    assert made.looked
