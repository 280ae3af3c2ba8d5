"""A certificate for a model's labels, on test items that nothing was trained on.

The stream is the whole pool but for the training labels' right to be there: test items were drawn from it at
random, and what is accepted is the rest without the items that people have labeled. Those were chosen by the
model, so what is left may be a little harder than the pool. The tests therefore take every error of the rest
to be among what is accepted (see `find_threshold`, argument `kept`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from scipy import stats

from labelloop import files
from labelloop.certification.certificate import Certificate, sealed
from labelloop.certification.certify_file import STRANGE_GOLD, refusal
from labelloop.certification.threshold_tests import find_threshold, needed_gold

DOUBT = 2.0
"""Times the target error that a model may doubt what it is surest of, for a look to be worth its price."""

FEWEST_COMPARED = 20
"""Test items below which their confidences are not compared with the pool's."""


@dataclass(frozen=True)
class Issued:
    """A certificate, or why there is none."""

    certificate: Certificate | None
    reason: str
    looked: bool
    """Whether the labels of the test items had a say."""


def certify_model(
    confidence: np.ndarray,
    kept: np.ndarray,
    test_confidence: np.ndarray,
    test_right: np.ndarray,
    *,
    test_in_pool: bool,
    target: float,
    delta: float,
    now: datetime,
    days: float,
    audit_share: float,
    audit_delta: float,
    classes: list[str],
    scorer: str,
    test_digest: str,
) -> Issued:
    """Find the threshold of the greatest coverage, and seal a certificate.

    Args:
        confidence: shape (n_pool,), the model's greatest class probability for every item of the pool.
        kept: shape (n_pool,), bool: items that would be accepted: neither labeled nor test items.
        test_confidence: shape (n_test,).
        test_right: shape (n_test,), bool.
        test_in_pool: whether the test items are items of the pool, or a further draw from its source.
        now: with a time zone.
        scorer: digest of the model.
        test_digest: digest of the test items and their labels.
    """
    stream = confidence if test_in_pool else np.concatenate([confidence, test_confidence])
    keep = kept if test_in_pool else np.concatenate([kept, np.zeros(len(test_confidence), dtype=bool)])
    if not kept.any():
        return Issued(None, "no item is left to be labeled by the model", looked=False)
    sure = _surest(confidence, needed_gold(target, delta) / len(test_right))
    if sure < 1 - DOUBT * target:
        return Issued(None, f"the model is not sure enough of itself for a look at the test items: "
                      f"{sure:.1%} on average where it is surest", looked=False)  # fmt: skip
    strange = _strange(test_confidence, confidence)
    if strange is not None:
        return Issued(None, f"test items are no random draw of the pool: their confidences differ from the "
                      f"pool's (Kolmogorov-Smirnov, chance {strange:.1e})", looked=False)  # fmt: skip
    found = find_threshold(stream, test_confidence, test_right, target=target, delta=delta, kept=keep)
    wrong = int((~test_right).sum())
    if found.chosen is None:
        return Issued(None, refusal(found, len(test_right), wrong, target=target, delta=delta), looked=True)
    certificate = sealed(
        now,
        days,
        target=target,
        delta=delta,
        test="fixed_sequence",
        **found.proof(),
        stream=len(stream),
        gold_total=len(test_right),
        classes=classes,
        scorer=scorer,
        method="model",
        gold_digest=test_digest,
        audit_share=audit_share,
        audit_delta=audit_delta,
    )
    return Issued(certificate, "", looked=True)


def test_digest(items: np.ndarray, codes: np.ndarray) -> str:
    """Digest of the test items and their labels."""
    return files.digest_of(sorted(zip(map(str, items), map(int, codes), strict=True)))


def _surest(confidence: np.ndarray, share: float) -> float:
    """Mean confidence of this share of the pool, from the surest on."""
    most = np.sort(confidence)[::-1][: max(1, int(np.ceil(min(share, 1.0) * len(confidence))))]
    return float(most.mean())


def _strange(test: np.ndarray, pool: np.ndarray) -> float | None:
    """The chance of confidences so different, where it is too small to be one."""
    if len(test) < FEWEST_COMPARED or len(pool) < FEWEST_COMPARED:
        return None
    chance = float(stats.ks_2samp(test, pool, method="asymp").pvalue)
    return chance if chance < STRANGE_GOLD else None
