"""train: fit the learner on the snapshot. In r000 this gives the seed model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from labelloop import datasets, files, models, tables
from labelloop.datasets.base import Prepared
from labelloop.errors import DataError
from labelloop.stages.prepare import new_learner
from labelloop.stages.runner import Round


def train(current: Round) -> None:
    """Write model/: the learner trained on every label that is not of the test set."""
    prepared = datasets.open_prepared(current.workspace.data)
    labels = tables.LABELS.read(current.folder.labels)
    labels = labels[labels["split"] == "train"]
    if not len(labels):
        raise DataError(
            f"round {current.id} has no label to train on: nobody's answer counted. See "
            f"{current.workspace.relative(current.folder.quarantine)} for answers that were refused"
        )
    learner = fit_on(untrained(current, prepared), prepared, labels)
    name = models.resolve_model_name(current.settings.model.name, prepared.pool.input_kind)
    with files.atomic_path(current.folder.model) as folder:
        folder.mkdir()
        models.save_learner(learner, name, folder)


def untrained(current: Round, prepared: Prepared) -> Any:
    """The round's learner before any label: what `prepare` kept, or a new one if the settings changed."""
    kept = files.read_json(current.workspace.start.model / "learner.json")
    name = models.resolve_model_name(current.settings.model.name, prepared.pool.input_kind)
    if kept["name"] == name and kept["options"] == current.settings.model.options:
        return models.load_learner(current.workspace.start.model)
    return new_learner(current.settings, prepared)


def fit_on(learner: Any, prepared: Prepared, labels: pd.DataFrame) -> Any:
    """Fit on labeled items of the pool, in the order of their ids."""
    labels = labels.sort_values("item")
    rows = prepared.pool.rows_of(labels["item"].tolist())
    codes = {name: code for code, name in enumerate(prepared.classes)}
    targets = labels["label"].map(codes).to_numpy(dtype=np.int64)
    return learner.fit(prepared.pool.inputs(rows), targets)
