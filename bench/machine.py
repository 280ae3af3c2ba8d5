"""What the figures were measured on: they mean nothing without it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

LIBRARIES = (
    "numpy", "pandas", "pyarrow", "scikit-learn", "torch", "prefect", "dvc", "mlflow",
)  # fmt: skip


def describe() -> dict[str, Any]:
    """Processor, cores, memory, load at the start, and versions of what takes the time."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_at_start": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def sentence(machine: dict[str, Any]) -> str:
    """The machine in two lines."""
    libraries = ", ".join(f"{name} {found}" for name, found in machine["libraries"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"{machine['system']}; load {machine['load_at_start']} when it began\n"
        f"Python {machine['python']}, {libraries}"
    )


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
