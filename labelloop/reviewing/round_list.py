"""The review list: items that people could not label or do not agree on, for somebody who knows more."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence

from labelloop.asking import Asking
from labelloop.spreadsheet import plain

COLUMNS = ("item", "reason", "answers", "asked", "skipped_by", "skipped_at", "text")

LONGEST_TEXT = 200
"""Characters of an item's text that are shown; of longer ones the beginning."""


STILL_UNSURE = "still unsure after"
"""How the reason of an item begins that nobody else is asked about although its label is unsure."""


def review_table(
    asking: Asking,
    texts: Callable[[Sequence[str]], dict[str, str]],
    unsure: Mapping[str, tuple[str, int, int]] | None = None,
) -> str:
    """The items that were given up, and those still unsure, as CSV, one row each, by id.

    Args:
        texts: what the given items show, where that is text; asked only if there are some.
        unsure: reason, answers and people asked of items whose label stays unsure.

    Returns:
        Columns `COLUMNS`; `skipped_by` lists people in the order of their skips, `skipped_at` the times.
        No cell is taken for a formula by a spreadsheet.
    """
    still = unsure or {}
    given_up = set(asking.given_up())
    items = sorted(given_up | set(still))
    shown = texts(items) if items else {}
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for item in items:
        if item not in given_up:
            reason, answers, asked = still[item]
            writer.writerow(
                [plain(item), plain(reason), answers, asked, "", "", plain(_short(shown.get(item, "")))]
            )
            continue
        skips = sorted(asking.skips(item).items(), key=lambda skip: (skip[1], skip[0]))
        writer.writerow(
            [
                plain(item),
                _reason(asking, item),
                asking.answers(item),
                asking.copies[item],
                plain("; ".join(person for person, _ in skips)),
                "; ".join(at.isoformat(timespec="seconds") for _, at in skips),
                plain(_short(shown.get(item, ""))),
            ]
        )
    return text.getvalue()


def count_rows(content: str) -> tuple[int, int]:
    """Items on a review list that `review_table` made: given up, and still unsure."""
    reasons = [row["reason"] for row in csv.DictReader(io.StringIO(content, newline=""))]
    unsure = sum(reason.startswith(STILL_UNSURE) for reason in reasons)
    return len(reasons) - unsure, unsure


def _reason(asking: Asking, item: str) -> str:
    skips = len(asking.skips(item))
    if asking.is_gone(item):
        return "deleted in the tool"
    if skips >= asking.enough_skips:
        return f"skipped by {skips}"
    return f"skipped by {skips}, and nobody else is left to ask"


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= LONGEST_TEXT else f"{words[: LONGEST_TEXT - 1]}…"
