"""fuse: make one label an item out of all votes so far."""

from __future__ import annotations

import pandas as pd

from labelloop import datasets, fusion, tables
from labelloop.stages.runner import Round


def fuse(current: Round) -> None:
    """Write fused.parquet: a posterior for every item with at least one vote."""
    settings = current.settings.fusion
    votes = counting_votes(tables.VOTES.read(current.folder.collected))
    classes = datasets.open_prepared(current.workspace.data).classes
    fused = fusion.fuse_table(votes, classes, settings.method, settings.options)
    tables.FUSED.write(fused, current.folder.fused)


def counting_votes(events: pd.DataFrame) -> pd.DataFrame:
    """The answer that stands of each annotator about each item: their latest, unless taken back."""
    events = events[events["action"] != "skipped"]
    latest = events.sort_values(["answered_at", "vote"], kind="stable").drop_duplicates(
        ["item", "annotator"], keep="last"
    )
    return latest[latest["action"] != "deleted"].reset_index(drop=True)
