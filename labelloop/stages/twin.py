"""What random labeling would have given, where that can be found out: with simulated annotators.

The twins are campaigns with the same crew, overlap, fusion, learner and test labels, that ask about items
at random. With real people there are no twins; there the control arm says what can be said.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from labelloop import datasets, files, tables
from labelloop.backtesting.replay import Arena, replay
from labelloop.evaluation import curve as curves
from labelloop.stages.crew_votes import CrewVotes
from labelloop.stages.evaluate import test_set
from labelloop.stages.runner import Round
from labelloop.stages.train import untrained

TWINS, TWINS_IF_DEAR = 5, 1
DEAR = 100_000
"""Labels times classes from which one twin must do, as it must for images: each twin costs as much training
as the campaign did."""


def random_twin(current: Round) -> pd.DataFrame:
    """Accuracy that random labeling gives at the labels of every round so far that asked somebody.

    Returns:
        Columns labels, accuracy (mean over the twins), low and high (smallest and largest).
    """
    prepared = datasets.open_prepared(current.workspace.data)
    curve = curves.labeling_rounds(curves.read_curve(current.folder.curve))
    _, test_inputs, test_codes = test_set(prepared, tables.LABELS.read(current.folder.labels))
    sizes = curve["labels"].tolist()
    runs = []
    dear = sizes[-1] * len(prepared.classes) >= DEAR or prepared.pool.input_kind == "images"
    for seed in range(TWINS_IF_DEAR if dear else TWINS):
        arena = Arena(
            prepared,
            current.settings,
            eligible=np.flatnonzero(~prepared.splits),
            test_inputs=test_inputs,
            test_codes=test_codes,
            learner=untrained(current, prepared),
            seed=int(files.digest_of(["twin", current.settings.campaign.seed, seed])[:8], 16),
        )
        runs.append(replay(arena, "random", sizes, CrewVotes(current.settings, arena), cold_start="random"))
    accuracy = np.array([[point.accuracy for point in run] for run in runs])
    return pd.DataFrame(
        {
            "labels": sizes[: accuracy.shape[1]],
            "accuracy": accuracy.mean(axis=0),
            "low": accuracy.min(axis=0),
            "high": accuracy.max(axis=0),
        }
    )
