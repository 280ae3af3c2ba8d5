"""Coefficients of agreement: published values, the definition written out, intervals, and edge cases."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from people import class_names, coded, crowd_table

from labelloop.annotators.agreement import agreement, class_agreement
from labelloop.annotators.answers import answers_of
from labelloop.annotators.patterns import patterns_of
from labelloop.errors import SettingsError
from labelloop.fusion.base import Votes

KRIPPENDORFF = ["1 1 . 1", "2 2 3 2", "3 3 3 3", "3 3 3 3", "2 2 2 2", "1 2 3 4", "4 4 4 4", "1 1 2 1",
                "2 2 2 2", ". 5 5 5", ". . 1 1", ". . 3 ."]  # fmt: skip
"""Four observers, twelve units, from Computing Krippendorff's alpha-reliability (2011), section C and D."""
FLEISS = [[0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
          [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]]  # fmt: skip
"""Fourteen raters, ten subjects, five classes; the usual worked example, kappa .210."""


def votes_of(rows: Sequence[Sequence[str]]) -> Votes:
    """Votes from a list of labels an item; '.' is missing."""
    table = pd.DataFrame(
        [
            (f"i{number:04}", f"a{who:02}", label)
            for number, row in enumerate(rows)
            for who, label in enumerate(row)
            if label != "."
        ],
        columns=["item", "annotator", "label"],
    )  # fmt: skip
    return answers_of(table, sorted(set(table["label"]))).votes


def alpha_by_pairs(rows: Sequence[Sequence[str]], level: str) -> float:
    """Krippendorff's definition written out: mean distance within items over mean distance of all pairs."""
    units = [[float(value) for value in row if value != "."] for row in rows]
    units = [unit for unit in units if len(unit) > 1]
    everything = [value for unit in units for value in unit]
    distinct = sorted(set(everything))
    many = {value: everything.count(value) for value in distinct}

    def distance(a: float, b: float) -> float:
        if level == "nominal":
            return float(a != b)
        if level == "interval":
            return (a - b) ** 2
        low, high = min(a, b), max(a, b)
        between = sum(many[value] for value in distinct if low <= value <= high)
        return (between - (many[low] + many[high]) / 2) ** 2

    within = sum(
        sum(distance(a, b) for a, b in itertools.permutations(unit, 2)) / (len(unit) - 1) for unit in units
    )
    n = len(everything)
    overall = sum(distance(a, b) for a, b in itertools.permutations(everything, 2)) / (n - 1)
    return 1 - within / overall


@pytest.mark.parametrize(
    ("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_is_the_published_one(level: str, published: float) -> None:
    votes = votes_of([row.split() for row in KRIPPENDORFF])
    values = np.array([float(name) for name in votes.classes])
    assert agreement(votes, level=level, values=values).alpha.value == pytest.approx(published, abs=5e-4)


def test_fleiss_is_the_published_one() -> None:
    rows = [[str(k) for k, count in enumerate(counts) for _ in range(count)] for counts in FLEISS]
    found = agreement(votes_of(rows))
    assert found.fleiss.value == pytest.approx(0.210, abs=5e-4)
    assert found.percent.value == pytest.approx(0.378, abs=5e-4)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
@pytest.mark.parametrize("seed", range(5))
def test_alpha_is_its_definition(level: str, seed: int) -> None:
    """On random ratings with holes, of unequal numbers an item."""
    rng = np.random.default_rng(seed)
    ratings = np.clip(rng.normal(rng.uniform(0, 6, (15, 1)), 1, (15, 5)), 0, 6).round().astype(int)
    rows = [[str(value) if rng.random() < 0.7 else "." for value in row] for row in ratings]
    votes = votes_of(rows)
    values = np.array([float(name) for name in votes.classes])
    expected = alpha_by_pairs(rows, level)
    assert agreement(votes, level=level, values=values, resamples=0).alpha.value == pytest.approx(expected)


def test_alpha_of_a_class_is_alpha_of_class_or_not() -> None:
    table, _ = crowd_table(seed=1, n_items=60)
    votes = coded(table, 3)
    for code, found in enumerate(class_agreement(votes, resamples=0)):
        binary = (votes.label == code).astype(np.int64)
        alone = Votes(votes.items, votes.annotators, ("no", "yes"), votes.item, votes.annotator, binary)
        assert found.alpha.value == pytest.approx(agreement(alone, resamples=0).alpha.value)


def test_specific_agreement_is_the_chance_that_a_second_vote_says_the_same() -> None:
    """Two items, three votes each: a a b and a b b. Of pairs whose first vote is a, one in two is a a."""
    found = class_agreement(votes_of([["a", "a", "b"], ["a", "b", "b"]]), resamples=0)
    assert [one.specific.value for one in found] == pytest.approx([1 / 3, 1 / 3])
    found = class_agreement(votes_of([["a", "a"], ["a", "b"]]), resamples=0)
    assert [one.specific.value for one in found] == pytest.approx([2 / 3, 0.0])


def test_intervals_are_those_of_resampled_items() -> None:
    """The shortcut over count patterns spreads as much as drawing items one by one does."""
    table, _ = crowd_table(seed=3, n_items=150)
    votes = coded(table, 3)
    found = agreement(votes, resamples=2000)
    rng = np.random.default_rng(0)
    rows = [np.flatnonzero(votes.item == item) for item in range(150)]
    drawn = []
    for _ in range(300):
        picked = [rows[item] for item in rng.integers(0, 150, 150)]
        item = np.repeat(np.arange(150), [len(one) for one in picked])
        where = np.concatenate(picked)
        again = Votes(
            votes.items, votes.annotators, votes.classes, item, votes.annotator[where], votes.label[where]
        )
        drawn.append(agreement(again, resamples=0).alpha.value)
    low, high = np.percentile(drawn, [2.5, 97.5])
    assert found.alpha.low == pytest.approx(low, abs=0.02)
    assert found.alpha.high == pytest.approx(high, abs=0.02)
    assert found.alpha.low < found.alpha.value < found.alpha.high


def test_nothing_depends_on_rows_or_names() -> None:
    """Rows shuffled and annotators renamed: the very same; classes and items renamed: the same values."""
    table, _ = crowd_table(seed=4)
    before = agreement(coded(table, 3))
    shuffled = table.sample(frac=1, random_state=0)
    shuffled["annotator"] = "z" + shuffled["annotator"].str[::-1]
    assert agreement(coded(shuffled, 3)) == before
    renamed = table.assign(label=table["label"].map({"c000": "c002", "c001": "c000", "c002": "c001"}))
    renamed["item"] = renamed["item"].str[::-1]
    after = agreement(coded(renamed, 3), resamples=0)
    for kind in ("percent", "fleiss", "alpha"):
        assert getattr(after, kind).value == pytest.approx(getattr(before, kind).value)


def test_reversed_order_and_shifted_values_change_nothing() -> None:
    """Ordinal alpha knows no direction; interval alpha knows no origin and no unit."""
    votes = votes_of([row.split() for row in KRIPPENDORFF])
    top = len(votes.classes) - 1
    reverse = Votes(
        votes.items, votes.annotators, votes.classes[::-1], votes.item, votes.annotator, top - votes.label
    )
    assert agreement(reverse, level="ordinal").alpha.value == pytest.approx(
        agreement(votes, level="ordinal").alpha.value
    )
    values = np.arange(1.0, len(votes.classes) + 1)
    scaled = agreement(votes, level="interval", values=1e6 + 100 * values).alpha.value
    assert scaled == pytest.approx(agreement(votes, level="interval", values=values).alpha.value)


def test_people_who_guess_agree_no_better_than_chance() -> None:
    rng = np.random.default_rng(0)
    rows = rng.choice(["a", "b", "c"], (2000, 4), p=[0.7, 0.2, 0.1]).tolist()
    found = agreement(votes_of(rows))
    assert abs(found.alpha.value) < 0.02
    assert found.alpha.low < 0 < found.alpha.high
    assert found.percent.value > 0.5


def test_unanimous_and_single_votes_are_said_to_be_undefined() -> None:
    same = agreement(votes_of([["a", "a"], ["a", "a"]]))
    assert np.isnan(same.alpha.value)
    assert np.isnan(same.fleiss.value)
    assert same.percent.value == 1
    assert same.undefined == "everybody chose the same class, 'a'"
    alone = agreement(votes_of([["a"], ["b"]]))
    assert np.isnan(alone.percent.value)
    assert alone.undefined == "no item has two votes, so nothing can be compared"
    assert class_agreement(votes_of([["a"], ["b"]])) == []
    perfect = agreement(votes_of([["a", "a"], ["b", "b"], ["a", "a"]]))
    assert perfect.alpha.value == 1
    assert perfect.undefined == ""


def test_an_item_with_one_vote_counts_for_nothing() -> None:
    two = [["a", "b"], ["a", "a"], ["b", "b"]]
    assert agreement(votes_of([*two, ["a"], ["b"], ["b"]])) == agreement(votes_of(two))


def test_a_thousand_classes_and_many_items_fit() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 1000, 3000)
    label = np.where(rng.random((3, 3000)) < 0.7, truth, rng.integers(0, 1000, (3, 3000))).T.ravel()
    item, who = np.repeat(np.arange(3000), 3), np.tile(np.arange(3), 3000)
    votes = Votes(np.arange(3000), np.arange(3), tuple(class_names(1000)), item, who, label)
    found = agreement(votes, resamples=50)
    assert 0.45 < found.alpha.value < 0.55
    assert len(class_agreement(votes, resamples=0)) > 900


def test_patterns_hold_every_item_once() -> None:
    table, _ = crowd_table(seed=5)
    patterns = patterns_of(coded(table, 3))
    assert patterns.items.sum() == table["item"].nunique()
    assert patterns.items @ patterns.votes == len(table)
    assert (patterns.counts.sum(axis=1) == patterns.votes).all()


def test_an_unknown_level_and_values_that_are_none_are_refused() -> None:
    votes = votes_of([["a", "b"]])
    with pytest.raises(SettingsError, match="'ratio' is not known; known: nominal"):
        agreement(votes, level="ratio")
    with pytest.raises(SettingsError, match="one finite number a class"):
        agreement(votes, level="interval", values=np.array([1.0, np.nan]))
