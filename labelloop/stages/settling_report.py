"""What a round that asks nobody has counted, in words."""

from __future__ import annotations

import pandas as pd

from labelloop import tables
from labelloop.stages.overruling import METHOD
from labelloop.stages.runner import Round


def settled_words(current: Round) -> str:
    """For the round's report and the command line; needs labels.parquet."""
    before, now = tables.LABELS.read(current.previous.labels), tables.LABELS.read(current.folder.labels)
    more = len(_reviewed(now) - _reviewed(before))
    both = before.merge(now, on="item", suffixes=("_before", ""))
    changed = int((both["label_before"] != both["label"]).sum())
    said = [f"{more} more {'label rests' if more == 1 else 'labels rest'} on a reviewer's word",
            f"{changed} {'label' if changed == 1 else 'labels'} changed"]  # fmt: skip
    new = len(now) - len(both)
    if new:
        said.append(f"{new} {'item has its' if new == 1 else 'items have their'} first label")
    late = len(tables.VOTES.read(current.folder.votes))
    if late:
        said.append(f"{late} {'answer' if late == 1 else 'answers'} had come in late")
    return (f"Nobody was asked: {current.id} counts what was reviewed since {current.previous.id} closed. "
            f"{', '.join(said)}.")  # fmt: skip


def _reviewed(labels: pd.DataFrame) -> set[str]:
    return set(labels.loc[labels["method"] == METHOD, "item"])
