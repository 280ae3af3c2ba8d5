"""All that a file of votes says about annotators: `labelloop annotators VOTES [--gold GOLD]`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from labelloop.annotators.answers import Answers, read_answers, read_gold_codes
from labelloop.annotators.quality import Quality, annotator_quality
from labelloop.files import without_nan


def annotators_of_file(
    path: str | Path,
    *,
    gold_path: str | Path | None = None,
    item_column: str = "item",
    annotator_column: str = "annotator",
    label_column: str = "label",
) -> dict[str, Any]:
    """Read votes, and gold where there is some, and describe every annotator.

    Returns:
        See `annotators_summary`; `gold` says what became of the gold.

    Raises:
        DataError: a file is not as it must be.
    """
    answers = read_answers(
        path, item_column=item_column, annotator_column=annotator_column, label_column=label_column
    )
    gold, told = None, None
    if gold_path is not None:
        gold, told = read_gold_codes(gold_path, answers.votes, item_column, label_column)
    return annotators_summary(answers, annotator_quality(answers, gold)) | {"gold": told}


def annotators_summary(answers: Answers, quality: Quality) -> dict[str, Any]:
    """What `annotator_quality` found, JSON-like: no NaN, None where something is not defined.

    Returns:
        items, votes, classes (names), annotators (a list of `Record`, those with flags first, then by votes),
        copying (pairs found: one, other, shared, together, expected, p_value), groups of copiers,
        fast_below_seconds, and times (whether the votes say when; without them nobody can be seen to drift).
    """
    names = [str(name) for name in answers.votes.annotators]
    copying = quality.copying
    records = sorted(quality.records, key=lambda one: (not one.flags, -one.items, one.annotator))
    pairs = [
        {
            "one": names[copying.one[row]],
            "other": names[copying.other[row]],
            "shared": int(copying.shared[row]),
            "together": int(copying.together[row]),
            "expected": float(copying.expected[row]),
            "p_value": float(copying.p_value[row]),
        }
        for row in range(len(copying.one))
        if copying.found[row]
    ]
    content: dict[str, Any] = without_nan(
        {
            "items": len(answers.votes.items),
            "votes": len(answers.votes.label),
            "classes": list(answers.votes.classes),
            "annotators": [asdict(record) for record in records],
            "copying": pairs,
            "pairs_compared": len(copying.one),
            "groups": quality.groups,
            "fast_below_seconds": quality.fast_below,
            "times": "answered_at" in answers.standing,
        }
    )
    return content
