"""snapshot: every label of the campaign as of the end of the round; what DVC versions."""

from __future__ import annotations

import pandas as pd

from labelloop import tables
from labelloop.stages.gold_arm import read_gold_csv
from labelloop.stages.overruling import kept_verdicts, overrule
from labelloop.stages.runner import Round


def snapshot(current: Round) -> None:
    """Write labels.parquet: fused labels, and labels that came with the data where nobody was asked.
    A reviewer's verdict outranks both.

    Where the round has review gates, labels that wait at one are marked.
    """
    labels = before_review(current)
    labels = overrule(current, current.folder, labels, kept_verdicts(current), current.settings.review)
    tables.LABELS.write(labels.sort_values("item", ignore_index=True), current.folder.labels)


def before_review(current: Round) -> pd.DataFrame:
    """The labels as votes and the data have them; columns of `tables.LABELS`.

    Gold is of no part that anything is trained or tested on.
    """
    fused = tables.FUSED.read(current.folder.fused)
    asked = tables.ASKED.read(current.folder.asked).set_index("item")
    given = tables.LABELS.read(current.workspace.start.labels)
    about = asked.loc[fused["item"]]
    labels = fused.assign(
        status="fused",
        arm=about["arm"].to_numpy(),
        split=[arm if arm in ("test", "gold") else "train" for arm in about["arm"]],
        round=about["round"].to_numpy(),
    )
    given = given[~given["item"].isin(labels["item"])]
    gold = given["item"].isin(list(read_gold_csv(current.folder.gold)))
    given = given.assign(split=given["split"].mask(gold, "gold"))
    tables_to_join = [table for table in (labels, given) if len(table)] or [given]
    return pd.concat(tables_to_join, ignore_index=True)
