"""The audit of labels accepted from the model: people are asked about some of them all the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from labelloop.campaign import Acceptance
from labelloop.certification.audit import Audit, watch
from labelloop.stages.acceptance import since


def answered(
    open_ones: Iterable[dict[str, Any]], labels: pd.DataFrame
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Of the labels that were asked about those that people have given a label, with that as `found`; and
    those that stay open, for having none or one that waits at a review gate and may change there.

    Args:
        labels: columns item, label and status, and others, of `tables.LABELS`.
    """
    found = labels[labels["status"] != "in review"].set_index("item")["label"]
    audits, still_open = [], []
    for one in open_ones:
        if one["item"] in found.index:
            audits.append(one | {"found": found[one["item"]]})
        else:
            still_open.append(one)
    return audits, still_open


def judged(audits: Sequence[dict[str, Any]], target: float, settings: Acceptance) -> tuple[Audit, str]:
    """What the audit says, and in words what breaks the target, or ''.

    Args:
        audits: of all certificates, in the order in which they were answered.
        settings: `audits_from` leaves earlier audits aside.
    """
    counted = since(audits, settings.audits_from)
    wrong = np.array([one["accepted"] != one["found"] for one in counted], dtype=bool)
    seen, late = watch(wrong, target, settings.audit_delta)
    many = f"{seen.errors} of {seen.audited}"
    if seen.breach_at is not None:
        return (
            seen,
            f"people found {many} audited labels wrong, so more than {target:.1%} of what was accepted is",
        )
    if late is not None:
        return seen, (f"audited labels are wrong more often than they were: {many} in all, and the latest "
                      f"ones too often for a target of {target:.1%}")  # fmt: skip
    return seen, ""
