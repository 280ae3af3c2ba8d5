"""What a round's second looks brought, for its metrics and its report."""

from __future__ import annotations

from typing import Any

import pandas as pd

from labelloop import tables
from labelloop.reviewing.round_list import count_rows
from labelloop.stages.runner import Round


def second_look_counts(current: Round, batch: pd.DataFrame, labels: pd.DataFrame) -> dict[str, int]:
    """For metrics.json; empty in a campaign without second looks.

    Returns:
        `second_looks` (answers that came in about items of the relabel arm), `second_look_items`,
        `labels_changed` (those whose label is another than before), `labels_settled` (those that reached the
        target) and `still_unsure` (items that the review list got for that reason).
    """
    annotation = current.settings.annotation
    if annotation.max_overlap is None:
        return {}
    items = set(batch.loc[batch["arm"] == "relabel", "item"])
    before = tables.LABELS.read(current.previous.labels)
    then = before[before["item"].isin(items)].set_index("item")
    now = labels[labels["item"].isin(items)].set_index("item")
    # Where all who answered were paused, or took it back, an item has no label any more.
    then = then.loc[then.index.intersection(now.index)]
    now = now.loc[then.index]
    settled = (then["confidence"] < annotation.target_confidence) & (
        now["confidence"] >= annotation.target_confidence
    )
    return {
        "second_looks": int((now["votes"] - then["votes"]).clip(lower=0).sum()),
        "second_look_items": len(items),
        "labels_changed": int((now["label"] != then["label"]).sum()),
        "labels_settled": int(settled.sum()),
        "still_unsure": count_rows(current.folder.review.read_text(encoding="utf-8"))[1],
    }


def second_look_sentences(picked: dict[str, Any], metrics: dict[str, Any]) -> str:
    """For report.md; empty in a campaign without second looks."""
    if "second_looks" not in metrics:
        return ""
    said = [picked["second_looks"]["reason"]] if "second_looks" in picked else []
    if metrics["second_look_items"]:
        said.append(
            f"{metrics['second_looks']} answers about {metrics['second_look_items']} older items came in: "
            f"{metrics['labels_changed']} labels changed, {metrics['labels_settled']} reached the target."
        )
    if metrics["still_unsure"]:
        were = "item is" if metrics["still_unsure"] == 1 else "items are"
        said.append(f"{metrics['still_unsure']} {were} still unsure with all answers that may be asked for; "
                    "review.csv has them.")  # fmt: skip
    return "\n\n" + " ".join(said) if said else ""
