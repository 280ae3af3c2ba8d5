"""What reviewers have said: `reviews.jsonl` in the campaign's folder, append-only, a source.

A verdict outranks votes. It counts from the next round that closes; each round keeps the verdicts that it
counted (`rounds/<id>/reviews.json`), so that it can be made again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from labelloop import files
from labelloop.errors import DamagedFileError


@dataclass(frozen=True)
class Verdict:
    """One reviewer's word about one item."""

    id: str
    """Digest of the rest but the time: a file that is taken in twice brings nothing twice."""
    item: str
    label: str
    by: str
    at: str
    """When it was taken in; ISO 8601, UTC."""
    reason: str
    """Why the item was on the queue, such as `random`; empty where it was not."""
    was: str
    """The label when the queue was written, which the reviewer saw unless blind; empty without one."""
    gate: str = ""
    """The review gate at which it was given; empty where the campaign has none."""
    note: str = ""
    """What the reviewer added."""
    blind: bool = False
    """Whether the reviewer was shown neither label nor what a model says."""


def verdict(
    item: str,
    label: str,
    by: str,
    at: str,
    reason: str,
    was: str,
    gate: str = "",
    note: str = "",
    blind: bool = False,
) -> Verdict:
    """A verdict with its id."""
    # As it was before there were gates, notes and blind ones, so that verdicts from then stay what they are.
    more: list[str | bool] = [gate, note] if gate or note else []
    more += [blind] if blind else []
    digest = files.digest_of([item, label, by, reason, was, *more])[:16]
    return Verdict(digest, item, label, by, at, reason, was, gate, note, blind)


def append(path: Path, verdicts: Iterable[Verdict]) -> int:
    """Add verdicts that do not stand yet, all or none; return how many did not.

    Who goes back to an earlier word says something new. At a gate every reviewer has a word of their own.
    """
    now = {_whose(one): one.id for one in read(path)}
    new = []
    for one in verdicts:
        if now.get(_whose(one)) != one.id:
            new.append(one)
            now[_whose(one)] = one.id
    lines = [json.dumps(asdict(one), sort_keys=True, ensure_ascii=False) + "\n" for one in new]
    if lines:
        files.append_whole_lines(path, "".join(lines).encode())
    return len(new)


def read(path: Path) -> list[Verdict]:
    """All verdicts, oldest first.

    Raises:
        DamagedFileError: a line is not a verdict, or not as it was written.
    """
    try:
        found = [Verdict(**line) for line in files.read_lines(path)]
    except TypeError as error:
        raise DamagedFileError(f"{path} is damaged: {error}. `git checkout` brings it back") from None
    for one in found:
        told = (one.item, one.label, one.by, one.at, one.reason, one.was, one.gate, one.note, one.blind)
        if one.id != verdict(*told).id:
            raise DamagedFileError(f"{path} is damaged: the verdict about {one.item} is not what was taken "
                                   "in. `git checkout` brings it back")  # fmt: skip
    return found


def standing(verdicts: Iterable[Verdict]) -> dict[str, Verdict]:
    """The verdict that counts about each item where there are no gates: the last."""
    return {one.item: one for one in verdicts}


def _whose(one: Verdict) -> tuple[str, str, str]:
    """Item, gate and reviewer whose last word replaces the one before; outside gates anybody's does."""
    return one.item, one.gate, one.by if one.gate else ""
