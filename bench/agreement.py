"""Agreement and annotator quality: time at 10,000 and 100,000 items x 5 votes, and alpha beside crowd-kit's.

Votes are `bench.crowds.simulated`: 100 annotators, 10 classes. `agreement` is percent, Fleiss's kappa and
Krippendorff's alpha with 200 bootstrap resamples of items; `by class` the same for each class; `pairs` all
Cohen's kappas. `annotators` is everything that `labelloop annotators` computes. Times are the best of two.
Crowd-kit's alpha has no intervals, so its time is for one value; it is left out where it is not installed
(`pip install crowd-kit`), and asked at 10,000 items only.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from bench.crowds import simulated
from bench.figures import Figure
from bench.timing import best_of_two
from labelloop.annotators.agreement import agreement, class_agreement
from labelloop.annotators.answers import Answers, answers_of
from labelloop.annotators.pairs import cohen
from labelloop.annotators.quality import annotator_quality

SIZES = (10_000, 100_000)
RESAMPLES = 200


def measure(folder: Path) -> list[Figure]:
    """Times at both sizes; `folder` is not needed."""
    return [figure for size in SIZES for figure in _at(size)] + _beside_crowd_kit(SIZES[0])


def _at(size: int) -> list[Figure]:
    votes = simulated(size)
    answers = _answers(size)
    calls: dict[str, Callable[[], Any]] = {
        f"agreement, {RESAMPLES} resamples": lambda: agreement(votes, resamples=RESAMPLES),
        f"ordinal alpha, {RESAMPLES} resamples": lambda: agreement(
            votes, level="ordinal", resamples=RESAMPLES
        ),
        f"agreement by class, {RESAMPLES} resamples": lambda: class_agreement(votes, resamples=RESAMPLES),
        "Cohen's kappa of all pairs": lambda: cohen(votes),
        "annotators, everything": lambda: annotator_quality(answers),
    }
    return [
        Figure(f"{name}, {size:,} items x 5", best_of_two(call)[0], "s", at_most=10)
        for name, call in calls.items()
    ]


def _answers(size: int) -> Answers:
    votes = simulated(size)
    return answers_of(
        pd.DataFrame(
            {
                "item": [f"i{code:07}" for code in votes.item],
                "annotator": [f"a{code:03}" for code in votes.annotator],
                "label": [votes.classes[code] for code in votes.label],
            }
        ),
        votes.classes,
    )


def _beside_crowd_kit(size: int) -> list[Figure]:
    try:
        from crowdkit.metrics.data import alpha_krippendorff  # type: ignore[import-not-found]
    except ImportError:
        print("  crowd-kit left out: it is not installed (pip install crowd-kit)")
        return []
    votes = simulated(size)
    table = pd.DataFrame({"task": votes.item, "worker": votes.annotator, "label": votes.label})
    theirs, value = best_of_two(lambda: alpha_krippendorff(table))
    mine, found = best_of_two(lambda: agreement(votes, resamples=0))
    return [
        Figure(f"difference to crowd-kit's alpha, {size:,} items", 1e9 * abs(found.alpha.value - value),
               "1e-9", at_most=1),
        Figure(f"crowd-kit's alpha over ours, {size:,} items", theirs / mine, "times",
               note=f"{theirs:.2f} s against {mine:.3f} s"),
    ]  # fmt: skip


if __name__ == "__main__":
    for one in measure(Path()):
        name, measured, aim, met, note = one.row
        print(f"{name:<64}{measured:>14}  {aim + ': ' + met if aim else ''} {note}".rstrip())
