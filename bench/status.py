"""`labelloop status`: seconds of the whole command, Python's start included, with 5 and 50 closed rounds.

The campaign is recorded nowhere (no MLflow, no DVC), since `status` looks at files only. Median of some
calls, after one that is not counted.
"""

from __future__ import annotations

import statistics
from pathlib import Path

import yaml

from bench import campaign
from bench.figures import Figure

AIM = 1.0
CALLS = 5
AGES = (5, 50)


def measure(folder: Path) -> list[Figure]:
    """Let one campaign grow, and ask it at each age."""
    made, figures = folder / "status", []
    for age in AGES:
        params = campaign.SMALL | campaign.UNRECORDED | {"stopping": {"max_rounds": age}}
        if not made.exists():
            campaign.make(made, params)
        (made / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
        campaign.drive(made)
        took = [campaign.run("labelloop", "status", str(made))[0] for _ in range(CALLS + 1)][1:]
        figures.append(
            Figure(
                f"status, {age} rounds", statistics.median(took), "s", at_most=AIM, details={"calls": took}
            )
        )
    return figures
