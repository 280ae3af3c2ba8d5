"""Only what a person says in the end counts, and only where a prediction was shown."""

from __future__ import annotations

import pandas as pd

from labelloop.evaluation.prelabels import count_prelabelled

COLUMNS = ["item", "annotator", "action", "value", "prelabel"]


def test_answers_that_kept_a_shown_prediction_are_counted_among_those_that_saw_one() -> None:
    votes = pd.DataFrame(
        [
            ("i", "ada", "submitted", "cat", "cat"),
            ("i", "ben", "submitted", "dog", "cat"),
            ("i", "cy", "submitted", "cat", None),
            ("j", "ada", "submitted", "cat", "cat"),
            ("j", "ada", "updated", "dog", "cat"),
            ("j", "ben", "submitted", "cat", "cat"),
            ("j", "ben", "deleted", None, None),
            ("j", "cy", "skipped", None, None),
        ],
        columns=COLUMNS,
    )
    assert count_prelabelled(votes) == {"answers": 4, "prelabelled": 3, "prelabels_kept": 1}


def test_without_votes_there_is_nothing() -> None:
    empty = pd.DataFrame([], columns=COLUMNS)
    assert count_prelabelled(empty) == {"answers": 0, "prelabelled": 0, "prelabels_kept": 0}
