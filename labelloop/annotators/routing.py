"""Who answers which item: skill by class where it is known, chance where it has to be learned.

An annotator's worth for an item is the chance of a right answer that is proven, over what the item may be::

    worth = sum_k belief_k low_ak - weight * load_a / even

with low the lower bound of the skill (`skills`), load the answers given and due so far, and even what each
would have if all did the same. The load acts as a price: at `weight` 0.1 somebody who is ten points better
takes on one even share more than the others, and who has had nothing yet comes first among equals.

Part of the answers, drawn at random, goes to somebody drawn at random: else nobody who had a bad start would
ever be seen again, and what is known of people would rest on items that were chosen for them. Those answers
are dealt first and noted with their chance, so each stands for all who could have been asked.

Nobody is asked about an item that they have had, nor beyond their room. Where room runs out for an item
although others have some, answers are handed on (augmenting paths), so that as many as possible are asked.

Source: epsilon-greedy choice, Sutton and Barto (1998), over what is proven of each annotator; answers handed
on along augmenting paths, Berge (1957), Two theorems in graph theory.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

UNLIMITED = np.iinfo(np.int32).max
"""Room of somebody without a quota."""


@dataclass(frozen=True)
class Asked:
    """What is to be given out."""

    belief: np.ndarray
    """Shape (n_items, n_classes), float64: how likely each class is, rows sum to 1."""
    needed: np.ndarray
    """Shape (n_items,), int64: further people wanted."""
    may: np.ndarray
    """Shape (n_items, n_people), bool: who may be asked."""
    at_random: np.ndarray
    """Shape (n_items,), bool: items that are dealt at random altogether, such as gold."""


@dataclass(frozen=True)
class Assignment:
    """Who is asked about what, sorted by item and, within one, in the order of the choice."""

    item: np.ndarray
    """Shape (n_given,), int64: row of the item."""
    person: np.ndarray
    """Shape (n_given,), int64."""
    explored: np.ndarray
    """Shape (n_given,), bool: drawn at random."""
    chance: np.ndarray
    """Shape (n_given,), float64: with which this person was drawn; NaN where chance had no part, or where
    the answer was handed on."""
    missing: np.ndarray
    """Shape (n_items,), int64: people who could not be found."""


def route(
    asked: Asked,
    low: np.ndarray,
    load: np.ndarray,
    room: np.ndarray,
    *,
    explore: float,
    weight: float,
    seed: int | list[int],
) -> Assignment:
    """Assign people to items.

    Args:
        low: shape (n_people, n_classes), lower bounds of their skills.
        load: shape (n_people,), answers that each has given so far.
        room: shape (n_people,), answers that each may still give.
        explore: share of the answers that is drawn at random.
        weight: see above; 0 leaves load out.

    Returns:
        The same for the same seed. With `explore` and `weight` 0 and room for all, every item has those
        people whose worth for it is the greatest. `missing` is the least there can be in all.
    """
    random = np.random.default_rng(seed)
    deal = _Deal(asked, load, room)
    worth = np.round(asked.belief @ low.T, 9)
    needed = asked.needed
    drawn = np.where(asked.at_random, needed, random.binomial(needed, explore))
    for item in random.permutation(np.repeat(np.arange(len(needed)), drawn)):
        open_to = deal.open_to(item)
        if len(open_to):
            deal.give(item, int(random.choice(open_to)), 1.0 / len(open_to))
    even = max(1.0, float(load.sum() + needed.sum()) / max(1, len(load)))
    for item in random.permutation(np.repeat(np.arange(len(needed)), needed - drawn)):
        open_to = deal.open_to(item)
        if len(open_to):
            value = worth[item, open_to] - weight * deal.load[open_to] / even
            # Among equals whoever has least to do, then by lot.
            order = np.lexsort((random.random(len(open_to)), deal.load[open_to], -np.round(value, 9)))
            deal.give(item, int(open_to[order[0]]), np.nan)
    for item in np.flatnonzero(needed > deal.given):
        while deal.given[item] < needed[item] and deal.hand_on(int(item)):
            pass
    return deal.result()


class _Deal:
    """Who has been given what so far."""

    def __init__(self, asked: Asked, load: np.ndarray, room: np.ndarray) -> None:
        self._needed = asked.needed
        self._free = asked.may.copy()
        self.load, self._room = load.astype(np.int64), room.astype(np.int64)
        self.given = np.zeros(len(asked.needed), dtype=np.int64)
        self._of: list[dict[int, float]] = [{} for _ in asked.needed]
        """By item: who is asked, and the chance with which they were drawn."""

    def open_to(self, item: int) -> np.ndarray:
        """Who could be asked about the item now."""
        return np.flatnonzero(self._free[item] & (self._room > 0))

    def give(self, item: int, person: int, chance: float) -> None:
        self._of[item][person] = chance
        self._free[item, person] = False
        self.given[item] += 1
        self.load[person] += 1
        self._room[person] -= 1

    def hand_on(self, item: int) -> bool:
        """Find one more person for the item by handing others' answers on; whether there is a way."""
        came: dict[int, tuple[int, int] | None] = {int(one): None for one in np.flatnonzero(self._free[item])}
        queue = deque(sorted(came))
        while queue:
            person = queue.popleft()
            if self._room[person] > 0:
                self._follow(item, person, came)
                return True
            for other, people in enumerate(self._of):
                if person not in people or other == item:
                    continue
                for heir in np.flatnonzero(self._free[other]):
                    if int(heir) not in came:
                        came[int(heir)] = (other, person)
                        queue.append(int(heir))
        return False

    def _follow(self, item: int, person: int, came: dict[int, tuple[int, int] | None]) -> None:
        """Hand on along the way that ends at `person`, who has room."""
        step = came[person]
        while step is not None:
            other, before = step
            del self._of[other][before]
            self._free[other, before] = True
            self.given[other] -= 1
            self.load[before] -= 1
            self._room[before] += 1
            self.give(other, person, np.nan)
            person, step = before, came[before]
        self.give(item, person, np.nan)

    def result(self) -> Assignment:
        rows = [(item, who, chance) for item, people in enumerate(self._of) for who, chance in people.items()]
        item, person, chance = (np.array([row[n] for row in rows]) for n in range(3))
        return Assignment(
            item.astype(np.int64),
            person.astype(np.int64),
            ~np.isnan(chance.astype(np.float64)),
            chance.astype(np.float64),
            (self._needed - self.given).astype(np.int64),
        )
