"""Copying: found where it was planted, not found where people only share habits or hard items."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from people import coded, crowd_table

from labelloop.annotators import vote_pairs
from labelloop.annotators.copying import copying_pairs, holm
from labelloop.fusion.coding import code_votes

CLASSES = [str(code) for code in range(10)]

RUNS = 30


def groups(table: pd.DataFrame, n_classes: int) -> tuple[tuple[int, ...], ...]:
    votes = coded(table, n_classes)
    return copying_pairs(votes).groups(len(votes.annotators))


@pytest.mark.parametrize(("n_classes", "n_items"), [(2, 800), (3, 500), (5, 500)])
def test_two_who_share_all_answers_are_found(n_classes: int, n_items: int) -> None:
    """Sharing 45 to 75 items: in 27 of 30 crowds or more, and nobody beside them."""
    crowds = [
        crowd_table(seed=seed, n_classes=n_classes, n_items=n_items, copies=1.0)[0] for seed in range(RUNS)
    ]
    found = [groups(table, n_classes) for table in crowds]
    assert sum(one == ((0, 1),) for one in found) >= 0.9 * RUNS


def test_two_who_share_most_answers_are_found() -> None:
    """Seven of ten answers from one source, 230 shared items, 4 others an item: in 24 of 30 or more."""
    crowds = [crowd_table(seed=seed, n_items=1000, per_item=6, copies=0.7)[0] for seed in range(RUNS)]
    found = [groups(table, 3) for table in crowds]
    assert sum(one == ((0, 1),) for one in found) >= 0.8 * RUNS


@pytest.mark.parametrize(
    "crowd",
    [
        {},
        {"n_classes": 2},
        {"n_classes": 5, "per_item": 3},
        {"hard_share": 0.25},
        {"hard_share": 0.25, "n_items": 900},
    ],
    ids=str,
)
def test_people_who_work_apart_are_not_accused(crowd: dict[str, Any]) -> None:
    """At most one crowd in thirty, also where hard items make people err together."""
    n_classes = crowd.get("n_classes", 3)
    wrong = [seed for seed in range(RUNS) if groups(crowd_table(seed=seed, **crowd)[0], n_classes)]
    assert len(wrong) <= 1


def small_crew(skills: list[float], seed: int, copied: float = 0.0) -> pd.DataFrame:
    """400 items of ten classes, three votes each; the fourth copies a share of the answers of the third."""
    random = np.random.default_rng(seed)
    truth = random.integers(10, size=400)
    rows = []
    for item, true in enumerate(truth):
        right = random.random(len(skills)) < skills
        said = np.where(right, true, (true + 1 + random.integers(9, size=len(skills))) % 10)
        if random.random() < copied:
            said[3] = said[2]
        rows += [(f"i{item}", f"a{who}", str(said[who])) for who in random.permutation(len(skills))[:3]]
    return pd.DataFrame(rows, columns=["item", "annotator", "label"])


@pytest.mark.parametrize(
    "skills", [[0.9, 0.9, 0.5], [0.9, 0.8, 0.7, 0.65], [0.98, 0.95, 0.6, 0.6], [0.95, 0.9, 0.6, 0.55, 0.5]]
)
def test_the_best_of_a_small_crew_are_no_copies_of_each_other(skills: list[float]) -> None:
    """They agree against the others because they are right."""
    told = [copying_pairs(code_votes(small_crew(skills, seed), CLASSES)).found.any() for seed in range(8)]
    assert sum(told) == 0


def test_copies_in_a_small_crew_are_found_and_others_hardly_ever() -> None:
    """With one of ten pairs copying, 23 of 24 were found, and 2 pairs of honest people."""
    told = []
    for seed in range(8):
        pairs = copying_pairs(code_votes(small_crew([0.95, 0.9, 0.6, 0.55, 0.5], seed, copied=0.7), CLASSES))
        told += zip(pairs.one[pairs.found].tolist(), pairs.other[pairs.found].tolist(), strict=True)
    assert told.count((2, 3)) >= 6
    assert len(told) - told.count((2, 3)) <= 2


def test_people_with_one_habit_are_no_copies() -> None:
    """Two who each call seven in ten of everything c001, on their own accord."""
    accused = 0
    for seed in range(RUNS):
        table, _ = crowd_table(seed=seed)
        lazy = table["annotator"].isin(["a000", "a001"]) & (
            np.random.default_rng(seed).random(len(table)) < 0.7
        )
        table.loc[lazy, "label"] = "c001"
        accused += bool(groups(table, 3))
    assert accused <= 1


def test_several_copies_are_one_group() -> None:
    table, _ = crowd_table(seed=0, n_items=400, per_item=4)
    source = dict(zip(table["item"], table["label"][::-1], strict=False))
    bots = pd.concat([
        pd.DataFrame({"item": list(source), "annotator": f"b{number}", "label": list(source.values()),
                      "answered_at": table["answered_at"].iloc[0]})
        for number in range(3)
    ])  # fmt: skip
    assert groups(pd.concat([table, bots]), 3) == ((12, 13, 14),)


def test_rows_and_names_change_nothing() -> None:
    table, _ = crowd_table(seed=1, copies=1.0)
    before = copying_pairs(coded(table, 3))
    after = copying_pairs(coded(table.sample(frac=1, random_state=1), 3))
    for name in ("one", "other", "shared", "together"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
    np.testing.assert_allclose(before.p_value, after.p_value)
    renamed = table.assign(label=table["label"].map({"c000": "c001", "c001": "c002", "c002": "c000"}))
    renamed = copying_pairs(coded(renamed, 3))
    np.testing.assert_allclose(renamed.expected, before.expected)
    np.testing.assert_array_equal(renamed.found, before.found)


def test_too_few_to_tell() -> None:
    """Two annotators, one vote an item, or one class: nothing is compared and nobody accused."""
    table, _ = crowd_table(seed=0, n_annotators=2, per_item=2)
    assert not len(copying_pairs(coded(table, 3)).one)
    table, _ = crowd_table(seed=0, per_item=1)
    assert not len(copying_pairs(coded(table, 3)).one)
    table, _ = crowd_table(seed=0)
    assert not copying_pairs(coded(table.assign(label="c000"), 3)).found.any()


def test_with_too_many_pairs_a_draw_of_items_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the pairs: about half of the items that two people share, and the copies are still found."""
    table, _ = crowd_table(seed=0, n_items=1200, copies=1.0)
    votes = coded(table, 3)
    whole = copying_pairs(votes)
    monkeypatch.setattr(vote_pairs, "MOST_PAIRS", 1200 * 6 // 2)
    part = copying_pairs(votes)
    assert 0.4 < part.shared.sum() / whole.shared.sum() < 0.55
    assert part.groups(12) == whole.groups(12) == ((0, 1),)


def test_holm_is_its_definition() -> None:
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    assert (holm(np.array([0.9, 0.8])) <= 1).all()
