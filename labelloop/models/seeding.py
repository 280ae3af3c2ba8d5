"""Seeds that depend on what they are for, so that two uses of one campaign seed share no random numbers."""

from __future__ import annotations

import hashlib


def derive_seed(seed: int, purpose: str) -> int:
    """Return a seed in [0, 2**31) for `purpose`; the same on every machine and in every process."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF
