"""A certificate for labels by votes, on those of them that a reviewer has read because chance said so.

The stream is every label that votes made, of the rounds up to one. They have an order that no answer has a
say in (`reviewing/random_slice.py`), and reviewers read from its beginning: what of it has a verdict without
a gap is a random draw from the very labels that the certificate is about. Gold of the gold arm would be none:
it is drawn from the pool, and a strategy asks about the pool's harder items.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from labelloop import files
from labelloop.certification.certificate import sealed
from labelloop.certification.certify_file import refusal
from labelloop.certification.model_labels import Issued
from labelloop.certification.threshold_tests import chance_of_so_few, find_threshold, needed_gold
from labelloop.ledger import round_number


@dataclass(frozen=True)
class Beginning:
    """How many of the labels up to a round are read, from the first in the order of the draw."""

    through: str
    """The last round; empty without labels."""
    read: int


def read_without_gap(rounds: Sequence[str], reviewed: np.ndarray) -> Beginning:
    """The round up to which most labels are read from the beginning of the order on; of equal ones the last.

    A round whose labels came after the review opens gaps everywhere; the labels before it have none.

    Args:
        rounds: of each label, such as `r003`, in the order of the draw.
        reviewed: shape (n_labels,), bool.
    """
    number = np.array([round_number(name) for name in rounds], dtype=np.int64)
    found = Beginning("", 0)
    for name in sorted(set(rounds), key=round_number):
        mine = reviewed[number <= round_number(name)]
        read = len(mine) if mine.all() else int(mine.argmin())
        if read >= found.read:
            found = Beginning(name, read)
    return found


def gap_told(
    items: Sequence[str], reviewed: np.ndarray, beginning: Beginning, gate_of: Callable[[str], str]
) -> str:
    """That verdicts behind the first gap do not count, and what would close it, as a sentence to append.

    Args:
        items: of the labels up to the round, in the order of the draw.
        reviewed: shape (n_labels,), bool.
        gate_of: name of the review gate at which an item waits; empty where it waits at none.

    Returns:
        Empty where nothing is reviewed behind the gap, unless its item waits at a gate: `labelloop review
        --random` does not list it once somebody has reviewed it there.
    """
    if beginning.read == len(items):
        return ""
    first, behind = items[beginning.read], int(reviewed[beginning.read :].sum())
    gate = gate_of(first)
    if not behind and not gate:
        return ""
    lacks = f"waits at the gate '{gate}': `labelloop review --gate '{gate}'`" if gate else "has no verdict"
    if not behind:
        return f". {first}, which comes next in the random slice, {lacks}"
    return (f". {behind} reviewed labels do not count as long as {first}, which comes before them in the "
            f"random slice, {lacks}")  # fmt: skip


def certify_fused(
    confidence: np.ndarray,
    right: np.ndarray,
    kept: np.ndarray,
    *,
    target: float,
    delta: float,
    now: datetime,
    days: float,
    audit_delta: float,
    classes: list[str],
    method: str,
    scorer: str,
    verdicts: Sequence[tuple[str, str]],
    blind: int,
) -> Issued:
    """Find the threshold of the greatest coverage, and seal a certificate.

    Args:
        confidence: shape (n_labels,), of all labels of the stream, in the order of the draw.
        right: shape (n_read,), bool: whether the first `n_read` of them are right.
        kept: shape (n_labels,), bool: those that would be accepted. All wrong labels of the others may be
            among them (see `find_threshold`).
        now: with a time zone.
        scorer: digest of what made labels and confidences.
        verdicts: item and label of what was read.
        blind: how many of these verdicts were given without the label in view.
    """
    least = _fewest(len(confidence), target, delta)
    if len(right) < least:
        return Issued(None, f"{len(right)} labels of the random slice are reviewed without a gap, and at the "
                      f"least {least} are needed: `labelloop review --random {least - len(right)}` or more, "
                      "all of them filled in", looked=False)  # fmt: skip
    if not kept.any():
        return Issued(None, "every label of these rounds is reviewed already", looked=False)
    found = find_threshold(confidence, confidence[: len(right)], right, target=target, delta=delta, kept=kept)
    if found.chosen is None:
        wrong = int((~right).sum())
        said = refusal(found, len(right), wrong, target=target, delta=delta, gold="reviewed labels")
        return Issued(None, said, looked=True)
    certificate = sealed(
        now,
        days,
        target=target,
        delta=delta,
        test="fixed_sequence",
        **found.proof(),
        stream=len(confidence),
        gold_total=len(right),
        classes=classes,
        scorer=scorer,
        method=method,
        gold_digest=files.digest_of(sorted(verdicts)),
        blind=blind,
        # What is read of the slice later on is the audit.
        audit_share=0.0,
        audit_delta=audit_delta,
    )
    return Issued(certificate, "", looked=True)


def _fewest(labels: int, target: float, delta: float) -> int:
    """How many of so many labels must be read to prove anything, if all of them are right."""
    read = needed_gold(target, delta)
    while read < labels and chance_of_so_few(0, read, labels, target) > delta:
        read += 1
    return read
