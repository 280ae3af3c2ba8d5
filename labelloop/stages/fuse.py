"""fuse: make one label an item out of all votes so far."""

from __future__ import annotations

from labelloop import datasets, fusion, tables
from labelloop.stages.runner import Round


def fuse(current: Round) -> None:
    """Write fused.parquet: a posterior for every item with at least one vote."""
    settings = current.settings.fusion
    votes = tables.VOTES.read(current.folder.collected)
    classes = datasets.open_prepared(current.workspace.data).classes
    fused = fusion.fuse_table(votes, classes, settings.method, settings.options)
    tables.FUSED.write(fused, current.folder.fused)
