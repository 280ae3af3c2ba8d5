"""What a round's own answers say of the model that asked for them: accuracy on asked items, weighted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from labelloop import files, models, tables
from labelloop.datasets.base import Prepared
from labelloop.evaluation.weighted import asked_accuracy
from labelloop.stages.runner import Round

UNKNOWN: dict[str, Any] = {
    "asked_accuracy": None,
    "asked_accuracy_low": None,
    "asked_accuracy_high": None,
    "asked_accuracy_items": None,
}


def on_asked_items(current: Round, prepared: Prepared, labels: pd.DataFrame) -> dict[str, Any]:
    """Accuracy of the model of the round before over the items left to ask then, from this round's labels.

    That model never saw these labels. The control items come first, each drawn evenly from what was left,
    then the strategy's. Only where every draw's chance is known (`random`, `power_*`, no composition); all
    None elsewhere, in r000, and in rounds that audit.

    Returns:
        asked_accuracy, asked_accuracy_low, asked_accuracy_high (None with too few effective items) and
        asked_accuracy_items (drawn and labeled).
    """
    batch = tables.BATCH.read(current.folder.batch).sort_values("rank")
    drawn = pd.concat([batch[batch["arm"] == arm] for arm in ("control", "strategy")])
    trained = current.previous != current.workspace.start
    drawn_from = files.read_json(current.folder.selection)["drawn_from"]
    if not trained or not len(drawn) or drawn_from is None or drawn["draw_probability"].isna().any():
        return dict(UNKNOWN)
    code = {name: number for number, name in enumerate(prepared.classes)}
    given = labels.set_index("item")["label"].map(code)
    true = drawn["item"].map(given)
    labeled = true.notna().to_numpy()
    if not labeled.any():
        return dict(UNKNOWN)
    rows = prepared.pool.rows_of(drawn["item"].tolist())
    said = models.load_learner(current.previous.model).predict_proba(prepared.pool.inputs(rows))
    found = asked_accuracy(
        said.argmax(axis=1) == true.fillna(-1).to_numpy(dtype=np.int64),
        drawn["draw_probability"].to_numpy(dtype=np.float64),
        drawn_from,
        labeled,
        coverage=current.settings.evaluation.interval,
    )
    return {
        "asked_accuracy": found.value,
        "asked_accuracy_low": found.low,
        "asked_accuracy_high": found.high,
        "asked_accuracy_items": found.items,
    }


def sentence(metrics: dict[str, Any]) -> str:
    """For the round's report; empty where nothing is known."""
    if metrics["asked_accuracy"] is None:
        return ""
    within = (
        "too few to give an interval"
        if metrics["asked_accuracy_low"] is None
        else f"{metrics['asked_accuracy_low']:.1%} to {metrics['asked_accuracy_high']:.1%}"
    )
    return (
        f" Accuracy on asked items, weighted: {metrics['asked_accuracy']:.1%} ({within}), for the model of "
        "the round before on all items that were left to ask, from the "
        f"{metrics['asked_accuracy_items']} of this round and the chances they were drawn with."
    )
