"""What a labeling tool must be able to do, seen from the campaign.

The protocol is small so that a server with queues (Label Studio), one with jobs (CVAT), files on a disk and
made-up people all fit:

- nothing dedupes on the tool's side: the campaign finds keys first and pushes what is missing, so `push`
  may be called again after any failure;
- answers are events with an id of their own: a changed answer is a further event, a repeat of a poll
  brings the same ids;
- the tool has a clock: the simulated one runs faster than ours, a server's may be off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol


@dataclass(frozen=True)
class Project:
    """What the tool must know before the first task."""

    campaign: str
    label_type: str
    classes: tuple[str, ...]
    question: str
    input_kind: str
    """text, features or images: decides how the tool shows a payload."""
    payload_columns: tuple[str, ...]


@dataclass(frozen=True)
class Prediction:
    """What the model thinks of an item."""

    value: str
    score: float
    """The class's probability, in [0, 1]."""
    model_version: str
    """Which model: the campaign, the round it was trained in and its digest."""


@dataclass(frozen=True)
class Task:
    """One question to one person: the `copy`-th asking about an item."""

    key: str
    """`<campaign>/<round>/<item>/<copy>`: unique in the campaign, carried by the tool."""
    item: str
    copy: int
    payload: dict[str, object]
    """What the person is shown. Nothing of the arm: annotators must not know."""
    prediction: Prediction | None = None
    """Never for the control, gold and test arms, where it would anchor people."""
    round: str = ""
    """The round that asks, where that is not the key's: a second look, see `LabelTool.push`."""
    not_for: tuple[str, ...] = ()
    """People who have answered the item or skipped it in an earlier round, sorted."""
    person: str = ""
    """Who is asked, where the campaign says; what others answer counts all the same. Empty: anybody."""
    again: bool = False
    """Whether `person` is asked what they have answered before: the question is for nobody else, and looks to
    them like any other."""


@dataclass(frozen=True)
class Receipt:
    """The tool's word that it has a task."""

    key: str
    tool_id: str
    at: datetime | None = None
    """When the tool took it, by the tool's clock (aware, UTC); None where the tool does not tell."""


@dataclass(frozen=True)
class Answer:
    """One event of a task, as the tool tells it; checked by `collect` before it becomes a vote."""

    id: str
    """Unique and stable: the same event has the same id in every poll."""
    key: str
    annotator: str
    value: object
    """What was answered, unchecked; None for a skip or a deletion."""
    action: Literal["submitted", "updated", "deleted", "skipped"]
    answered_at: datetime
    """Aware, UTC."""
    lead_seconds: float | None = None
    cost: float | None = None
    """Money for this answer, where the tool knows it; else annotation.cost_per_vote."""
    prelabel: str | None = None
    """The prediction that was preselected when the person answered; None where none was shown."""
    tool_ref: str | None = None
    """Where a person finds this answer in the tool."""


@dataclass(frozen=True)
class Refusal:
    """Something in the tool that cannot even be read as an answer."""

    where: str
    reason: str
    content: object


@dataclass(frozen=True)
class Poll:
    """What happened in the tool after a point in time."""

    answers: list[Answer]
    """In order of time, ties by id."""
    now: datetime
    """The tool's clock; everything up to here is in `answers`."""
    refusals: list[Refusal] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    """Keys of tasks that open rounds wait for, second looks at older items among them, and that are no longer
    there: somebody has deleted them."""


@dataclass(frozen=True)
class Progress:
    """How far people are with the tasks of one round."""

    asked: int
    answered: int


class LabelTool(Protocol):
    """A place where people label."""

    name: str

    def create(self, project: Project) -> None:
        """Make the campaign's project, or adopt the one that is there; may be called any number of times.

        Raises:
            ToolError: what is there does not fit the project; says how to put it right.
        """
        ...

    def find(self, keys: Sequence[str]) -> list[Receipt]:
        """Receipts of those keys that the tool has already, one a key."""
        ...

    def push(self, tasks: Sequence[Task]) -> list[Receipt]:
        """Add tasks, in order. The caller has made sure that none of them is there.

        A second look asks one more person about an item of an earlier round. Its key goes on where the
        item's copies ended: `<campaign>/<round that asked first>/<item>/2` where two were asked before, so
        `copy + 1` is how many different people the item is wanted of in all, whatever was pushed when, and
        `task.round` names the round that asks now. A tool that holds one task an item lets more people
        have it; a tool that deals tasks gives it to nobody of `task.not_for`. Answers to it come back under
        any key of the item: who counts, and for what, is told by the people (see labelloop/asking.py). The
        receipts are kept in the pushed.jsonl of the round that asks.

        A task with a `person` is given to that one, and to others only when they skip it. One that asks
        `again` has a key of the round that asks, `<campaign>/<round>/<item>/0`, and its answers keep it.

        Raises:
            ToolError: some may have arrived; `find` tells which.
        """
        ...

    def poll(self, since: datetime | None) -> Poll:
        """Everything that happened after `since` (exclusive), all rounds; None means from the beginning."""
        ...

    def progress(self, keys: Sequence[str]) -> Progress:
        """How many of these tasks have an answer or a skip; asks the tool, changes nothing."""
        ...

    def close(self, round_id: str, at: datetime) -> None:
        """Told that a round no longer waits; its open tasks may still be answered. Idempotent."""
        ...
