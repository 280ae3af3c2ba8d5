"""Why an item of a filled queue was on it, and what the reviewer was shown: looked up when it is taken in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

from labelloop.errors import DataError
from labelloop.ledger import Ledger
from labelloop.reviewing.handed_out import Handed, handed_out
from labelloop.reviewing.queue import RANDOM
from labelloop.reviewing.round_list import drawn_items
from labelloop.stages.review_queue import labels_by_votes
from labelloop.stages.runner import Round
from labelloop.stages.snapshot import before_review
from labelloop.workspace import Workspace

ROUND_ID = re.compile(r"r[0-9]{3,}")
"""What stands in the column `queue` of a round's review list."""

EMPTIED = (
    "empty the columns queue and reason: the verdict then changes the label, and tells nothing about how "
    "many are wrong"
)
UNKNOWN_QUEUE = f"take it in where it was written, or {EMPTIED}"


class WrittenQueues:
    """What the queues that were written say of their items; read as far as somebody asks."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lists: dict[str, dict[str, str]] = {}
        self._drawn: dict[str, frozenset[str]] = {}

    @cached_property
    def _queues(self) -> dict[str, dict[str, Handed]]:
        return handed_out(self._workspace.queues)

    @cached_property
    def _ledger(self) -> Ledger:
        return Ledger.read(self._workspace.ledger)

    def row(self, item: str, cells: Mapping[str, str]) -> Handed:
        """Why the item was on the reviewer's queue, with which label, and whether that was hidden.

        Args:
            cells: of the row. Without a column `queue`, as in files of earlier versions and in those that
                somebody made by hand, they say what was shown.
        """
        name = cells.get("queue", "")
        said = Handed(cells.get("reason", ""), cells.get("label", ""), blind=False)
        if not name:
            return said
        if ROUND_ID.fullmatch(name):
            if self._ledger.open is not None and self._ledger.open.id == name:
                raise DataError(f"{name} is still open; its review list counts once the round has closed "
                                "(`labelloop advance`)")  # fmt: skip
            if said.reason != RANDOM:
                return said
            if item not in self._drawn_by(name):
                raise DataError(f"item {item!r} is not among those that the review list of {name} has drawn "
                                f"at random: {EMPTIED}")  # fmt: skip
            return said if said.label else Handed(RANDOM, self._label_of(item, name), blind=True)
        if name not in self._queues:
            raise DataError(f"the queue {name} was not written in this campaign folder (its queues.jsonl has "
                            f"those that were): {UNKNOWN_QUEUE}")  # fmt: skip
        if item not in self._queues[name]:
            raise DataError(f"item {item!r} is not on the queue {name}: {EMPTIED}")
        return self._queues[name][item]

    def _drawn_by(self, round_id: str) -> frozenset[str]:
        """Items on a round's list that it has drawn at random."""
        if round_id not in self._drawn:
            if round_id not in self._ledger.rounds:
                raise DataError(f"the review list of {round_id} is not of this campaign: {UNKNOWN_QUEUE}")
            content = self._workspace.round(round_id).review.read_text(encoding="utf-8")
            self._drawn[round_id] = frozenset(drawn_items(content))
        return self._drawn[round_id]

    def _label_of(self, item: str, round_id: str) -> str:
        """By the votes of a round, which has drawn the item for its list."""
        if round_id not in self._lists:
            self._lists[round_id] = labels_by_votes(before_review(Round(self._workspace, round_id)))
        return self._lists[round_id].get(item, "")
