"""collect: take in what people answered, and close the round when there is enough.

Closing is decided on the answers' own times, never on when we happened to look (see labelloop/asking.py):
so the round holds the same votes however often it was polled or interrupted. What comes later counts in the
next round.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from labelloop import datasets, files, tables
from labelloop.asking import closing_time, hint_of, state_of
from labelloop.errors import LabelloopError
from labelloop.stages.admission import admit, quarantine
from labelloop.stages.gone import note_gone
from labelloop.stages.kept_votes import keep_votes, kept_votes
from labelloop.stages.overruling import keep_verdicts
from labelloop.stages.people import annotation_of
from labelloop.stages.push import pushed_at
from labelloop.stages.runner import Round
from labelloop.stages.tool import tool_of
from labelloop.stages.wanted import earlier_events, events_of, still_asked, wanted_of

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""When a round closed that asked nothing, if no round was before it: earlier than any answer."""


@dataclass(frozen=True)
class Waiting:
    """The round is not closed: people are still at it."""

    round: str
    answered: int
    asked: int
    now: str
    """The tool's clock."""
    hint: str = ""
    """What somebody should know or do about it, in a sentence."""

    def __str__(self) -> str:
        hint = f". {self.hint}" if self.hint else ""
        return f"{self.round} waits for people: {self.answered} of {self.asked} answers are in{hint}"


def collect(current: Round) -> Waiting | None:
    """Write votes.parquet with what is new; when the round is closed, also collected.parquet.

    Returns:
        Waiting while the round is open; None once collected.parquet is there.
    """
    if not current.folder.closed.exists():
        waiting = _poll(current)
        if waiting is not None:
            return waiting
    votes = tables.VOTES.read(current.folder.votes)
    before = tables.VOTES.read(current.previous.collected)
    everything = pd.concat([before, votes], ignore_index=True) if len(before) else votes
    tables.VOTES.write(everything, current.folder.collected)
    return None


def _poll(current: Round) -> Waiting | None:
    prepared = datasets.open_prepared(current.workspace.data)
    tool = tool_of(current, prepared)
    known = kept_votes(current)
    since = _closed_at(current.previous)
    if known is not None and len(known):
        since = known["answered_at"].max().to_pydatetime()
    poll = tool.poll(since)
    new, refused = admit(current, poll, prepared.classes)
    before = tables.VOTES.read(current.previous.collected)
    votes = _merge(before, known, new)
    quarantine(current.folder.quarantine, refused)

    annotation, wanted = annotation_of(current), wanted_of(current.folder.tasks)
    copies, earlier = wanted.copies, earlier_events(before, wanted)
    campaign = current.settings.campaign.name
    gone = note_gone(current.workspace, current.id, campaign, poll.gone, copies, poll.now)
    pushed = pushed_at(current) or _settled_at(current, poll.now) or _closed_at(current.previous) or LONG_AGO
    events = events_of(votes, copies)
    closing = closing_time(events, copies, pushed, annotation, gone, before=wanted.before, earlier=earlier)
    if closing is None or closing.at > poll.now:
        keep_votes(current, votes)
        asking = state_of([*earlier, *events], copies, annotation, gone, wanted.before)
        hint = "; ".join(filter(None, (still_asked(current.folder.routing, asking), hint_of(asking))))
        return Waiting(current.id, asking.answered, asking.asked, poll.now.isoformat(), hint)
    votes = votes[votes["answered_at"] <= pd.Timestamp(closing.at)]
    keep_votes(current, votes)
    tool.close(current.id, closing.at)
    keep_verdicts(current)
    content: dict[str, Any] = {
        "at": closing.at.isoformat(),
        "reason": closing.reason,
        "answered": closing.answered,
        "asked": wanted.asked,
    }
    lost = sorted(item for item, at in gone.items() if at <= closing.at)
    files.write_json(current.folder.closed, content | ({"gone": lost} if lost else {}))
    return None


def _merge(before: pd.DataFrame, known: pd.DataFrame | None, new: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Votes of this round so far, each event once, in the order of their times."""
    fresh = pd.DataFrame(list(new), columns=list(tables.VOTES.columns))
    fresh["answered_at"] = pd.to_datetime(fresh["answered_at"], utc=True).astype("datetime64[us, UTC]")
    fresh = fresh[~fresh["vote"].isin(before["vote"])]
    both = [table for table in (known, fresh) if table is not None and len(table)]
    votes = pd.concat(both, ignore_index=True) if both else tables.VOTES.empty()
    votes = votes.drop_duplicates("vote", keep="first")
    return votes.sort_values(["answered_at", "vote"], kind="stable", ignore_index=True)


def _settled_at(current: Round, now: datetime) -> datetime | None:
    """When a round closes that settles: now, so that certificates begin and end by the day it is. Simulated
    time does not pass between rounds. None for other rounds.
    """
    return now if current.settles and current.settings.annotation.tool != "simulated" else None


def _closed_at(previous: Any) -> datetime | None:
    if not previous.closed.exists():
        if previous.path.name != "start":
            raise LabelloopError(f"{previous.closed} is not there; restore it with `git checkout`")
        return None
    return datetime.fromisoformat(files.read_json(previous.closed)["at"])
