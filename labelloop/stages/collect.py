"""collect: take in what people answered, and close the round when there is enough.

Closing is decided on the answers' own times, never on when we happened to look: so the round holds the
same votes however often it was polled or interrupted. What comes later counts in the next round.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from labelloop import datasets, files, tables
from labelloop.adapters.tools.base import Answer, Poll
from labelloop.adapters.tools.keys import parse_key
from labelloop.campaign import Annotation
from labelloop.errors import DataError, LabelloopError, ToolError
from labelloop.label_types import make_label_type
from labelloop.label_types.base import LabelType
from labelloop.stages.push import pushed_at
from labelloop.stages.runner import Round
from labelloop.stages.tool import tool_of

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

    def __str__(self) -> str:
        return f"{self.round} waits for people: {self.answered} of {self.asked} answers are in"


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
    known = tables.VOTES.read(current.folder.votes) if current.folder.votes.exists() else None
    since = _closed_at(current.previous)
    if known is not None and len(known):
        since = known["answered_at"].max().to_pydatetime()
    poll = tool.poll(since)
    label_type = make_label_type(current.settings.labels.type, prepared.classes)
    new, refused = _check(current, poll, label_type)
    votes = _merge(current, known, new)
    _quarantine(current, refused)

    keys = set(tables.TASKS.read(current.folder.tasks)["key"])
    pushed = pushed_at(current) or _closed_at(current.previous) or LONG_AGO
    closing = closing_time(votes, keys, pushed, current.settings.annotation)
    if closing is None or closing.at > poll.now:
        tables.VOTES.write(votes, current.folder.votes)
        answered = votes.loc[votes["key"].isin(keys), "key"].nunique()
        return Waiting(current.id, int(answered), len(keys), poll.now.isoformat())
    votes = votes[votes["answered_at"] <= pd.Timestamp(closing.at)]
    tables.VOTES.write(votes, current.folder.votes)
    tool.close(current.id, closing.at)
    files.write_json(
        current.folder.closed,
        {
            "at": closing.at.isoformat(),
            "reason": closing.reason,
            "answered": closing.answered,
            "asked": len(keys),
        },
    )
    return None


@dataclass(frozen=True)
class Closing:
    """When a round closes, and why."""

    at: datetime
    reason: str
    answered: int


def closing_time(
    votes: pd.DataFrame, keys: set[str], pushed: datetime, annotation: Annotation
) -> Closing | None:
    """The earliest moment at which the round may close, judged by the times of the answers.

    A task counts from its first answer or skip. The round closes when all tasks count or, with a deadline,
    as soon as the deadline is over and the quorum is in.

    Args:
        votes: events so far, of this round and late ones of earlier rounds.
        keys: the round's tasks.
        pushed: when the round was pushed.

    Returns:
        None while neither can be said yet.
    """
    if not keys:
        return Closing(pushed, "nothing was asked", 0)
    times = votes[votes["key"].isin(keys)].groupby("key")["answered_at"].min().sort_values()
    if annotation.deadline_hours is not None:
        needed = math.ceil(annotation.quorum * len(keys))
        deadline = pushed + timedelta(hours=annotation.deadline_hours)
        if len(times) >= needed:
            quorum_at = times.iloc[needed - 1].to_pydatetime()
            at = max(deadline, quorum_at)
            answered = int((times <= pd.Timestamp(at)).sum())
            if answered < len(keys):
                reason = (f"deadline of {annotation.deadline_hours:g} h over with {answered} of {len(keys)} "
                          f"answers (quorum {annotation.quorum:.0%})")  # fmt: skip
                return Closing(at, reason, answered)
    if len(times) == len(keys):
        return Closing(times.iloc[-1].to_pydatetime(), "all answered", len(keys))
    return None


def _check(
    current: Round, poll: Poll, label_type: LabelType
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Sort answers into votes and refused ones; nothing a tool says is trusted."""
    annotation = current.settings.annotation
    asked = tables.ASKED.read(current.folder.asked).set_index("item")
    campaign = current.settings.campaign.name
    votes, refused = [], [
        {"id": f"{refusal.where}", "reason": refusal.reason, "content": refusal.content}
        for refusal in poll.refusals
    ]  # fmt: skip
    for answer in poll.answers:
        try:
            item, round_id = _item_of(answer, campaign, asked)
            if annotation.annotators and answer.annotator not in annotation.annotators:
                raise DataError(f"annotator {answer.annotator!r} is not among annotation.annotators")
            value = label_type.parse(answer.value) if answer.action in ("submitted", "updated") else None
        except DataError as error:
            content = {"key": answer.key, "annotator": answer.annotator, "value": answer.value}
            refused.append({"id": answer.id, "reason": str(error), "content": content})
            continue
        cost = annotation.cost_per_vote if answer.cost is None else answer.cost
        votes.append(
            {
                "vote": answer.id,
                "key": answer.key,
                "item": item,
                "annotator": answer.annotator,
                "value": value,
                "action": answer.action,
                "answered_at": answer.answered_at,
                "lead_seconds": answer.lead_seconds,
                "cost": 0.0 if answer.action == "deleted" else cost,
                "round": round_id,
                "tool": annotation.tool,
                "tool_ref": answer.tool_ref,
            }
        )
    return votes, refused


def _item_of(answer: Answer, campaign: str, asked: pd.DataFrame) -> tuple[str, str]:
    try:
        key = parse_key(answer.key)
    except ToolError as error:
        raise DataError(str(error)) from None
    if key.campaign != campaign or key.item not in asked.index:
        raise DataError(f"task {answer.key!r} is none of this campaign's")
    if asked["round"].get(key.item) != key.round or key.copy >= asked["overlap"].get(key.item, 0):
        raise DataError(f"task {answer.key!r} was never pushed")
    return key.item, key.round


def _merge(current: Round, known: pd.DataFrame | None, new: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Votes of this round so far, each event once, in the order of their times."""
    before = tables.VOTES.read(current.previous.collected)
    fresh = pd.DataFrame(list(new), columns=list(tables.VOTES.columns))
    fresh["answered_at"] = pd.to_datetime(fresh["answered_at"], utc=True).astype("datetime64[us, UTC]")
    fresh = fresh[~fresh["vote"].isin(before["vote"])]
    both = [table for table in (known, fresh) if table is not None and len(table)]
    votes = pd.concat(both, ignore_index=True) if both else tables.VOTES.empty()
    votes = votes.drop_duplicates("vote", keep="first")
    return votes.sort_values(["answered_at", "vote"], kind="stable", ignore_index=True)


def _quarantine(current: Round, refused: list[dict[str, Any]]) -> None:
    if not refused:
        return
    path = current.folder.quarantine
    lines = {line["id"]: line for line in files.read_lines(path)}
    lines |= {line["id"]: line for line in refused}
    import json

    text = "".join(
        json.dumps(line, sort_keys=True, ensure_ascii=False, default=str) + "\n" for line in lines.values()
    )
    files.write_text(path, text)


def _closed_at(previous: Any) -> datetime | None:
    if not previous.closed.exists():
        if previous.path.name != "start":
            raise LabelloopError(f"{previous.closed} is not there; restore it with `git checkout`")
        return None
    return datetime.fromisoformat(files.read_json(previous.closed)["at"])
