"""What the model thinks of the items that a round asks about, for the tool to order or to show."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labelloop import files, models
from labelloop.adapters.tools.base import Prediction
from labelloop.datasets.base import Prepared
from labelloop.stages.runner import Round

ARMS = ("strategy",)
"""Never control, gold and test: what is measured on them must not be anchored to the model. Nor a second
look, which is worth what it adds to what is known."""


def prelabels_of(current: Round, prepared: Prepared, tasks: pd.DataFrame) -> dict[str, Prediction]:
    """The predicted class of each item, by the model that the round's batch was picked with.

    Empty where the campaign wants none, and in r000, which no trained model has looked at.

    Args:
        tasks: with the columns item and arm.
    """
    settings = current.settings
    if settings.annotation.prelabels == "none" or current.previous == current.workspace.start:
        return {}
    items = tasks.loc[tasks["arm"].isin(ARMS), "item"].drop_duplicates().tolist()
    if not items:
        return {}
    probabilities = _probabilities(current, prepared, prepared.pool.rows_of(items))
    digest = files.digest(current.previous.model)[:8]
    version = f"{settings.campaign.name} {current.previous.path.name} {digest}"
    return {
        item: Prediction(prepared.classes[int(row.argmax())], min(1.0, float(row.max())), version)
        for item, row in zip(items, probabilities, strict=True)
    }


def _probabilities(current: Round, prepared: Prepared, rows: np.ndarray) -> np.ndarray:
    """Shape (len(rows), n_classes). A strategy that needs none of the pool's leaves a few to compute."""
    path = current.folder.scores / "probabilities.npy"
    if path.exists():
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False)[rows])
    learner = models.load_learner(current.previous.model)
    order = np.sort(rows)
    found = learner.predict_proba(prepared.pool.inputs(order))
    return np.asarray(found)[np.searchsorted(order, rows)]
