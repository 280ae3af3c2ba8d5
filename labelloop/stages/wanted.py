"""How many different people a round wants about each of its items, and what earlier rounds know of those."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from labelloop import tables
from labelloop.asking import Asking, Event

MOST_NAMES = 20
"""People, and items, that a sentence names."""


@dataclass(frozen=True)
class Wanted:
    """The round's items, as `labelloop.asking.Asking` takes them."""

    copies: dict[str, int]
    """Different people wanted about each item, those of earlier rounds included."""
    before: dict[str, int]
    """How many of them earlier rounds have asked, of items that are asked about again."""

    @cached_property
    def asked(self) -> int:
        """Answers that this round asks for."""
        return sum(self.copies.values()) - sum(self.before.values())


def wanted_of(tasks: Path) -> Wanted:
    """What a round's tasks.parquet says: an item's copies are counted from its first asking on."""
    table = pq.read_table(tasks, columns=["item", "arm", "copy"])
    copies: dict[str, int] = {}
    first: dict[str, int] = {}
    for item, arm, copy in zip(*(column.to_pylist() for column in table.columns), strict=True):
        if arm == tables.REASK:  # no round waits for these
            continue
        copies[item] = max(copies.get(item, 0), copy + 1)
        first[item] = min(first.get(item, copy), copy)
    return Wanted(copies, {item: copy for item, copy in first.items() if copy})


def still_asked(routing: Path, asking: Asking) -> str:
    """Whose answers are waited for, how many of each, and what is anybody's by now, in words.

    Empty where anybody may answer anything.

    Args:
        routing: the round's routing.parquet.
    """
    if not routing.exists():
        return ""
    table = pq.read_table(routing, columns=["item", "annotator", "why"]).to_pydict()
    asked = [(item, who) for item, who, why in zip(*table.values(), strict=True) if why != tables.REASK]
    due = [(item, who) for item, who in asked if item in asking.copies and asking.is_open_to(item, who)]
    left, coming = Counter(who for _, who in due), Counter(item for item, _ in due)
    most = sorted(left, key=lambda who: (-left[who], who))
    parts = []
    if most:
        parts.append(f"asked are {_first([f'{who} ({left[who]})' for who in most])}")
    # Where those who are asked are too few for the answers that are missing, somebody else has to come.
    anybody = [
        item
        for item in asking.waiting_for_others()
        if asked and asking.copies[item] - asking.answers(item) > coming[item]
    ]
    if anybody:
        parts.append(f"anybody else may answer {_first(anybody)} (with files: in tasks.csv, or in "
                     "answers-<name>.csv)")  # fmt: skip
    return "; ".join(parts)


def _first(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def events_of(votes: pd.DataFrame, items: Collection[str]) -> list[Event]:
    """Votes about the given items, as far as closing a round goes."""
    mine = votes[votes["item"].isin(list(items)) & (votes["action"] != tables.REASKED)]
    columns = (mine[name].tolist() for name in ("vote", "item", "annotator", "action"))
    times = [time.to_pydatetime() for time in mine["answered_at"]]
    return [Event(*values) for values in zip(times, *columns, strict=True)]


def earlier_events(before: pd.DataFrame, wanted: Wanted) -> list[Event]:
    """What earlier rounds have collected about the items that are asked about again."""
    return events_of(before, wanted.before) if wanted.before else []
