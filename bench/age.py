"""How cost grows with a campaign's age: rounds 49 to 51 against rounds 4 to 6, tracking and versioning on.

52 small rounds in one process; every round asks about equally many items. The figure is the ratio of the
median round: 1 means that a campaign never gets slower. The notes list what each step costs late and early,
so that whatever grows can be seen; the JSON has every round. Then `dvc status` of the whole campaign, which
reads every round's settings and dvc.lock.
"""

from __future__ import annotations

import statistics
from pathlib import Path

from bench import campaign, rounds
from bench.figures import Figure

GROWTH_AIM = 1.5
STATUS_AIM = 5.0
ROUNDS = 52
EARLY, LATE = slice(4, 7), slice(49, 52)
CALLS = 3


def measure(folder: Path) -> list[Figure]:
    """Grow the campaign, then ask DVC about it."""
    made = campaign.make(folder / "age", campaign.SMALL | {"stopping": {"max_rounds": ROUNDS + 1}})
    found = rounds.rounds_of(campaign.drive(made))
    early, late = found[EARLY], found[LATE]
    before, after = (statistics.median(one.wall for one in some) for some in (early, late))
    growth = {
        name: late_seconds - rounds.steps_of(early)[name]
        for name, late_seconds in rounds.steps_of(late).items()
    }
    took = [campaign.run("dvc", "status", "--quiet", cwd=made)[0] for _ in range(CALLS)]
    return [
        Figure("a round at age 50 against age 5", after / before, "times", at_most=GROWTH_AIM,
               note=f"{after:.2f} s against {before:.2f} s; grew by: {rounds.shown(growth) or 'nothing'}",
               details={"rounds": [vars(one) for one in found]}),
        Figure("processor time of a round at age 50 against age 5",
               statistics.median(one.processor for one in late)
               / statistics.median(one.processor for one in early), "times"),
        Figure("`dvc status`, 50 rounds", statistics.median(took), "s", at_most=STATUS_AIM,
               details={"calls": took}),
    ]  # fmt: skip
