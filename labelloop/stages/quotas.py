"""How much a round may ask where people have quotas, found before it is opened."""

from __future__ import annotations

import math

import numpy as np

from labelloop import files
from labelloop.annotators import pausing
from labelloop.asking import experts_left, known_people, usual_people
from labelloop.campaign import Annotation, CampaignSettings
from labelloop.errors import SettingsError
from labelloop.round_folder import RoundFolder


def within_quotas(settings: CampaignSettings, before: RoundFolder, wanted: int, test_items: int = 0) -> int:
    """New items that a round may ask about at most, gold, test set and re-asks beside them.

    Args:
        before: the round before, which says who is paused.
        wanted: new items that the settings want.
        test_items: test items that are asked in the same batch.

    Raises:
        SettingsError: the quotas leave no room for a single item, or not for the test set.
    """
    routing = settings.annotation.routing
    people = usual_people(settings.annotation)
    if not routing.on or people is None or all(routing.quota_of(name) is None for name in people):
        return wanted
    paused = pausing.in_force(files.read_json(before.quality), settings)
    quotas = [routing.quota_of(name) for name in sorted(people - set(paused))]

    def fits(new_items: int) -> bool:
        demands = _demands(settings, new_items, test_items, len(quotas))
        again = math.ceil(settings.quality.reask_share * demands.sum() / max(1, len(quotas)))
        rooms = [len(demands) if quota is None else max(0, quota - again) for quota in quotas]
        return can_all_be_asked(demands, np.array(rooms))

    least, most = -1, wanted
    while least < most:  # the greatest number that fits; -1 where none does
        middle = (least + most + 1) // 2
        least, most = (middle, most) if fits(middle) else (least, middle - 1)
    if least < min(1, wanted):
        items = f"{test_items} test items and a new one" if test_items else "a single new item"
        raise SettingsError(
            f"annotation.routing: the quotas of {len(quotas)} annotators leave no room for {items} "
            f"({settings.annotation.overlap} answers an item, {settings.annotation.test_overlap} a test "
            "item); raise the quotas, or name more annotators"
        )
    return least


def experts_room(settings: CampaignSettings, annotation: Annotation, new_items: int) -> int | None:
    """Second looks that the experts' quotas leave room for; None without a limit.

    Gold and re-asks are dealt to everybody alike, so an even share of both is expected of the experts.

    Args:
        annotation: the round's, without who is paused.
        new_items: that the round may ask about.
    """
    experts, people = experts_left(annotation), known_people(annotation) or ()
    quotas = [annotation.routing.quota_of(name) for name in experts]
    limits = [quota for quota in quotas if quota is not None]
    if len(limits) < len(quotas):
        return None
    demands = _demands(settings, new_items, 0, len(people))
    gold = int(demands[new_items:].sum())
    others = math.floor((gold + settings.quality.reask_share * int(demands.sum())) / max(1, len(people)))
    return sum(max(0, quota - others) for quota in limits)


def can_all_be_asked(demands: np.ndarray, rooms: np.ndarray) -> bool:
    """Whether every item can have as many different people as it wants, nobody beyond their room.

    Args:
        demands: shape (n_items,), people wanted.
        rooms: shape (n_people,), items that each may have.

    Source: Gale (1957), A theorem on flows in networks: the t items that want most must not want more than
    all people together can give to t items, for every t.
    """
    wanted = np.cumsum(np.sort(demands)[::-1])
    given = np.sort(rooms)
    whole = np.concatenate([[0], np.cumsum(given)])
    some = np.arange(1, len(wanted) + 1)
    below = np.searchsorted(given, some)
    return bool((wanted <= whole[below] + (len(given) - below) * some).all())


def _demands(settings: CampaignSettings, new_items: int, test_items: int, people: int) -> np.ndarray:
    """Shape (n_items,): people that each item of the round wants."""
    annotation, gold = settings.annotation, settings.gold
    known = math.ceil(gold.per_item * new_items)
    each = [annotation.overlap, min(people, gold.overlap or annotation.overlap), annotation.test_overlap]
    return np.repeat(np.array(each, dtype=np.int64), [new_items, known, test_items])
