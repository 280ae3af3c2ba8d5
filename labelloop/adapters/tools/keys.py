"""Task keys: `<campaign>/<round>/<item>/<copy>`, where only the item may hold slashes."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from labelloop.adapters.tools.base import Receipt
from labelloop.errors import ToolError

# A round's id becomes a file name, so it may not climb out of its folder.
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class TaskKey:
    """A key, taken apart."""

    campaign: str
    round: str
    item: str
    copy: int

    @property
    def text(self) -> str:
        """The key as tools carry it."""
        return f"{self.campaign}/{self.round}/{self.item}/{self.copy}"


def parse_key(text: str) -> TaskKey:
    """Take a key apart, from both ends, because an item's id may hold slashes.

    Raises:
        ToolError: it is no task key.
    """
    campaign, _, rest = text.partition("/")
    round_id, _, rest = rest.partition("/")
    item, _, copy = rest.rpartition("/")
    plain = _is_plain(campaign) and _is_plain(round_id)
    counts = copy.isascii() and copy.isdigit() and copy == str(int(copy[:9]))
    if not (plain and item and counts):
        raise ToolError(f"task key {text!r} is not '<campaign>/<round>/<item>/<copy>'")
    return TaskKey(campaign, round_id, item, int(copy))


@functools.lru_cache(maxsize=1000)
def _is_plain(text: str) -> bool:
    return _PLAIN.fullmatch(text) is not None


def by_round(texts: Sequence[str], campaign: str) -> dict[str, list[TaskKey]]:
    """A campaign's keys by round, each in the given order; what is no key of the campaign is left out."""
    rounds: dict[str, list[TaskKey]] = {}
    for text in texts:
        try:
            key = parse_key(text)
        except ToolError:
            continue
        if key.campaign == campaign:
            rounds.setdefault(key.round, []).append(key)
    return rounds


def find_in_rounds(
    texts: Sequence[str],
    campaign: str,
    rounds: Sequence[str],
    receipts_of: Callable[[str], Mapping[str, Receipt]],
) -> list[Receipt]:
    """Receipts of those keys that a tool has which keeps what each round has pushed.

    Args:
        rounds: that have pushed something.
        receipts_of: a round's receipts by key.
    """
    found = []
    for round_id, wanted in by_round(texts, campaign).items():
        missing = list(dict.fromkeys(key.text for key in wanted))
        # A round that asks again has keys of the one that asked first: that one is looked at first.
        for place in sorted(rounds, key=lambda one: one != round_id):
            there = receipts_of(place)
            found += [there[key] for key in missing if key in there]
            missing = [key for key in missing if key not in there]
            if not missing:
                break
    return found


def check_keys(texts: Sequence[str], campaign: str) -> list[TaskKey]:
    """Take keys apart; refuse tasks that this campaign could never find again.

    Raises:
        ToolError: a key is malformed or of another campaign.
    """
    keys = [parse_key(text) for text in texts]
    for key in keys:
        if key.campaign != campaign:
            raise ToolError(f"task key {key.text!r} is not of campaign '{campaign}'")
    return keys
