"""What `make demo` does after the install: `labelloop init` and `labelloop run`, through Prefect.

Seconds of both commands together, and what `run` printed, so that the demo's own figures can be quoted.
"""

from __future__ import annotations

from pathlib import Path

from bench import campaign
from bench.figures import Figure

AIM = 90.0


def measure(folder: Path) -> list[Figure]:
    """Run the demo in a temporary folder."""
    made = folder / "demo"
    init, _ = campaign.run("labelloop", "init", str(made), "--own-git")
    took, printed = campaign.run("labelloop", "run", str(made))
    last = next(line for line in printed.splitlines() if "savings" in line.lower() or "stopped" in line)
    return [
        Figure("demo campaign after the install", init + took, "s", at_most=AIM, note=last.strip(),
               details={"init": init, "run": took, "printed": printed}),
    ]  # fmt: skip
