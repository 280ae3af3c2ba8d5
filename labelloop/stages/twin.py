"""What random labeling would have given, where that can be found out: with simulated annotators.

The twins are campaigns with the same crew, overlap, fusion, learner and test labels, that ask about items
at random. With real people there are no twins; there the control arm says what can be said.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from labelloop import datasets, files, tables
from labelloop.adapters.tools.crew import work
from labelloop.adapters.tools.keys import TaskKey
from labelloop.backtesting.arena import known_codes
from labelloop.backtesting.replay import Arena, LabelSource, replay
from labelloop.evaluation import curve as curves
from labelloop.stages.evaluate import test_set
from labelloop.stages.fuse import fuse_as_set, out_of_fold
from labelloop.stages.runner import Round
from labelloop.stages.train import untrained

TWINS, TWINS_IF_DEAR = 5, 1
DEAR = 100_000
"""Labels times classes from which one twin must do, as it must for images: each twin costs as much training
as the campaign did."""


def random_twin(current: Round) -> pd.DataFrame:
    """Accuracy that random labeling gives at the labels of every round of the campaign so far.

    Returns:
        Columns labels, accuracy (mean over the twins), low and high (smallest and largest).
    """
    prepared = datasets.open_prepared(current.workspace.data)
    curve = curves.read_curve(current.folder.curve)
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
        runs.append(replay(arena, "random", sizes, crew_labels(current, arena), cold_start="random"))
    accuracy = np.array([[point.accuracy for point in run] for run in runs])
    return pd.DataFrame(
        {
            "labels": sizes[: accuracy.shape[1]],
            "accuracy": accuracy.mean(axis=0),
            "low": accuracy.min(axis=0),
            "high": accuracy.max(axis=0),
        }
    )


def crew_labels(current: Round, arena: Arena) -> LabelSource:
    """Labels as the campaign's simulated crew would give them, fused as the campaign fuses."""
    settings, prepared = current.settings, arena.prepared
    codes = known_codes(prepared)
    votes: list[dict[str, Any]] = []
    asked: set[str] = set()

    def labels_of(rows: np.ndarray, number: int) -> np.ndarray:
        ids = prepared.pool.ids[rows]
        tasks = [
            TaskKey(settings.campaign.name, f"r{number:03d}", item, copy)
            for item in ids
            if item not in asked
            for copy in range(settings.annotation.overlap)
        ]
        asked.update(ids)
        answers = work(
            tasks,
            start=datetime(2026, 1, 5, 9, tzinfo=UTC),
            crew=settings.annotation.simulation.annotators,
            cost_per_vote=settings.annotation.cost_per_vote,
            truth={item: prepared.classes[codes[row]] for item, row in zip(ids, rows, strict=True)},
            classes=prepared.classes,
            seed=arena.seed,
            skips_to_review=settings.annotation.skips_to_review,
        )
        item_of = {task.text: task.item for task in tasks}
        votes.extend(
            {"vote": answer.id, "item": item_of[answer.key], "annotator": answer.annotator,
             "value": answer.value, "answered_at": answer.answered_at}
            for answer in answers if answer.action == "submitted"
        )  # fmt: skip
        fused = fuse_as_set(
            pd.DataFrame(votes),
            prepared,
            settings.fusion,
            lambda: out_of_fold(arena.learner, prepared, settings.fusion.folds, set()),
        ).table
        code = {name: number for number, name in enumerate(prepared.classes)}
        label = dict(zip(fused["item"], fused["label"].map(code), strict=True))
        return np.array([label.get(item, -1) for item in ids], dtype=np.int64)

    return labels_of
