"""Which answers become votes: nothing a tool says is trusted, and what is refused is kept with the reason."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labelloop import files, tables
from labelloop.adapters.tools.base import Answer, Poll
from labelloop.adapters.tools.keys import parse_key
from labelloop.errors import DataError, ToolError, written_down
from labelloop.label_types import make_label_type
from labelloop.ledger import round_number
from labelloop.stages.composing import cost_multiples
from labelloop.stages.people import paused_in
from labelloop.stages.runner import Round

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""No answer is older: such a date is an error of whatever wrote it."""

LONGEST_NAME = 200
"""Characters of an annotator's name or of an answer's id."""

MOST = 1e12
"""Seconds and money beyond which a number is none; NaN is not below it either."""

ROUND_ID = re.compile(r"r\d{3,9}", re.ASCII)

MOST_REFUSED = 1000
"""Lines of a round's quarantine.jsonl."""

LONGEST_CONTENT = 500
"""Characters of a refused answer that are kept, and of the reason."""


def admit(
    current: Round, poll: Poll, classes: tuple[str, ...]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Sort what a poll has brought into rows of `tables.VOTES` and lines for the quarantine."""
    annotation, paused = current.settings.annotation, paused_in(current)
    asked = _asked(current)
    campaign, reasks = current.settings.campaign.name, _Reasks(current)
    multiples = cost_multiples(current.workspace, current.settings, asked) if poll.answers else {}
    label_type = make_label_type(current.settings.labels.type, classes)
    votes = []
    refused = [_line(refusal.where, refusal.reason, refusal.content) for refusal in poll.refusals]
    for answer in poll.answers:
        try:
            _check_form(answer, poll.now)
            item, round_id = _item_of(answer, campaign, asked, reasks)
            if answer.annotator in paused and answer.action != "deleted":
                why = paused[answer.annotator]
                raise DataError(f"paused since {why['since']}: {why['reason']}")
            reasked = round_id != asked[item][0]
            if reasked and answer.annotator != reasks.person(answer.key):
                raise DataError("it is about a question that was for another person alone")
            if annotation.annotators and answer.annotator not in annotation.annotators:
                raise DataError(f"annotator {answer.annotator!r} is not among annotation.annotators")
            given = answer.action in ("submitted", "updated")
            value = label_type.parse(answer.value) if given else None
            prelabel = label_type.parse(answer.prelabel) if given and answer.prelabel is not None else None
        except (DataError, RecursionError) as error:
            content = {"key": answer.key, "annotator": answer.annotator, "value": answer.value}
            refused.append(_line(answer.id, str(error), content))
            continue
        if reasked and not given:  # as good as not asked
            continue
        cost = annotation.price_of(answer.annotator) if answer.cost is None else answer.cost
        cost *= multiples.get(item, 1.0)
        votes.append(
            {
                "vote": answer.id,
                "key": answer.key,
                "item": item,
                "annotator": answer.annotator,
                "value": value,
                "action": tables.REASKED if reasked else answer.action,
                "answered_at": answer.answered_at,
                "lead_seconds": _lead(answer.lead_seconds),
                "cost": 0.0 if answer.action == "deleted" else cost,
                "round": round_id,
                "tool": annotation.tool,
                "tool_ref": answer.tool_ref,
                "prelabel": prelabel,
            }
        )
    return votes, refused


def quarantine(path: Path, refused: list[dict[str, Any]]) -> None:
    """Add lines to a round's quarantine.jsonl, one an id, and say so where there are too many to keep."""
    if not refused:
        return
    lines = {line["id"]: line for line in files.read_lines(path)}
    before = dict(lines)
    for line in refused:
        if line["id"] in lines or len(lines) < MOST_REFUSED:
            lines[line["id"]] = line
        else:
            lines["more"] = _line("more", f"further answers were refused; the first {MOST_REFUSED} are kept",
                                  None)  # fmt: skip
    if lines != before:
        text = "".join(json.dumps(line, sort_keys=True, ensure_ascii=False) + "\n" for line in lines.values())
        # A lone surrogate has no UTF-8; its escape is what JSON calls it anyway.
        files.write_bytes(path, text.encode("utf-8", "backslashreplace"))


def _asked(current: Round) -> dict[str, tuple[str, int]]:
    """Round and overlap of every item that was asked about."""
    asked = tables.ASKED.read(current.folder.asked)
    return {
        item: (round_id, int(overlap))
        for item, round_id, overlap in zip(asked["item"], asked["round"], asked["overlap"], strict=True)
    }


def _check_form(answer: Answer, now: datetime) -> None:
    """Refuse what no vote may look like, whatever was asked.

    Raises:
        DataError: says what is wrong.
    """
    for name, text in (("id", answer.id), ("annotator", answer.annotator)):
        if not (isinstance(text, str) and text.strip() and text.isprintable() and len(text) <= LONGEST_NAME):
            raise DataError(
                f"its {name} {written_down(text)} is not plain text of 1 to {LONGEST_NAME} characters"
            )
    if answer.action not in tables.ACTIONS:
        raise DataError(f"its action {written_down(answer.action)} is none of {', '.join(tables.ACTIONS)}")
    at = answer.answered_at
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise DataError(f"its time {written_down(at)} is no time with a zone")
    if not EARLIEST <= at <= now:
        raise DataError(f"it is dated {at.isoformat()}, which is not between {EARLIEST:%Y-%m-%d} and the "
                        f"tool's clock, {now.isoformat(timespec='seconds')}")  # fmt: skip
    cost = answer.cost
    if cost is not None and not (isinstance(cost, int | float) and 0 <= cost < MOST):
        raise DataError(f"its cost {written_down(cost)} is not 0 or more")
    if not (answer.tool_ref is None or _is_text(answer.tool_ref)):
        raise DataError(f"its reference {written_down(answer.tool_ref)} is not text")


class _Reasks:
    """Whom this round and earlier ones have asked something again."""

    def __init__(self, current: Round) -> None:
        self._workspace, self._last = current.workspace, current.id
        self._people: dict[str, dict[str, str]] = {}

    def person(self, key: str) -> str | None:
        """Who was asked again under this key; None where nobody was."""
        asked = parse_key(key)
        round_id = asked.round
        if asked.copy or not ROUND_ID.fullmatch(round_id):
            return None
        if round_number(round_id) > round_number(self._last):
            return None
        if round_id not in self._people:
            path = self._workspace.round(round_id).routing
            rows = tables.ROUTING.read(path) if path.exists() else tables.ROUTING.empty()
            again = rows[rows["why"] == tables.REASK]
            self._people[round_id] = dict(zip(again["item"], again["annotator"], strict=True))
        return self._people[round_id].get(asked.item)


def _item_of(
    answer: Answer, campaign: str, asked: dict[str, tuple[str, int]], reasks: _Reasks
) -> tuple[str, str]:
    if not _is_text(answer.key):
        raise DataError(f"task {written_down(answer.key)} is none of this campaign's")
    try:
        key = parse_key(answer.key)
    except ToolError as error:
        raise DataError(str(error)) from None
    if key.campaign != campaign or key.item not in asked:
        raise DataError(f"task {answer.key!r:.300} is none of this campaign's")
    round_id, overlap = asked[key.item]
    if round_id != key.round and reasks.person(answer.key) is not None:
        return key.item, key.round
    if round_id != key.round or key.copy >= overlap:
        raise DataError(f"task {answer.key!r:.300} was never pushed")
    return key.item, key.round


def _is_text(value: object) -> bool:
    """Whether a value is text that can be written down."""
    try:
        return isinstance(value, str) and bool(value.encode())
    except UnicodeEncodeError:
        return False


def _lead(seconds: object) -> float | None:
    """Seconds, where they make sense; an answer is not refused for its lead time."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return float(seconds) if 0 <= seconds < MOST else None


def _line(where: object, reason: str, content: object) -> dict[str, Any]:
    return {"id": str(where)[:LONGEST_NAME], "reason": reason[:LONGEST_CONTENT], "content": _shown(content)}


def _shown(content: object) -> object:
    """A refused answer as it was, if it is short; else the beginning of how it is written."""
    try:
        text = json.dumps(content, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return written_down(content, LONGEST_CONTENT)
    return content if len(text) <= LONGEST_CONTENT else text[:LONGEST_CONTENT]
