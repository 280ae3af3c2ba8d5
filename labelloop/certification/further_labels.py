"""A saved certificate and labels that came after it: does it speak of them, and which does it accept?

It does as long as it holds, the confidences come from the certified scorer, the classes are the certified
ones, and the confidences look as those of the certified stream did. That the items come from the same source
cannot be seen in a file: it is for the user to know.
"""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labelloop.certification.certificate import Certificate, read_certificate, why_not
from labelloop.certification.certify_file import (
    ACCEPTED,
    GOLD,
    STRANGE_GOLD,
    accept,
    scorer_digest,
    write_table,
)
from labelloop.certification.stream import Stream, read_stream
from labelloop.errors import DataError
from labelloop.fusion.text_table import read_text_table


def check_scorer(folder: Path, scorer: Path, now: datetime) -> None:
    """Refuse a scorer that is not the certified one.

    Args:
        scorer: file or folder that gives the confidences now.

    Raises:
        DataError: the certificate does not hold, or its digest is another; says which.
    """
    _refuse(folder, why_not(folder, now, scorer=scorer_digest(scorer)))


def accept_further(folder: Path, labels_path: Path, scorer: Path, now: datetime) -> dict[str, Any]:
    """Add to `accepted.csv` what a certificate accepts of further labels.

    Args:
        folder: of the certificate.
        labels_path: labels with confidences, as for `certify_file`.
        scorer: file or folder that gave the confidences.

    Returns:
        certificate, accepted (added ones), known (accepted before, and left as they were), gold (items whose
        truth the certificate was proven with, left out), below (the threshold), total (accepted by now).

    Raises:
        DataError: the certificate does not hold, or does not speak of these labels; says what differs.
    """
    certificate, stream = read_certificate(folder), read_stream(labels_path)
    # Labels alone show which classes there were to choose from only where they use one that is new.
    classes = set(stream.classes) | (set() if stream.declared else set(certificate.classes))
    _refuse(folder, why_not(folder, now, scorer=scorer_digest(scorer), classes=sorted(classes)))
    _check_confidences(certificate, stream, labels_path)
    before = read_text_table(folder / ACCEPTED)
    gold = _gold_items(folder)
    chosen = accept(stream, certificate, gold)
    known = chosen["item"].isin(before["item"])
    together = pd.concat([before, chosen[~known].astype(str)], ignore_index=True)
    write_table(together, folder / ACCEPTED)
    return {
        "certificate": certificate.id,
        "accepted": int((~known).sum()),
        "known": int(known.sum()),
        "gold": int(stream.table["item"].isin(gold).sum()),
        "below": int((~stream.table["item"].isin(gold)).sum()) - len(chosen),
        "total": len(together),
    }


def _gold_items(folder: Path) -> frozenset[str]:
    path = folder / GOLD
    if not path.is_file():
        raise DataError(f"{path} is not there, so nobody knows which items the certificate was proven with; "
                        "they may not be accepted. Name them there again (a column item), or certify "
                        "anew")  # fmt: skip
    return frozenset(read_text_table(path)["item"])


def _check_confidences(certificate: Certificate, stream: Stream, path: Path) -> None:
    """Refuse confidences that are distributed otherwise than the certified stream's were.

    The shares at or above the certificate's thresholds are compared, by the bound of Dvoretzky, Kiefer,
    Wolfowitz and Massart for two samples: P(D > d) <= 2 exp(-2 d^2 n m / (n + m)).
    """
    confidence, n = stream.table["confidence"].to_numpy(), len(stream.table)
    furthest = max(
        abs(float(np.mean(confidence >= step["threshold"])) - step["coverage"])
        for step in certificate.protocol
    )
    many = n * certificate.stream / (n + certificate.stream)
    chance = 2 * math.exp(-2 * furthest**2 * many)
    if chance < STRANGE_GOLD:
        raise DataError(f"{path}: {certificate.id} does not speak of these labels: their confidences differ "
                        f"from the certified stream's (by {furthest:.2f} in a share, chance {chance:.1e}), "
                        "so they come from another source; certify them with gold of their own")  # fmt: skip


def _refuse(folder: Path, reason: str) -> None:
    if reason:
        raise DataError(f"certificate {read_certificate(folder).id} accepts nothing here: {reason}")
