"""Who has answered and who has skipped each item of a round, and when the round may close.

Everything follows from the events and their own times, never from when somebody looked. A copy of an item
counts once a further person has answered it. A skip uses no copy up: the item is asked of others, until as
many people have skipped it as settings say, or nobody is left who could answer. Then it is given up: its
remaining copies count, and it goes to the review list.

A second look asks more people about an item of an earlier round. Copies are counted from the item's first
asking on, and so are people: whoever has answered it in any round is one of those who were wanted, and only
the copies beyond `before` are this round's to wait for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from labelloop.campaign import Annotation
from labelloop.tables import REASKED


class Event(NamedTuple):
    """One vote, as far as closing a round goes."""

    at: datetime
    id: str
    item: str
    annotator: str
    action: str


@dataclass(frozen=True)
class Closing:
    """When a round closes, and why."""

    at: datetime
    reason: str
    answered: int
    """Copies that have an answer."""


class Asking:
    """The state of a round's items as events come in."""

    def __init__(
        self, copies: Mapping[str, int], annotation: Annotation, before: Mapping[str, int] | None = None
    ) -> None:
        """Nobody has said anything.

        Args:
            copies: different people asked about each item, 1 or more.
            before: those of them whom earlier rounds have asked; 0 for items that are not named.
        """
        self.copies = copies
        self._before = {} if before is None else before
        self.asked = sum(copies.values()) - sum(self._before.values())
        self.answered = 0
        """Copies that have an answer."""
        self.done = 0
        """Copies that are no longer waited for."""
        self.enough_skips = annotation.skips_to_review
        """Different people whose skips give an item up."""
        self._people = known_people(annotation)
        self._answers: dict[str, set[str]] = {}
        self._skips: dict[str, dict[str, datetime]] = {}
        self._gone: set[str] = set()

    def take(self, event: Event) -> None:
        """Let one event happen; of one person about one item the last counts, and no answer to a re-ask."""
        item = event.item
        if item not in self.copies or event.action == REASKED:
            return
        answered, done = self._count(item)
        answers, skips = self._answers.setdefault(item, set()), self._skips.setdefault(item, {})
        answers.discard(event.annotator)
        skips.pop(event.annotator, None)
        if event.action in ("submitted", "updated"):
            answers.add(event.annotator)
        elif event.action == "skipped":
            skips[event.annotator] = event.at
        self._recount(item, answered, done)

    def lose(self, item: str) -> None:
        """The tool has the item no more."""
        if item in self.copies:
            answered, done = self._count(item)
            self._gone.add(item)
            self._recount(item, answered, done)

    def answers(self, item: str) -> int:
        """Different people who have answered the item."""
        return len(self._answers.get(item, ()))

    def is_open_to(self, item: str, annotator: str) -> bool:
        """Whether an answer is missing, and this person has said nothing."""
        if self.is_given_up(item) or self.answers(item) >= self.copies[item]:
            return False
        return annotator not in self._answers.get(item, ()) and annotator not in self.skips(item)

    def skips(self, item: str) -> dict[str, datetime]:
        """When each of those skipped it whose last word that is."""
        return self._skips.get(item, {})

    def is_gone(self, item: str) -> bool:
        """Whether the tool has lost the item."""
        return item in self._gone

    def is_given_up(self, item: str) -> bool:
        """Whether no further answer is waited for although one is missing."""
        if self.answers(item) >= self.copies[item]:
            return False
        skips = self.skips(item)
        if item in self._gone or len(skips) >= self.enough_skips:
            return True
        return bool(skips) and self._people is not None and self._people <= self._answers[item] | set(skips)

    def given_up(self) -> list[str]:
        """Items that are given up, sorted."""
        return sorted(item for item in {*self._skips, *self._gone} if self.is_given_up(item))

    def waiting_for_others(self) -> list[str]:
        """Items that somebody has skipped and that still lack an answer, sorted."""
        return sorted(
            item
            for item, skips in self._skips.items()
            if skips and self.answers(item) < self.copies[item] and not self.is_given_up(item)
        )

    def _count(self, item: str) -> tuple[int, int]:
        before = self._before.get(item, 0)
        answered = max(0, min(self.answers(item), self.copies[item]) - before)
        return answered, self.copies[item] - before if self.is_given_up(item) else answered

    def _recount(self, item: str, answered: int, done: int) -> None:
        now = self._count(item)
        self.answered += now[0] - answered
        self.done += now[1] - done


def state_of(
    events: Iterable[Event],
    copies: Mapping[str, int],
    annotation: Annotation,
    gone: Iterable[str] = (),
    before: Mapping[str, int] | None = None,
) -> Asking:
    """What holds after all of these events, and with these items gone from the tool."""
    asking = Asking(copies, annotation, before)
    for event in sorted(events):
        asking.take(event)
    for item in gone:
        asking.lose(item)
    return asking


def known_people(annotation: Annotation) -> frozenset[str] | None:
    """Everybody who can answer, where settings tell; None where anybody may come."""
    named = frozenset(annotation.annotators)
    if annotation.tool == "simulated":
        crew = frozenset(person.name for person in annotation.simulation.annotators)
        return crew & named if named else crew
    return named or None


def usual_people(annotation: Annotation) -> frozenset[str] | None:
    """Of those the ones who are asked about everything, not only when others are at a loss."""
    everybody = known_people(annotation)
    return None if everybody is None else everybody - annotation.routing.experts


def experts_left(annotation: Annotation) -> frozenset[str]:
    """The upper tier, as far as they can answer: paused, they are not in `annotation`'s names."""
    return (known_people(annotation) or frozenset()) & annotation.routing.experts


def closing_time(
    events: Iterable[Event],
    copies: Mapping[str, int],
    pushed: datetime,
    annotation: Annotation,
    gone: Mapping[str, datetime] | None = None,
    *,
    before: Mapping[str, int] | None = None,
    earlier: Iterable[Event] = (),
) -> Closing | None:
    """The earliest moment at which the round may close, judged by the times of the events.

    That is when every copy counts or, with a deadline, as soon as it is over and the quorum is in.

    Args:
        events: in any order; those about other items do not matter.
        copies: different people asked about each item of the round.
        pushed: when the round was pushed.
        gone: items that the tool has lost, and when that was noticed.
        before: see `Asking`.
        earlier: events about the items that earlier rounds have collected; no round closes by them alone.

    Returns:
        None while neither can be said yet.
    """
    if not copies:
        return Closing(pushed, "nothing was asked", 0)
    asking = Asking(copies, annotation, before)
    deadline, needed = None, asking.asked
    if annotation.deadline_hours is not None:
        deadline = pushed + timedelta(hours=annotation.deadline_hours)
        needed = math.ceil(annotation.quorum * asking.asked)
    losses = [Event(at, "", item, "", "gone") for item, at in (gone or {}).items()]
    # What earlier rounds have collected was known before, whatever a clock that was set back says since.
    for event in sorted(earlier):
        asking.take(event)
    for at, together in groupby(sorted([*events, *losses]), key=lambda event: event.at):
        if deadline is not None and at > deadline and asking.done >= needed:
            return _at_deadline(asking, deadline, annotation)
        for event in together:
            if event.action == "gone":
                asking.lose(event.item)
            else:
                asking.take(event)
        if asking.done == asking.asked:
            return Closing(at, _all_said(asking), asking.answered)
        if deadline is not None and at >= deadline and asking.done >= needed:
            return _at_deadline(asking, at, annotation)
    if deadline is not None and asking.done >= needed:
        return _at_deadline(asking, deadline, annotation)
    return None


def hint_of(asking: Asking) -> str:
    """What somebody should know about items that are skipped or gone; empty where nothing is."""
    parts = []
    waiting = asking.waiting_for_others()
    if waiting:
        people = sorted({person for item in waiting for person in asking.skips(item)})
        named = ", ".join(people[:5]) + (f" and {len(people) - 5} more" if len(people) > 5 else "")
        were, wait = ("item was", "waits") if len(waiting) == 1 else ("items were", "wait")
        parts.append(f"{len(waiting)} {were} skipped by {named} and {wait} for somebody else to answer or "
                     f"skip (annotation.skips_to_review: {asking.enough_skips})")  # fmt: skip
    given_up = asking.given_up()
    gone = [item for item in given_up if asking.is_gone(item)]
    if gone:
        were = "item was" if len(gone) == 1 else "items were"
        parts.append(f"{len(gone)} {were} deleted in the tool ({gone[0]} first); the round goes on without, "
                     "and they go to the review list")  # fmt: skip
    if len(given_up) > len(gone):
        skipped = len(given_up) - len(gone)
        were, go = ("item was", "goes") if skipped == 1 else ("items were", "go")
        parts.append(f"{skipped} {were} skipped by too many and {go} to the review list")
    return "; ".join(parts)


def _at_deadline(asking: Asking, at: datetime, annotation: Annotation) -> Closing:
    reason = (f"deadline of {annotation.deadline_hours:g} h over with {asking.answered} of {asking.asked} "
              f"answers (quorum {annotation.quorum:.0%})")  # fmt: skip
    return Closing(at, reason + _more(asking), asking.answered)


def _all_said(asking: Asking) -> str:
    more = _more(asking)
    return f"all answered, but for {more.removeprefix('; ')}" if more else "all answered"


def _more(asking: Asking) -> str:
    items = len(asking.given_up())
    return f"; {items} {'item' if items == 1 else 'items'} given up (review.csv)" if items else ""
