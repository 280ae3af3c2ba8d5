"""Which accepted labels are audited: as if by a fair draw, and the same whenever it is asked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from labelloop.certification.certificate import Certificate


def drawn_for_audit(certificate: Certificate, items: Iterable[str]) -> np.ndarray:
    """Shape (n_items,), bool: those that the certificate's audit share draws."""
    return np.array([draw(certificate.id, item) < certificate.audit_share for item in items], dtype=bool)


def draw(certificate: str, item: str) -> float:
    """A number in [0, 1) that follows from a certificate's id and an item's alone."""
    return int.from_bytes(hashlib.sha256(f"{certificate}\0{item}".encode()).digest()[:8]) / 2**64
