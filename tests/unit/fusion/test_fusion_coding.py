"""Which answers stand, and how ids are coded."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from labelloop.errors import DataError
from labelloop.fusion.coding import code_votes, standing_votes

CLASSES = ("cat", "dog")


def votes_table(*rows: tuple[str, str, str, str, str | None, str]) -> pd.DataFrame:
    """Rows of (vote, key, item, annotator, value, action), answered a minute apart in the given order."""
    table = pd.DataFrame(rows, columns=["vote", "key", "item", "annotator", "value", "action"])
    table["answered_at"] = pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(
        range(len(rows)), unit="min"
    )
    return table


def test_ids_are_sorted_and_classes_keep_their_order() -> None:
    table = pd.DataFrame({"item": ["b", "a"], "annotator": ["y", "x"], "label": ["dog", "cat"]})
    votes = code_votes(table, ("dog", "cat", "fox"))
    assert votes.items.tolist() == ["a", "b"]
    assert votes.annotators.tolist() == ["x", "y"]
    assert votes.item.tolist() == [1, 0]
    assert votes.label.tolist() == [0, 1]
    assert votes.classes == ("dog", "cat", "fox")


def test_without_times_the_last_row_of_a_repeat_counts() -> None:
    table = pd.DataFrame(
        {"item": ["a", "a", "a"], "annotator": ["x", "y", "x"], "label": ["cat", "cat", "dog"]}
    )
    votes = code_votes(table, CLASSES)
    assert sorted(zip(votes.annotator, votes.label, strict=True)) == [(0, 1), (1, 0)]
    assert len(table) - len(votes.label) == 1


def test_with_times_the_latest_of_a_repeat_counts_wherever_its_row_is() -> None:
    table = pd.DataFrame({"item": ["a", "a"], "annotator": ["x", "x"], "value": ["dog", "cat"]})
    table["answered_at"] = pd.to_datetime(["2025-01-02", "2025-01-01"], utc=True)
    assert code_votes(table, CLASSES).label.tolist() == [1]


def test_an_unknown_label_is_refused_with_its_row_and_the_nearest_class() -> None:
    table = pd.DataFrame({"item": ["a", "b"], "annotator": ["x", "x"], "value": ["cat", "dgo"]})
    with pytest.raises(DataError, match=r"row 1: 'dgo' .* did you mean 'dog'"):
        code_votes(table, CLASSES)


@pytest.mark.parametrize("column", ["item", "annotator", "value"])
def test_a_missing_entry_is_refused(column: str) -> None:
    table = pd.DataFrame({"item": ["a", "b"], "annotator": ["x", "x"], "value": ["cat", "dog"]})
    table.loc[1, column] = None
    with pytest.raises(DataError, match=f"row 1: '{column}' is empty"):
        code_votes(table, CLASSES)


def test_an_answer_that_was_deleted_or_skipped_afterwards_does_not_stand() -> None:
    table = votes_table(
        ("v0", "k0", "a", "x", "cat", "submitted"),
        ("v1", "k0", "a", "x", None, "deleted"),
        ("v2", "k1", "b", "x", None, "skipped"),
        ("v3", "k2", "c", "x", "cat", "submitted"),
        ("v4", "k2", "c", "x", "dog", "updated"),
    )
    assert standing_votes(table)["vote"].tolist() == ["v4"]


def test_skipping_a_second_task_about_an_item_leaves_the_first_answer_standing() -> None:
    table = votes_table(
        ("v0", "k0", "a", "x", "cat", "submitted"),
        ("v1", "k1", "a", "x", None, "skipped"),
    )
    assert standing_votes(table)["vote"].tolist() == ["v0"]


def test_an_answer_given_after_a_skip_stands() -> None:
    table = votes_table(("v0", "k0", "a", "x", None, "skipped"), ("v1", "k0", "a", "x", "dog", "submitted"))
    assert standing_votes(table)["vote"].tolist() == ["v1"]


def test_standing_votes_stay_as_they_are_when_taken_twice() -> None:
    rng = np.random.default_rng(0)
    table = votes_table(*[
        (f"v{n}", f"k{rng.integers(5)}", f"i{rng.integers(4)}", f"a{rng.integers(3)}", "cat",
         str(rng.choice(["submitted", "updated", "deleted", "skipped"])))
        for n in range(200)
    ])  # fmt: skip
    once = standing_votes(table)
    assert 0 < len(once) < 200
    pd.testing.assert_frame_equal(standing_votes(once), once)
