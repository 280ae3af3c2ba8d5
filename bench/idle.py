"""`labelloop advance` with nothing to do and no server: seconds of the whole command.

Twice: a round that waits for people (the `files` tool, nobody has answered), and a campaign that has
stopped. Both with tracking and versioning on. Median of some calls, after one that is not counted.
"""

from __future__ import annotations

import statistics
from pathlib import Path

from bench import campaign
from bench.figures import Figure

AIM = 5.0
CALLS = 3


def measure(folder: Path) -> list[Figure]:
    """Make both campaigns, then call `advance` on each."""
    waiting = campaign.make(
        folder / "waiting",
        campaign.SMALL | {"annotation": {"tool": "files", "overlap": 1, "test_overlap": 1}},
    )
    stopped = campaign.make(folder / "stopped", campaign.SMALL | {"stopping": {"max_rounds": 2}})
    figures = []
    for name, made in (("waiting for people", waiting), ("stopped", stopped)):
        campaign.run("labelloop", "run", str(made), "--plain")
        calls = [campaign.run("labelloop", "advance", str(made)) for _ in range(CALLS + 1)][1:]
        took = [seconds for seconds, _ in calls]
        figures.append(
            Figure(
                f"advance with nothing to do, {name}",
                statistics.median(took),
                "s",
                at_most=AIM,
                note=calls[-1][1].strip().splitlines()[-1],
                details={"calls": took},
            )
        )
    return figures
