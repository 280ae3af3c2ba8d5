"""What waits at review gates, as a table to fill in, and who may say what at which gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from labelloop import files
from labelloop.errors import DataError, SettingsError
from labelloop.reviewing.gates import DRAWN, Place
from labelloop.settings.review import Gate, Review
from labelloop.spreadsheet import sheet

OPEN = ("item", "gate", "reason", "label", "confidence", "votes", "said", "text", "answer", "note", "queue")
BLIND = ("item", "gate", "text", "answer", "note", "queue")
"""Columns of a gate's queue that shows what is known, but for labels that it drew, and of a blind one."""


@dataclass(frozen=True)
class Waiting:
    """A label that a gate holds."""

    item: str
    place: Place
    label: str
    """By the last verdict that may be shown, else by votes; empty without either."""
    confidence: float | None
    """By votes; None where they made no label."""
    votes: int


def waiting_rows(labels: pd.DataFrame, found: Mapping[str, Place], gate: str) -> list[Waiting]:
    """What waits at the gate, by item.

    Args:
        labels: columns of `tables.LABELS`, as votes and the data have them.
        found: where labels stand, by item.
    """
    by_item = labels.set_index("item")[["label", "confidence", "votes"]].to_dict("index")
    rows = []
    for item, place in found.items():
        if place.waits_at == gate:
            votes = by_item.get(item, {"label": "", "confidence": None, "votes": 0})
            label = place.shown[-1].label if place.shown else str(votes["label"])
            rows.append(Waiting(item, place, label, votes["confidence"], int(votes["votes"])))
    return sorted(rows, key=lambda row: row.item)


def is_hidden(row: Waiting, blind: bool) -> bool:
    """Whether the row shows the item alone; one that the gate drew does on every queue, since these tell how
    many labels are wrong."""
    return blind or DRAWN in row.place.why


def in_reading_order(rows: Sequence[Waiting], seed: int, *, blind: bool) -> list[Waiting]:
    """Rows that show what is known, the least sure first; then the others, in an order that tells nothing."""

    def place(row: Waiting) -> tuple[bool, float, str]:
        if is_hidden(row, blind):
            return True, 0.0, files.digest_of(["queue", seed, row.item])
        return False, row.confidence or 0.0, row.item

    return sorted(rows, key=place)


def gates_as_csv(rows: Sequence[Waiting], texts: Mapping[str, str], *, name: str, blind: bool) -> str:
    """The queue as CSV; `answer` and `note` are empty, for the reviewer.

    Args:
        texts: what items show, by item.
        name: the queue's id, see `handed_out`; in every row.
        blind: columns `BLIND`; otherwise `OPEN`, of which `said` is what reviewers have said before. These
            are empty in the rows that the gate drew.

    No cell is taken for a formula by a spreadsheet.
    """
    columns, cells = BLIND if blind else OPEN, []
    for row in rows:
        cell = {"item": row.item, "gate": row.place.waits_at, "queue": name,
                "text": " ".join(texts.get(row.item, "").split())[:500]}  # fmt: skip
        if not is_hidden(row, blind):
            confidence = "" if row.confidence is None else f"{row.confidence:.3f}"
            cell |= {"reason": why_it_waits(row), "label": row.label, "confidence": confidence,
                     "votes": str(row.votes), "said": _said(row.place)}  # fmt: skip
        cells.append([cell.get(column, "") for column in columns])
    return sheet(columns, cells)


def why_it_waits(row: Waiting) -> str:
    """In words; empty where the gate wants one more reviewer and looks for nothing any more."""
    return "; ".join(row.place.why)


def _said(place: Place) -> str:
    return "; ".join(f"{one.by}: {one.label}" + (f" ({one.note})" if one.note else "") for one in place.shown)


def known_gate(review: Review, name: str) -> Gate:
    """The gate of that name.

    Raises:
        SettingsError: there is none; names those there are.
    """
    for gate in review.gates:
        if gate.name == name:
            return gate
    there = ", ".join(gate.name for gate in review.gates)
    raise SettingsError(f"no review gate is called '{name}'; " + (
        f"params.yaml has: {there}" if there else "params.yaml has none (review.gates)"))  # fmt: skip


@dataclass(frozen=True)
class Desk:
    """Where one reviewer's verdicts are taken in."""

    review: Review
    by: str
    find_places: Callable[[], Mapping[str, Place]]
    """Where all labels stand; asked only if there are gates."""

    @cached_property
    def _places(self) -> Mapping[str, Place]:
        return self.find_places()

    def admit(self, item: str, said: str, chosen: str = "") -> str:
        """The gate at which a verdict about the item counts; empty where the campaign has none.

        Args:
            said: the gate that the reviewer's file names; empty where it names none.
            chosen: the one that was named when it was taken in. Without either it is `_gate_for`.

        Raises:
            SettingsError: there is no such gate.
            DataError: two gates are named; it is not this reviewer's, or the label is not there yet.
        """
        if not self.review.gates and not (said or chosen):
            return ""
        gate = said or chosen or self._gate_for(item)
        if chosen and gate != chosen:
            raise DataError(f"the verdict about {item!r} is of the gate '{said}', and --gate says '{chosen}'")
        found = known_gate(self.review, gate)
        if found.by and self.by not in found.by:
            raise DataError(
                f"{self.by} is not among the reviewers of the gate '{gate}': {', '.join(found.by)}"
            )
        names = [one.name for one in self.review.gates]
        place = self._places.get(item)
        if place is not None and place.waits_at and names.index(place.waits_at) < names.index(gate):
            raise DataError(f"item {item!r} still waits at the gate '{place.waits_at}', which comes before "
                            f"'{gate}'")  # fmt: skip
        return gate

    def _gate_for(self, item: str) -> str:
        """The gate of a verdict that names none.

        That where this reviewer has spoken about the item before: whoever corrects themselves, or takes a
        file in twice, is no second reader. Else that where the label waits. Where it waits at none, the
        furthest that has had a word about it, so that the correction counts, else the first; of those that
        are theirs.
        """
        place = self._places.get(item)
        words = place.words if place is not None else ()
        mine = {one.gate for one in words if one.by == self.by}
        open_ones = [gate.name for gate in self.review.gates if not gate.by or self.by in gate.by]
        spoken = [name for name in open_ones if name in mine]
        if spoken:
            return spoken[-1]
        if place is not None and place.waits_at:
            return place.waits_at
        heard = [name for name in open_ones if name in {one.gate for one in words}]
        return (heard[-1:] or open_ones[:1] or [self.review.gates[0].name])[0]
