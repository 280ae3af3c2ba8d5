"""The memory of this process as the kernel counts it: pages that are really there, mapped files included."""

from __future__ import annotations

import contextlib
from pathlib import Path


def resident() -> float:
    """MB in memory now."""
    return _field("VmRSS")


def peak() -> float:
    """MB in memory at most, since the start or since `forget_peak`."""
    return _field("VmHWM")


def forget_peak() -> None:
    """Let the peak begin anew from what is in memory now; needs Linux, without it the peak stays."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _field(name: str) -> float:
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024 / 1e6
