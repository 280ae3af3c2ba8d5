"""Made-up people: who takes which task, when each is done, and what is answered.

All of it is a pure function of the seed, the round's tasks, the time they were pushed and the crew, so a
campaign that was killed, polled more often or pushed in two halves sees the same people do the same things.
Every chance is a SHA-256 of what it belongs to: no generator has a state that could get out of step.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import NormalDist

from labelloop.adapters.tools.base import Answer
from labelloop.adapters.tools.keys import TaskKey
from labelloop.errors import SettingsError
from labelloop.settings.simulation import SimulatedAnnotator

OPENS, CLOSES = 9, 17
"""Hours of the day, UTC, between which people work."""

SPREAD = 0.5
"""Standard deviation of the logarithm of the time for one answer."""

_NORMAL = NormalDist()


@dataclass(frozen=True)
class Draw:
    """The chances behind one answer, each in (0, 1) and independent of the others."""

    skip: float
    value: float
    pace: float

    @classmethod
    def of(cls, seed: int, annotator: str, item: str, round_id: str) -> Draw:
        name = json.dumps([seed, annotator, item, round_id]).encode()
        digest = hashlib.sha256(name).digest()
        # 53 bits are what a float holds; half a step keeps both ends out.
        return cls(*((int.from_bytes(digest[i : i + 8], "big") >> 11) / 2**53 + 2**-54 for i in (0, 8, 16)))


def answer_chances(annotator: SimulatedAnnotator, true: str, classes: Sequence[str]) -> list[float]:
    """Chances of each class, in the order of `classes`, where the right answer is `true`; they sum to 1."""
    if true in annotator.confusion:
        row = annotator.confusion[true]
        chances = [row.get(name, 0.0) for name in classes]
        chances[classes.index(true)] += max(0.0, 1.0 - sum(row.values()))
        return chances
    others = (1.0 - annotator.accuracy) / max(1, len(classes) - 1)
    return [annotator.accuracy if name == true else others for name in classes]


def check_crew(crew: Sequence[SimulatedAnnotator], classes: Sequence[str]) -> None:
    """Refuse confusions about classes that do not exist.

    Raises:
        SettingsError: names the annotator and the class.
    """
    for annotator in crew:
        named = {*annotator.confusion, *(name for row in annotator.confusion.values() for name in row)}
        unknown = sorted(named - set(classes))
        if unknown:
            raise SettingsError(f"annotation.simulation: the confusion of '{annotator.name}' names "
                                f"{unknown}; the classes are {list(classes)}")  # fmt: skip


def work(
    tasks: Sequence[TaskKey],
    *,
    start: datetime,
    crew: Sequence[SimulatedAnnotator],
    cost_per_vote: float,
    truth: Mapping[str, str],
    classes: Sequence[str],
    seed: int,
    skips_to_review: int,
    not_for: Mapping[str, Collection[str]] | None = None,
    people: Mapping[str, str] | None = None,
    again: Collection[str] = (),
) -> list[Answer]:
    """Let the crew work through one round.

    Whoever is free first takes the next task that is for them or for anybody, about an item that they have
    not had; nobody is asked twice about one item, but where a task asks somebody again. First copies come
    first, in an order that depends on the items alone; a copy that was skipped goes before all that, to
    somebody else. An item that `skips_to_review` people have skipped is dealt out no more. Copies beyond the
    crew's size stay unanswered. A skip is not paid.

    Args:
        tasks: of one round, distinct, in any order.
        start: when the round was pushed, aware, UTC.
        truth: the right answer to every item.
        not_for: names of those who have had an item in an earlier round, by item.
        people: whom a task is for, by key; others get it once it was skipped, if they have no task of their
            own about the item.
        again: keys of tasks that ask somebody again; nobody else ever gets them.

    Returns:
        Of each task any number of skips and at most one answer, in order of time, ties by id.
    """
    queue = sorted(tasks, key=lambda task: (task.copy, _shuffled(seed, task)))
    had = [{item for item, people in (not_for or {}).items() if one.name in people} for one in crew]
    codes = {person.name: number for number, person in enumerate(crew)}
    whose = [
        codes.get(name, len(crew)) if (name := (people or {}).get(task.text)) else None for task in queue
    ]
    deal = _Deal(queue, had, skips_to_review, whose, [task.text in again for task in queue])
    turns = [0] * len(queue)
    # What happens next: a skipped copy is free again (0) before anybody takes another (1).
    coming = [(_working_moment(start, person.days_off), 1, who) for who, person in enumerate(crew)]
    heapq.heapify(coming)
    idle: set[int] = set()
    answers = []
    while coming:
        moment, kind, number = heapq.heappop(coming)
        if kind == 0:
            if deal.give_back(number):
                for who in sorted(idle):
                    heapq.heappush(coming, (_working_moment(moment, crew[who].days_off), 1, who))
                idle.clear()
            continue
        place = deal.take(number)
        if place is None:
            idle.add(number)
            continue
        person = crew[number]
        answer = _answer(
            queue[place],
            person,
            moment,
            turn=turns[place],
            true=truth[queue[place].item],
            classes=classes,
            seed=seed,
            cost_per_vote=cost_per_vote,
        )
        turns[place] += 1
        answers.append(answer)
        if answer.action == "skipped":
            heapq.heappush(coming, (answer.answered_at, 0, place))
        heapq.heappush(coming, (_working_moment(answer.answered_at, person.days_off), 1, number))
    return sorted(answers, key=lambda answer: (answer.answered_at, answer.id))


class _Deal:
    """Who may take which copy next."""

    def __init__(
        self,
        queue: Sequence[TaskKey],
        had: list[set[str]],
        skips_to_review: int,
        whose: Sequence[int | None],
        again: Sequence[bool],
    ) -> None:
        """Nothing is dealt yet.

        Args:
            had: the items that each person has had before, and is not given.
            whose: whom each task is for; None: anybody.
            again: whether it asks that person again.
        """
        self._queue, self._skips_to_review = queue, skips_to_review
        self._had, self._whose, self._again = had, whose, again
        self._named: dict[str, set[int]] = {}
        for task, who, twice in zip(queue, whose, again, strict=True):
            if who is not None and not twice:
                self._named.setdefault(task.item, set()).add(who)
        self._skips: dict[str, int] = {}
        self._lines: tuple[list[int], list[int]] = ([], list(range(len(queue))))
        """Places in the queue: of copies that were skipped, and of all as they were pushed."""
        self._taken: tuple[list[bool], list[bool]] = ([], [False] * len(queue))
        # What somebody passed over once is taken, given up or about an item they had: it never becomes
        # theirs, so each goes through both lines only once.
        self._position = [[0, 0] for _ in had]

    def take(self, who: int) -> int | None:
        """The place of the next copy for this person; None while there is none."""
        for which, (line, taken) in enumerate(zip(self._lines, self._taken, strict=True)):
            at = self._position[who][which]
            while at < len(line) and (taken[at] or not self._is_for(line[at], who, skipped=which == 0)):
                at += 1
            self._position[who][which] = at
            if at < len(line):
                taken[at] = True
                self._had[who].add(self._queue[line[at]].item)
                return line[at]
        return None

    def give_back(self, place: int) -> bool:
        """A copy was skipped; whether it is dealt out again."""
        if self._again[place]:
            return False
        item = self._queue[place].item
        self._skips[item] = self._skips.get(item, 0) + 1
        if self._skips[item] >= self._skips_to_review:
            return False
        self._lines[0].append(place)
        self._taken[0].append(False)
        return True

    def _is_for(self, place: int, who: int, *, skipped: bool) -> bool:
        item, whose = self._queue[place].item, self._whose[place]
        if self._again[place]:
            return who == whose
        if item in self._had[who] or self._skips.get(item, 0) >= self._skips_to_review:
            return False
        # Who has a task of their own about the item does not take another's.
        return who == whose if whose is not None and not skipped else who not in self._named.get(item, ())


def _answer(
    task: TaskKey,
    person: SimulatedAnnotator,
    begun: datetime,
    *,
    turn: int,
    true: str,
    classes: Sequence[str],
    seed: int,
    cost_per_vote: float,
) -> Answer:
    draw = Draw.of(seed, person.name, task.item, task.round)
    # Milliseconds: a last-bit difference between two machines' libm must not reach the votes.
    seconds = round(person.seconds_per_item * math.exp(SPREAD * _NORMAL.inv_cdf(draw.pace)), 3) or 0.001
    skipped = draw.skip < person.skip_rate
    cost = cost_per_vote if person.cost_per_vote is None else person.cost_per_vote
    return Answer(
        id=f"sim:{task.text}:{turn}",
        key=task.text,
        annotator=person.name,
        value=None if skipped else _pick(answer_chances(person, true, classes), draw.value, classes),
        action="skipped" if skipped else "submitted",
        answered_at=_after_work(begun, seconds, person.days_off),
        lead_seconds=seconds,
        cost=0.0 if skipped else cost,
        tool_ref=None,
    )


def _pick(chances: Sequence[float], draw: float, classes: Sequence[str]) -> str:
    reached = 0.0
    last = ""
    for name, chance in zip(classes, chances, strict=True):
        if chance > 0:
            reached, last = reached + chance, name
            if draw < reached:
                return name
    return last  # rounding left a sliver above the sum


def _shuffled(seed: int, task: TaskKey) -> bytes:
    return hashlib.sha256(json.dumps([seed, task.round, task.item]).encode()).digest()


def _working_moment(moment: datetime, days_off: Sequence[int]) -> datetime:
    """`moment` if people work then, else when they next begin."""
    opening = moment.replace(hour=OPENS, minute=0, second=0, microsecond=0)
    if moment >= moment.replace(hour=CLOSES, minute=0, second=0, microsecond=0):
        opening += timedelta(days=1)
        moment = opening
    while opening.weekday() in days_off:
        opening += timedelta(days=1)
        moment = opening
    return max(moment, opening)


def _after_work(begun: datetime, seconds: float, days_off: Sequence[int]) -> datetime:
    """When work of `seconds` that began at `begun` is done; nights and days off do not count."""
    left = timedelta(seconds=seconds)
    moment = _working_moment(begun, days_off)
    while True:
        evening = moment.replace(hour=CLOSES, minute=0, second=0, microsecond=0)
        if moment + left <= evening:
            return moment + left
        left -= evening - moment
        moment = _working_moment(evening, days_off)
