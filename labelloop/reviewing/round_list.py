"""The review list of a round: labels for somebody who knows more, each with why, as a table to fill in.

First what people could not label, or do not agree on with every answer in; then the review queue, in short:
unsure labels, labels that a model contradicts, and some drawn at random.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from labelloop.asking import Asking
from labelloop.reviewing.queue import DISAGREES, GIVEN_UP, RANDOM, REASONS, UNSURE, WORTH_IT, Entry
from labelloop.spreadsheet import sheet, unplain

COLUMNS = (
    "item", "reason", "why", "label", "confidence", "model_says", "answers", "asked", "skipped_by",
    "skipped_at", "text", "answer", "note", "queue",
)  # fmt: skip

LONGEST_TEXT = 200
"""Characters of an item's text that are shown; of longer ones the beginning."""

STILL_UNSURE = "still unsure after"
"""How it is told why an item is listed that nobody else is asked about although its label is unsure."""

Left = tuple[str, int, int]
"""Why an item is left to reviewers, its answers, and how many people were asked."""


def review_table(
    asking: Asking,
    texts: Callable[[Sequence[str]], dict[str, str]],
    unsure: Mapping[str, Left] | None = None,
    entries: Iterable[Entry] = (),
    labels: Mapping[str, tuple[str, float]] | None = None,
    *,
    round_id: str,
) -> str:
    """The round's review list as CSV, an item a row: what is left to reviewers by id, then the queue.

    Args:
        texts: what the given items show, where that is text; asked only if there are some.
        unsure: items that nobody else is asked about: their label stays unsure, or they have none.
        entries: of the review queue, in its order. One that is drawn at random keeps that reason, whatever
            else it is listed for: what was drawn must not depend on how easy it is. Nor is anything shown of
            it that votes or a model say, which would lead the reviewer to agree; that people gave it up, or
            that it stays unsure with every answer in, is.
        labels: label and confidence, by item, as votes have them.
        round_id: stands in the column `queue`.

    Returns:
        Columns `COLUMNS`; `answer` and `note` are empty, for the reviewer. `skipped_by` lists people in the
        order of their skips, `skipped_at` the times. `asked` is empty where the queue alone names the item.
        No cell is taken for a formula by a spreadsheet.
    """
    left = {item: (GIVEN_UP, *_given_up(asking, item)) for item in asking.given_up()}
    for item, (why, answers, asked) in (unsure or {}).items():
        left.setdefault(item, (UNSURE if why.startswith(STILL_UNSURE) else GIVEN_UP, why, answers, asked))
    queued = {entry.item: entry for entry in entries}
    items = [*sorted(left), *(item for item in queued if item not in left)]
    shown = texts(items) if items else {}
    rows = []
    for item in items:
        entry = queued.get(item)
        label, confidence = (labels or {}).get(item, ("", None))
        row = {"item": item, "label": label, "text": _short(shown.get(item, "")), "queue": round_id}
        if confidence is not None:
            row["confidence"] = f"{confidence:.3f}"
        if entry is not None:
            row |= {"reason": entry.reason, "why": _why(entry), "model_says": entry.model_says,
                    "answers": str(entry.votes)}  # fmt: skip
        if item in left:
            reason, why, answers, asked = left[item]
            row |= {"reason": reason, "why": why, "answers": str(answers), "asked": str(asked)}
            row |= _skips(asking, item)
        if entry is not None and entry.reason == RANDOM:
            row |= {"reason": RANDOM, "why": row["why"].partition(":")[0]}
            row |= dict.fromkeys(("label", "confidence", "model_says", "answers"), "")
        rows.append([row.get(name, "") for name in COLUMNS])
    return sheet(COLUMNS, rows)


def count_rows(content: str) -> tuple[int, int]:
    """Items on a review list that are left to reviewers: given up, and still unsure with every answer in."""
    whys = [_why_of(row) for row in _rows(content) if row["asked"]]
    unsure = sum(why.startswith(STILL_UNSURE) for why in whys)
    return len(whys) - unsure, unsure


def given_up_items(content: str) -> list[str]:
    """Items on a review list that people could not label."""
    return [
        unplain(row["item"])
        for row in _rows(content)
        if row["asked"] and not _why_of(row).startswith(STILL_UNSURE)
    ]


def drawn_items(content: str) -> list[str]:
    """Items on a review list that are drawn at random."""
    return [unplain(row["item"]) for row in _rows(content) if row["reason"] == RANDOM]


def count_reasons(content: str) -> dict[str, int]:
    """Rows of a review list by reason, in the order of `REASONS`; those that occur."""
    found = Counter(row["reason"] for row in _rows(content))
    return {reason: found[reason] for reason in REASONS if found[reason]}


def _rows(content: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content, newline="")))


def _why_of(row: Mapping[str, str]) -> str:
    # Lists of earlier versions have no column `why`, and what it says as the reason.
    return unplain(row.get("why", row["reason"]))


def _given_up(asking: Asking, item: str) -> Left:
    skips = len(asking.skips(item))
    if asking.is_gone(item):
        why = "deleted in the tool"
    elif skips >= asking.enough_skips:
        why = f"skipped by {skips}"
    else:
        why = f"skipped by {skips}, and nobody else is left to ask"
    return why, asking.answers(item), asking.copies[item]


def _skips(asking: Asking, item: str) -> dict[str, str]:
    skips = sorted(asking.skips(item).items(), key=lambda skip: (skip[1], skip[0]))
    return {
        "skipped_by": "; ".join(person for person, _ in skips),
        "skipped_at": "; ".join(at.isoformat(timespec="seconds") for _, at in skips),
    }


def _why(entry: Entry) -> str:
    return {
        GIVEN_UP: "people could not label it",
        UNSURE: f"confidence {entry.confidence or 0.0:.2f} by {entry.votes} votes",
        WORTH_IT: "a verdict tells more for its money than a vote",
        DISAGREES: f"a model trained without it says {entry.model_says}",
        RANDOM: "drawn at random from all labels that rest on votes",
    }[entry.reason]


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= LONGEST_TEXT else f"{words[: LONGEST_TEXT - 1]}…"
