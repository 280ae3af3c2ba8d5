"""How many labels reviewers overturn, by why they were shown them."""

from __future__ import annotations

import random

import pytest

from labelloop.reviewing.overturning import by_reason, random_slice
from labelloop.reviewing.random_slice import to_draw
from labelloop.reviewing.verdicts import Verdict, verdict

ITEMS = [f"i{number:04d}" for number in range(1000)]


def said(item: str, label: str, reason: str, was: str) -> Verdict:
    return verdict(item, label, "eva", "2026-01-05T09:00:00+00:00", reason, was)


def test_each_reason_is_counted_by_itself_and_the_last_word_about_an_item_counts() -> None:
    words = [
        said("a", "cat", "unsure", "dog"),
        said("b", "dog", "unsure", "dog"),
        said("b", "cat", "unsure", "dog"),
        said("c", "dog", "model disagrees", "dog"),
        said("d", "cat", "given up", ""),
        said("e", "cat", "", "dog"),
    ]
    found = by_reason(words, dict.fromkeys("abc", "dog"), 0)
    assert [(row.reason, row.reviewed, row.overturned) for row in found] == [
        ("unsure", 2, 2),
        ("model disagrees", 1, 0),
    ]
    assert found[0].interval[0] == pytest.approx(0.342, abs=0.001)


def test_the_random_slice_is_unbiased_however_many_doubtful_labels_are_reviewed() -> None:
    """The doubtful are wrong far more often; their share is told beside it, and moves nothing."""
    truth = dict.fromkeys(ITEMS, "cat")
    wrong = set(random.Random(1).sample(ITEMS, 100))
    by_votes = {item: "dog" if item in wrong else "cat" for item in ITEMS}
    doubtful = [*sorted(wrong)[:75], *ITEMS[:25]]
    shares = []
    for seed in range(40):
        words = [said(item, truth[item], "unsure", by_votes[item]) for item in doubtful]
        for item in to_draw(ITEMS, seed, (), set(doubtful), 60):
            words.append(said(item, truth[item], "random", by_votes[item]))
        row = random_slice(words, by_votes, seed)
        assert row.missing == 0 and row.reviewed >= 60
        shares.append(row.share or 0.0)
        (unsure, _) = by_reason(words, by_votes, seed)
        assert unsure.reason == "unsure" and (unsure.share or 0) > 0.7
    assert sum(shares) / len(shares) == pytest.approx(0.1, abs=0.015)


def test_what_of_the_slice_has_no_verdict_is_told() -> None:
    order = to_draw(ITEMS, 0, (), (), 5)
    words = [said(item, "cat", "random", "cat") for item in (order[0], order[4])]
    row = random_slice(words, dict.fromkeys(ITEMS, "cat"), 0)
    assert (row.reviewed, row.overturned, row.missing) == (2, 0, 3)
    assert random_slice([], dict.fromkeys(ITEMS, "cat"), 0).interval == (None, None)
