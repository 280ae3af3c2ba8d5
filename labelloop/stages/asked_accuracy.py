"""What a round's own answers say of the model before it: accuracy on asked items whose chances are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from labelloop import files, models, tables
from labelloop.datasets.base import Prepared
from labelloop.evaluation.intervals import wilson
from labelloop.evaluation.weighted import FEWEST, Estimate, asked_accuracy, chosen_accuracy
from labelloop.stages.runner import Round

UNKNOWN: dict[str, Any] = {
    "asked_accuracy": None,
    "asked_accuracy_low": None,
    "asked_accuracy_high": None,
    "asked_accuracy_items": None,
    "asked_accuracy_by": None,
}
DRAWS, CHANCES, CONTROL = "draws", "chances", "control"
"""What it rests on, best first: both arms with the chance of every draw, the strategy's arm with each
item's chance to be in it, the control items alone."""
ROUNDING = 0.005
"""Of the items that picks stand for, what may be missing by rounding."""


def on_asked_items(current: Round, prepared: Prepared, labels: pd.DataFrame) -> dict[str, Any]:
    """Accuracy of the model of the round before over the items left to ask then, from this round's labels.

    That model never saw these labels. The control items are drawn evenly from what was left, before anything
    else, so they always tell. Where every draw of the strategy's arm has a known chance too (`random`,
    `power_*`, no composition but a filter that keeps out nothing that was left) both arms tell together, by
    LURE weights. Where `random` draws in strata or from a subsample its items' own chances are known, and
    inverse probabilities weigh them. All None in r000 and where no such item has a label.

    Returns:
        asked_accuracy, asked_accuracy_low, asked_accuracy_high (None with too few effective items),
        asked_accuracy_items (drawn and labeled) and asked_accuracy_by (draws, chances or control).
    """
    if current.previous == current.workspace.start:
        return dict(UNKNOWN)
    batch = tables.BATCH.read(current.folder.batch).sort_values("rank")
    by, drawn = _told_by(current, batch)
    code = {name: number for number, name in enumerate(prepared.classes)}
    true = drawn["item"].map(labels.set_index("item")["label"].map(code))
    labeled = true.notna().to_numpy()
    if not labeled.any():
        return dict(UNKNOWN)
    rows = prepared.pool.rows_of(drawn["item"].tolist())
    said = models.load_learner(current.previous.model).predict_proba(prepared.pool.inputs(rows))
    right = said.argmax(axis=1) == true.fillna(-1).to_numpy(dtype=np.int64)
    found = _estimate(current, by, drawn, right, labeled)
    return {
        "asked_accuracy": found.value,
        "asked_accuracy_low": found.low,
        "asked_accuracy_high": found.high,
        "asked_accuracy_items": found.items,
        "asked_accuracy_by": by,
    }


def _told_by(current: Round, batch: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """What is known of the chances, and the items that it is known of, in the order they were drawn."""
    selection = files.read_json(current.folder.selection)
    control, strategy = (batch[batch["arm"] == arm] for arm in ("control", "strategy"))
    both = pd.concat([control, strategy])
    if selection["drawn_from"] is not None and both["draw_probability"].notna().all():
        # Draws among what a filter lets in say nothing of the rest, and the figure is about all.
        among = selection["drawn_from"] - len(control)
        if selection.get("drawn_among", among) == among:
            return DRAWS, both
    # Only `random` gives all that the composition lets in a chance; what a filter keeps out has none, nor has
    # a stratum too small for its share to be an item. Then the picks do not stand for all that was left.
    random = selection["strategy"] == "random" and selection["drawn_from"] is not None
    everywhere = random and not current.settings.acquisition.compose.filter
    if everywhere and len(strategy) and strategy["probability"].notna().all():
        stand_for = (1 / strategy["probability"]).sum()
        if stand_for > (1 - ROUNDING) * (selection["drawn_from"] - len(control)):
            return CHANCES, strategy
    return CONTROL, control


def _estimate(
    current: Round, by: str, drawn: pd.DataFrame, right: np.ndarray, labeled: np.ndarray
) -> Estimate:
    coverage = current.settings.evaluation.interval
    if by == DRAWS:
        draws = drawn["draw_probability"].to_numpy(dtype=np.float64)
        drawn_from = files.read_json(current.folder.selection)["drawn_from"]
        return asked_accuracy(right, draws, drawn_from, labeled, coverage=coverage)
    if by == CHANCES:
        chances = drawn["probability"].to_numpy(dtype=np.float64)
        return chosen_accuracy(right[labeled], chances[labeled], coverage=coverage)
    count, items = int(right[labeled].sum()), int(labeled.sum())
    # A plain random sample: no weights, and an interval that holds however few there are.
    low, high = wilson(count, items, coverage)
    return Estimate(count / items, low, high, items, float(items))


_OF = {
    DRAWS: " Accuracy on asked items, weighted by the chances they were drawn with: ",
    CHANCES: " Accuracy on the strategy's items, weighted by their chances to be picked: ",
    CONTROL: " Accuracy on this round's control items, a plain random sample of what was left to ask: ",
}


def sentence(metrics: dict[str, Any]) -> str:
    """For the round's report; empty where nothing is known, or of too few items to be worth a sentence."""
    if metrics["asked_accuracy"] is None or metrics["asked_accuracy_items"] < FEWEST:
        return ""
    within = (
        "too few to give an interval"
        if metrics["asked_accuracy_low"] is None
        else f"{metrics['asked_accuracy_low']:.1%} to {metrics['asked_accuracy_high']:.1%}"
    )
    return (
        f"{_OF[metrics['asked_accuracy_by']]}{metrics['asked_accuracy']:.1%} ({within}), from "
        f"{metrics['asked_accuracy_items']} items, for the model of the round before on all that was left to "
        "ask."
    )
