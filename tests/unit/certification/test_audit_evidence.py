"""The audit may be looked at after every label: false revocations stay rare, true breaches are found."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import integrate

from labelloop.certification.audit import WATCHED, audit, gets_worse, log_evidence, watch


@pytest.mark.parametrize(("errors", "n", "target"), [(0, 10, 0.05), (3, 20, 0.05), (5, 60, 0.1), (9, 9, 0.2)])
def test_the_evidence_is_the_mean_likelihood_ratio(errors: int, n: int, target: float) -> None:
    def ratio(p: float) -> float:
        return float((p / target) ** errors * ((1 - p) / (1 - target)) ** (n - errors))

    expected = integrate.quad(ratio, target, 1)[0] / (1 - target)
    assert np.exp(log_evidence(np.array([errors]), np.array([n]), target))[0] == pytest.approx(
        expected, rel=1e-6
    )


@pytest.mark.parametrize("error", [0.02, 0.05])
def test_a_certificate_that_holds_is_seldom_revoked(error: float) -> None:
    """At the target itself, looking after each of 1,500 labels: in at most 5% (and two standard errors)."""
    rng = np.random.default_rng(0)
    revoked = [audit(rng.random(1500) < error, 0.05, 0.05).breach_at is not None for _ in range(500)]
    assert np.mean(revoked) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 500)


def test_the_evidence_never_rises_on_average() -> None:
    """One step ahead, from any state, the expected evidence at the target is at most the present one."""
    for n in (0, 5, 40):
        for errors in range(n + 1):
            now, right, wrong = np.exp(log_evidence(
                np.array([errors, errors, errors + 1]), np.array([n, n + 1, n + 1]), 0.1
            ))  # fmt: skip
            assert 0.9 * right + 0.1 * wrong <= now * (1 + 1e-9)


@pytest.mark.parametrize(("error", "within"), [(0.15, 90), (0.3, 25)])
def test_a_breach_is_found(error: float, within: int) -> None:
    """Three and six times the target of 5%: revoked within so many audited labels in the mean."""
    rng = np.random.default_rng(0)
    found = [audit(rng.random(800) < error, 0.05, 0.05).breach_at for _ in range(200)]
    assert all(found)
    assert np.mean(found) <= within


def test_a_breach_stays_a_breach() -> None:
    """Right labels after it do not bring the certificate back."""
    wrong = np.r_[np.ones(6, dtype=bool), np.zeros(500, dtype=bool)]
    found = audit(wrong, 0.05, 0.05)
    assert found.breach_at is not None
    assert found.breach_at <= 6
    assert found.evidence < found.limit <= found.greatest


def test_nothing_audited_says_nothing() -> None:
    found = audit(np.empty(0, dtype=bool), 0.05, 0.05)
    assert (found.audited, found.error, found.evidence, found.breach_at) == (0, None, 1.0, None)


@pytest.mark.parametrize("target", [0.1, 0.01, 0.001, 0.0002, 0.00001])
def test_steady_labels_raise_no_alarm_more_often_than_asked(target: float) -> None:
    """Just the target share is wrong; among as many audits as the chance is told for."""
    rng = np.random.default_rng(0)
    alarms = [gets_worse(rng.random(WATCHED) < target, target, 0.05) is not None for _ in range(300)]
    assert np.mean(alarms) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)


@pytest.mark.parametrize("target", [0.49, 0.01, 0.001, 0.0002, 0.00001, 1e-12])
@pytest.mark.parametrize("chance", [0.2, 0.001])
def test_small_targets_take_no_longer_and_a_run_of_errors_alarms(target: float, chance: float) -> None:
    """Every evaluation pays for it: well under a processor second, and no limit that nothing reaches."""
    began = time.process_time()
    at = gets_worse(np.ones(100, dtype=bool), target, chance)
    assert time.process_time() - began < 1
    assert at is not None


def test_the_two_tests_together_speak_no_more_often_than_asked() -> None:
    """Each has half of the chance; at the target itself, among 1,000 audits."""
    rng = np.random.default_rng(1)
    spoke = 0
    for _ in range(400):
        seen, late = watch(rng.random(WATCHED) < 0.1, 0.1, 0.2)
        spoke += seen.breach_at is not None or late is not None
    assert spoke / 400 <= 0.2 + 2 * np.sqrt(0.2 * 0.8 / 400)
    assert seen.limit == 10


def test_labels_that_come_to_be_wrong_after_a_long_good_time_are_found_sooner() -> None:
    """All audits together still look good when the latest ones do not."""
    rng = np.random.default_rng(0)
    late, together = [], []
    for _ in range(60):
        wrong = rng.random(700) < np.where(np.arange(700) < 400, 0.02, 0.25)
        late.append(gets_worse(wrong, 0.1, 0.05) or 700)
        together.append(audit(wrong, 0.1, 0.05).breach_at or 700)
    assert np.median(late) < np.median(together) - 50
    assert min(late) > 400
