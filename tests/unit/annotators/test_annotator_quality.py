"""Records of annotators: villains are found, honest people left alone, numbers are what they say."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from people import answers, class_names, crowd_table

from labelloop.annotators.answers import answers_of, gold_codes
from labelloop.annotators.quality import Quality, annotator_quality

RUNS = 25


def quality(table: pd.DataFrame, n_classes: int = 3, gold: np.ndarray | None = None) -> Quality:
    return annotator_quality(answers(table, n_classes), gold)


def flags_over_runs(**crowd: Any) -> tuple[Counter[str], Counter[str]]:
    """How often each flag was raised about the first annotator, and about all others, in `RUNS` crowds."""
    first: Counter[str] = Counter()
    rest: Counter[str] = Counter()
    for seed in range(RUNS):
        table, _ = crowd_table(seed=seed, **crowd)
        records = quality(table, crowd.get("n_classes", 3)).records
        first.update(records[0].flags)
        rest.update(flag for record in records[1:] for flag in record.flags)
    return first, rest


@pytest.mark.parametrize("kind", ["random", "constant"])
def test_a_spammer_is_found(kind: str) -> None:
    """About 100 answers, three classes: in 9 of 10 crowds; of 275 honest people at most 3 are suspected."""
    first, rest = flags_over_runs(spammer=kind)
    assert first["spam"] >= 0.9 * RUNS
    assert rest.total() <= 3


def test_a_spammer_among_two_classes_needs_more_answers() -> None:
    """About 200: in 8 of 10 crowds."""
    first, rest = flags_over_runs(spammer="random", n_classes=2, n_items=600)
    assert first["spam"] >= 0.8 * RUNS
    assert rest.total() <= 6


def test_a_sleeper_is_found() -> None:
    """Who is right in 90 of 100 and then guesses: in 4 of 5 crowds, from what the others say alone."""
    first, rest = flags_over_runs(sleeper=True)
    assert first["drift"] >= 0.8 * RUNS
    assert rest["drift"] <= 2


def test_honest_people_are_left_alone() -> None:
    first, rest = flags_over_runs()
    assert first.total() + rest.total() <= 2


def test_a_task_that_gets_harder_is_nobodys_drift() -> None:
    first, rest = flags_over_runs(harder_later=0.2)
    assert first["drift"] + rest["drift"] <= 2


def test_copies_are_named_and_do_not_confirm_each_other() -> None:
    """Three who share random answers, beside three honest votes an item: right in a third, and seen so."""
    table, truth = crowd_table(seed=0, n_items=400, per_item=3)
    shared = np.random.default_rng(1).integers(0, 3, 400)
    copies = pd.concat([
        pd.DataFrame({"item": [f"i{n:05}" for n in range(400)], "annotator": f"b{who}",
                      "label": [f"c{code:03}" for code in shared]})
        for who in range(3)
    ])  # fmt: skip
    found = quality(pd.concat([table.drop(columns="answered_at"), copies]))
    assert found.groups == [["b0", "b1", "b2"]]
    one = found.records[-1]
    assert (one.annotator, one.copies) == ("b2", ["b0", "b1"])
    assert one.consensus.share == pytest.approx((shared == truth).mean(), abs=0.08)


def test_accuracy_on_gold_is_counted_and_gold_of_an_unknown_class_is_wrong() -> None:
    table = pd.DataFrame(
        [("i1", "ann", "c000"), ("i2", "ann", "c001"), ("i3", "ann", "c000"), ("i1", "bo", "c001")],
        columns=["item", "annotator", "label"],
    )
    coded = answers_of(table, class_names(2))
    gold = pd.DataFrame(
        {"item": ["i1", "i2", "i3", "i4", "i5", "i5"], "label": ["c000", "c000", "new", "c000", "x", "y"]}
    )
    codes, told = gold_codes(coded.votes, gold)
    assert codes.tolist() == [0, 0, -2]
    assert told == {"items": 5, "used": 3, "without_votes": 1, "contradicting": 1, "unknown_classes": 1}
    ann, bo = annotator_quality(coded, codes).records
    assert (ann.gold.hits, ann.gold.of) == (1, 3)
    assert (bo.gold.hits, bo.gold.of) == (0, 1)
    assert ann.gold.low < 1 / 3 < ann.gold.high  # type: ignore[operator]
    assert ann.confusion == [("c000", "c000", 1), ("c000", "c001", 1)]


def test_accuracy_against_the_others_is_near_the_truth() -> None:
    """For 12 people on 1,000 items, within 6 points each."""
    table, truth = crowd_table(seed=1, n_items=1000, per_item=5)
    items = table["item"].str[1:].astype(int).to_numpy()
    right = table["label"].str[1:].astype(int).to_numpy() == truth[items]
    for record in quality(table).records:
        mine = (table["annotator"] == record.annotator).to_numpy()
        assert record.consensus.share == pytest.approx(right[mine].mean(), abs=0.06)
        assert sum(many for _, _, many in record.confusion) == record.consensus.of


def test_bias_says_which_class_is_chosen_too_often() -> None:
    table, _ = crowd_table(seed=2, n_items=500)
    lean = (table["annotator"] == "a003") & (np.random.default_rng(0).random(len(table)) < 0.3)
    table.loc[lean, "label"] = "c002"
    bias = quality(table).records[3].bias
    assert next(iter(bias)) == "c002"
    assert 0.1 < bias["c002"] < 0.3
    assert sum(bias.values()) == pytest.approx(0, abs=1e-9)


def test_fast_answers_are_told() -> None:
    table, _ = crowd_table(seed=3)
    rng = np.random.default_rng(0)
    seconds = rng.lognormal(2, 0.3, len(table))
    hasty = (table["annotator"] == "a005").to_numpy()
    seconds[hasty] = rng.uniform(0.2, 1, hasty.sum())
    seconds[:20] = np.nan
    found = quality(table.assign(lead_seconds=seconds))
    assert [record.annotator for record in found.records if "too fast" in record.flags] == ["a005"]
    assert found.records[5].too_fast.share == 1
    assert found.records[5].median_seconds < found.fast_below < 3  # type: ignore[operator]
    assert quality(table).records[5].median_seconds is None


def test_repeated_questions_measure_consistency_and_the_latest_counts() -> None:
    rows = [
        ("i1", "ann", "c000", 1),
        ("i1", "ann", "c000", 2),
        ("i1", "ann", "c001", 3),
        ("i1", "bo", "c001", 1),
    ]
    table = pd.DataFrame(rows, columns=["item", "annotator", "label", "day"])
    table["answered_at"] = pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(table.pop("day"), unit="D")
    for shuffled in (table, table.iloc[::-1], table.iloc[[2, 0, 3, 1]]):
        ann, bo = quality(shuffled).records
        assert (ann.consistency.hits, ann.consistency.of, ann.repeats, ann.items) == (1, 2, 2, 1)
        assert bo.repeats == 0
        assert (ann.consensus.hits, ann.consensus.of) == (1, 1)


def test_rows_and_names_change_nothing() -> None:
    """Rows shuffled: the very same records. Everybody renamed: the same numbers under the new names."""
    table, _ = crowd_table(seed=4, copies=1.0, spammer="random")
    before = quality(table)
    after = quality(table.sample(frac=1, random_state=0))
    assert [_rounded(one) for one in after.records] == [_rounded(one) for one in before.records]
    renamed = table.assign(annotator="n" + table["annotator"].str[::-1], item="x" + table["item"].str[::-1])
    renamed["label"] = renamed["label"].map({"c000": "c001", "c001": "c002", "c002": "c000"})
    by_name = {record.annotator: record for record in quality(renamed).records}
    for record in before.records:
        other = by_name["n" + record.annotator[::-1]]
        assert (other.consensus, other.flags) == (record.consensus, record.flags)
        assert other.spam_score == pytest.approx(record.spam_score)


def _rounded(record: Any) -> Any:
    return (
        record.annotator,
        record.items,
        record.consensus,
        record.flags,
        record.confusion,
        round(record.kappa, 9),
    )


def test_without_times_nobody_drifts() -> None:
    table, _ = crowd_table(seed=0, sleeper=True)
    assert all(not record.drift for record in quality(table.drop(columns="answered_at")).records)


@pytest.mark.parametrize("table", [
    [("i1", "ann", "c000")],
    [("i1", "ann", "c000"), ("i2", "bo", "c001")],
    [(f"i{n}", who, "c000") for n in range(40) for who in ("ann", "bo", "cy")],
], ids=["one vote", "nothing shared", "unanimous"])  # fmt: skip
def test_degenerate_votes_give_records_without_figures(table: list[tuple[str, str, str]]) -> None:
    found = quality(pd.DataFrame(table, columns=["item", "annotator", "label"]))
    assert all(record.kappa is None for record in found.records)
    assert all(not record.flags for record in found.records)


def test_a_thousand_classes_fit() -> None:
    table, _ = crowd_table(seed=0, n_classes=1000, n_items=2000, n_annotators=40)
    records = quality(table, 1000).records
    assert len(records) == 40
    assert all(record.consensus.share > 0.5 for record in records)  # type: ignore[operator]


def test_drift_of_a_crew_without_any_is_flagged_at_the_level_over_both_looks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With exact p-values and a level of 20%, at most a fifth of 200 crews has anybody flagged (3 sd)."""
    from labelloop.annotators import quality as module
    from labelloop.annotators.drift import Change

    table, truth = crowd_table(seed=0, n_items=60)
    coded = answers(table, 3)
    gold = np.array([truth[int(item[1:])] for item in coded.votes.items])
    rng = np.random.default_rng(0)
    monkeypatch.setattr(module, "change_point", lambda *_: Change(50, float(rng.random()), 25, 0.9, 0.9))
    monkeypatch.setattr(module, "DRIFT_LEVEL", 0.2)
    flagged = sum(
        any("drift" in record.flags for record in annotator_quality(coded, gold).records) for _ in range(200)
    )
    assert 0.2 * 200 - 17 <= flagged <= 0.2 * 200 + 17
