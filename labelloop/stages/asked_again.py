"""Items that a round asks about again: where their copies go on, and who has had them before."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from labelloop import tables
from labelloop.stages.runner import Round


class AskedAgain(NamedTuple):
    """What earlier rounds made of an item."""

    round: str
    """The round that asked first."""
    before: int
    """Different people that earlier rounds wanted: the number of the next copy."""
    people: tuple[str, ...]
    """Who has answered it or skipped it so far, sorted; a withdrawn answer was one."""


def asked_again(current: Round, batch: pd.DataFrame) -> dict[str, AskedAgain]:
    """The batch's second looks, by item; empty where there are none."""
    further = batch.loc[batch["arm"] == "relabel"].set_index("item")["overlap"]
    if not len(further):
        return {}
    asked = tables.ASKED.read(current.folder.asked).set_index("item").loc[further.index]
    people = people_asked(tables.VOTES.read(current.previous.collected), set(further.index))
    columns = (asked.index, asked["round"], asked["overlap"], further)
    return {
        str(item): AskedAgain(str(round_id), int(overlap - more), people.get(str(item), ()))
        for item, round_id, overlap, more in zip(*columns, strict=True)
    }


def people_asked(votes: pd.DataFrame, items: set[str]) -> dict[str, tuple[str, ...]]:
    """Who has said anything about each of these items, sorted; an item nobody has is left out."""
    mine = votes.loc[votes["item"].isin(items), ["item", "annotator"]].drop_duplicates()
    return {str(item): tuple(sorted(people)) for item, people in mine.groupby("item")["annotator"]}
