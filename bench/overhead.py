"""Overhead of a round: everything but training and scoring, with tracking and versioning on.

The digits campaign of the demo, with MLflow in SQLite, DVC, a git commit and a tag a round; once called
plainly and once through Prefect with no server. A round is counted from its first step to the first step of
the next round, so opening a round is in it. Medians over rounds after the first (the first imports MLflow
and makes its database) and before the last. The note lists the steps by their seconds; "between steps" is
what lies between two stages' log events: digests of inputs, receipts, the ledger, and Prefect's own work.
"""

from __future__ import annotations

import statistics
from pathlib import Path

from bench import campaign, rounds
from bench.figures import Figure

AIM = 3.0
ROUNDS = 7
PARAMS = campaign.SMALL | {
    "acquisition": {"strategy": "margin", "first_batch_size": 20, "batch_size": 40, "control_share": 0.1},
    "annotation": {"tool": "simulated", "overlap": 3, "test_overlap": 5},
    "evaluation": {"test_size": 300},
    "stopping": {"max_rounds": ROUNDS},
}


def measure(folder: Path) -> list[Figure]:
    """Drive the campaign both ways."""
    figures = []
    for way in ("plain", "through Prefect"):
        made = campaign.make(folder / way.split()[-1], PARAMS)
        steady = rounds.rounds_of(campaign.drive(made, prefect=way != "plain"))[1:-1]
        steps = {name: took for name, took in rounds.steps_of(steady).items() if name not in rounds.LEARNING}
        processor = statistics.median(found.processor for found in steady)
        figures.append(
            Figure(
                f"overhead of a round, {way}",
                statistics.median(found.overhead for found in steady),
                "s",
                at_most=AIM,
                note=f"{rounds.shown(steps)}; {processor:.2f} processor seconds for the whole round",
                details={"rounds": [vars(found) for found in steady]},
            )
        )
    return figures
