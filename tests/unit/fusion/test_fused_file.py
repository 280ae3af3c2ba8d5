"""Files of votes become files of labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from vote_files import CSV, crowd_files, written

from labelloop.errors import DataError, SettingsError
from labelloop.fusion.class_names import refuse_too_large
from labelloop.fusion.votes_file import fuse_file


def test_the_labels_say_what_they_rest_on(tmp_path: Path) -> None:
    summary = fuse_file(written(tmp_path, CSV), tmp_path / "labels.csv", method="majority")
    labels = pd.read_csv(tmp_path / "labels.csv", dtype={"label": str})
    assert list(labels.columns) == ["item", "label", "confidence", "votes", "agreeing", "dissenters", "tie",
                                    "entropy", "margin", "gold", "status", "method", "parameters",
                                    "posterior.1", "posterior.2"]  # fmt: skip
    assert labels["label"].tolist() == ["1", "1"]
    assert labels["tie"].tolist() == [True, False]
    assert labels["agreeing"].tolist() == [1, 1]
    np.testing.assert_allclose(labels["margin"], [0, 0.5])
    np.testing.assert_allclose(labels["entropy"], [np.log(2), -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))])
    assert summary == {
        "method": "majority/1", "items": 2, "annotators": 2, "votes": 3, "votes_per_item": 1.5,
        "repeats_dropped": 0, "ties": 1, "classes": ["1", "2"], "gold": None,
        "calibration": "confidence is not calibrated: majority calibrates none (auto does)",
        "out": str(tmp_path / "labels.csv"),
    }  # fmt: skip


def test_repeats_are_counted_and_the_latest_answer_counts(tmp_path: Path) -> None:
    content = "item,annotator,label,answered_at\n1,x,b,2025-01-02\n1,x,a,2025-01-01T10:00:00Z\n"
    summary = fuse_file(written(tmp_path, content), tmp_path / "labels.csv")
    assert summary["repeats_dropped"] == 1
    assert pd.read_csv(tmp_path / "labels.csv")["label"].tolist() == ["b"]


def test_gold_that_contradicts_itself_or_names_unknown_things_is_counted(tmp_path: Path) -> None:
    gold = written(tmp_path, "item,label\ni1,1\ni1,1\ni2,9\ni3,1\ni4,1\ni4,2\n", "gold.csv")
    told = fuse_file(written(tmp_path, CSV), tmp_path / "labels.csv", gold_path=gold)["gold"]
    low, high = told.pop("accuracy_low"), told.pop("accuracy_high")
    assert told == {"items": 4, "compared": 2, "correct": 1, "accuracy": 0.5, "ties": 1, "contradicting": 1,
                    "without_votes": 1, "unknown_classes": ["9"]}  # fmt: skip
    assert 0 < low < 0.5 < high < 1


@pytest.mark.parametrize("rows", ["elsewhere,1\n", "i1,1\ni1,2\n", "i1,\n", ""])
def test_gold_of_no_use_is_refused(tmp_path: Path, rows: str) -> None:
    """Ids of another file, labels that contradict each other, or none: nobody would see it in the labels."""
    gold = written(tmp_path, "item,label\n" + rows, "gold.csv")
    with pytest.raises(DataError, match=r"gold.csv: none of its [01] items has votes.*look like 'i1'"):
        fuse_file(written(tmp_path, CSV), tmp_path / "labels.csv", gold_path=gold)
    assert not (tmp_path / "labels.csv").exists()


def test_free_text_is_refused_and_a_thousand_classes_are_not(tmp_path: Path) -> None:
    def votes(classes: int) -> Path:
        rows = [f"i{number // 2},{'ab'[number % 2]},word {number % classes}\n" for number in range(2_002)]
        return written(tmp_path, "item,annotator,label\n" + "".join(rows))

    with pytest.raises(DataError, match="'label' has 1002 different labels in 2002"):
        fuse_file(votes(1_002), tmp_path / "labels.csv")
    assert len(fuse_file(votes(1_000), tmp_path / "labels.csv")["classes"]) == 1_000


def test_more_than_can_be_held_is_refused_before_it_is_tried(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1000000 items and 5000 classes need 40 GB"):
        refuse_too_large(1_000_000, 5_000)
    refuse_too_large(1_000_000, 1_000)


def test_classes_in_two_spellings_are_told_unless_they_are_named(tmp_path: Path) -> None:
    votes = written(tmp_path, "item,annotator,label\n1,x,Cat\n1,y,cat\n2,x,dog\n2,y,hot  dog\n3,x,hot dog\n")
    told = fuse_file(votes, tmp_path / "labels.csv")
    assert told["classes_alike"] == ["'Cat' and 'cat'", "'hot  dog' and 'hot dog'"]
    named = fuse_file(votes, tmp_path / "labels.csv", classes=told["classes"])
    assert "classes_alike" not in named


@pytest.mark.parametrize("name", ["labels.csv", "labels.csv.gz", "labels.parquet"])
def test_the_same_votes_in_any_order_give_the_same_bytes(tmp_path: Path, name: str) -> None:
    other = "item,annotator,label\ni2,ann,1\ni1,bo,2\ni1,ann,1\n"
    for folder, content in (("one", CSV), ("two", other)):
        (tmp_path / folder).mkdir()
        fuse_file(written(tmp_path, content), tmp_path / folder / name)
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_an_output_of_another_kind_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"labels are written as \.csv"):
        fuse_file(tmp_path / "nothing.csv", tmp_path / "labels.xlsx")


def test_a_single_label_in_all_votes_is_certain(tmp_path: Path) -> None:
    fuse_file(written(tmp_path, "item,annotator,label\n1,x,a\n"), tmp_path / "labels.csv")
    labels = pd.read_csv(tmp_path / "labels.csv")
    assert labels[["confidence", "margin", "entropy"]].iloc[0].tolist() == [1.0, 1.0, 0.0]


def test_gold_teaches_the_methods_that_learn_but_is_judged_without(tmp_path: Path) -> None:
    """Known items get their gold label, are flagged, and the accuracy told is of labels made without them."""
    votes, gold = crowd_files(tmp_path)
    told = fuse_file(votes, tmp_path / "labels.csv", method="auto", gold_path=gold)
    labels = pd.read_csv(tmp_path / "labels.csv", dtype={"label": str})
    truth = pd.read_csv(gold, dtype=str).drop_duplicates("item", keep=False)["label"][:30]
    assert labels["label"][:30].tolist() == truth.tolist()
    known = [*range(30), 51]
    assert labels["gold"].tolist() == [number in known for number in range(120)]
    assert told["gold"]["correct"] < told["gold"]["compared"] == 31
    assert told["temperature"] > 0
    assert "median 5 votes an item" in told["reason"]
    assert told["method"] == "auto/1+pooled_dawid_skene/1+blend/1+temperature/1"
    assert (labels["raw_confidence"] != labels["confidence"]).any()


def test_majority_learns_nothing_from_gold_about_other_items(tmp_path: Path) -> None:
    """Known items have their class; what the others are called, and what gold judges, is as without it."""
    votes, gold = crowd_files(tmp_path)
    told = fuse_file(votes, tmp_path / "with.csv", method="majority", gold_path=gold)
    fuse_file(votes, tmp_path / "without.csv", method="majority")
    one, other = (pd.read_csv(tmp_path / name, dtype={"label": str}) for name in ("with.csv", "without.csv"))
    pd.testing.assert_series_equal(one["label"][~one["gold"]], other["label"][~one["gold"]])
    truth = pd.read_csv(gold, dtype=str).drop_duplicates("item", keep=False).set_index("item")["label"]
    known = one[one["gold"]].set_index("item")
    assert known["label"].to_dict() == truth[known.index].to_dict()
    assert set(known["confidence"]) == {1.0}
    assert told["gold"]["correct"] < told["gold"]["compared"]
    assert told["calibration"] == "confidence is not calibrated: majority calibrates none (auto does)"


def test_a_certain_label_has_no_entropy_of_minus_zero(tmp_path: Path) -> None:
    """A reader of the file should not wonder about a sign."""
    fuse_file(written(tmp_path, "item,annotator,label\n1,x,a\n"), tmp_path / "labels.csv")
    assert "-0.0" not in (tmp_path / "labels.csv").read_text()


def test_a_file_of_labels_carries_what_the_campaigns_table_does(tmp_path: Path) -> None:
    """Dissenters, ids of the votes that count, the parameters' digest, status, the whole raw posterior."""
    votes, gold = crowd_files(tmp_path)
    table = pd.read_csv(votes, dtype=str)
    table.assign(vote=[f"v{number:04}" for number in range(len(table))]).to_csv(votes, index=False)
    fuse_file(votes, tmp_path / "labels.parquet", gold_path=gold)
    labels = pd.read_parquet(tmp_path / "labels.parquet").set_index("item")
    row = labels.loc["i070"]
    cast = table[table["item"] == "i070"]
    assert row["dissenters"].tolist() == sorted(cast["annotator"][cast["label"] != row["label"]])
    assert row["vote_ids"].tolist() == [f"v{number:04}" for number in cast.index]
    assert (labels["agreeing"] + labels["dissenters"].str.len() == labels["votes"]).all()
    assert set(labels["status"]) == {"fused"}
    raw, shown = (labels[[f"{kind}.{name}" for name in "012"]] for kind in ("raw", "posterior"))
    np.testing.assert_allclose(raw.sum(axis=1) + labels["raw.unheard"], 1)
    assert (raw.to_numpy() != shown.to_numpy()).any()
    fuse_file(votes, tmp_path / "plain.csv", options={"temperature": 1.0})
    plain = pd.read_csv(tmp_path / "plain.csv").set_index("item")
    assert json.loads(plain.loc["i070", "vote_ids"]) == row["vote_ids"].tolist()
    assert set(plain["parameters"]).isdisjoint(labels["parameters"])


def test_gold_of_a_class_that_nobody_voted_for_is_the_label(tmp_path: Path) -> None:
    votes, gold = crowd_files(tmp_path)
    told = fuse_file(votes, tmp_path / "labels.csv", gold_path=gold)
    labels = pd.read_csv(tmp_path / "labels.csv", dtype={"label": str}).set_index("item")
    assert labels.loc["i051", ["label", "gold", "confidence"]].tolist() == ["unheard", True, 1.0]
    assert (labels["label"] == "unheard").sum() == 1
    assert told["classes"] == ["0", "1", "2", "unheard"]
    assert told["gold"]["unknown_classes"] == ["unheard"]


def test_classes_that_are_given_are_all_there_are(tmp_path: Path) -> None:
    votes, gold = crowd_files(tmp_path)
    told = fuse_file(votes, tmp_path / "labels.csv", classes=["2", "1", "0", "other"])
    assert told["classes"] == ["2", "1", "0", "other"]
    assert "posterior.other" in pd.read_csv(tmp_path / "labels.csv").columns
    with pytest.raises(DataError, match=r"gold has the label 'unheard'.*add it to the classes"):
        fuse_file(votes, tmp_path / "labels.csv", classes=["0", "1", "2"], gold_path=gold)


def test_one_number_written_in_two_ways_is_told(tmp_path: Path) -> None:
    """A CSV column of floats says 1.0 where the other file says 1; numbers such as 01 are names."""
    gold = written(tmp_path, "item,label\ni1,1.0\n", "gold.csv")
    with pytest.raises(DataError, match=r"votes have the label '1' and gold the label '1\.0'"):
        fuse_file(written(tmp_path, CSV), tmp_path / "labels.csv", gold_path=gold)
    mixed = written(tmp_path, "item,annotator,label\n1,x,2\n1,y,2.00\n")
    with pytest.raises(DataError, match="one number written in two ways"):
        fuse_file(mixed, tmp_path / "labels.csv")
    assert fuse_file(mixed, tmp_path / "labels.csv", classes=["2", "2.00"])["ties"] == 1
    names = written(tmp_path, "item,annotator,label\n1,x,1\n1,y,01\n")
    assert fuse_file(names, tmp_path / "labels.csv")["classes"] == ["01", "1"]


def test_of_classes_with_an_order_the_median_is_the_label(tmp_path: Path) -> None:
    """Two low, one mid and two high: mid is off by the fewest steps; a nominal label never would be mid."""
    content = "item,annotator,label\n" + "".join(
        f"1,{who},{label}\n"
        for who, label in zip("abcde", ("low", "low", "mid", "high", "high"), strict=True)
    )
    votes, order = written(tmp_path, content), ["low", "mid", "high"]
    told = fuse_file(votes, tmp_path / "labels.csv", method="majority", classes=order, ordered=True)
    row = pd.read_csv(tmp_path / "labels.csv").iloc[0]
    assert row["label"] == "mid" and not row["tie"]
    assert row["expected_steps"] == pytest.approx(row["posterior.low"] + row["posterior.high"])
    assert told["method"] == "majority/1+median/1"
    fuse_file(votes, tmp_path / "labels.csv", method="majority", classes=order)
    assert pd.read_csv(tmp_path / "labels.csv")["label"].tolist() == ["low"]


def test_a_fit_goes_on_from_the_labels_of_fewer_votes(tmp_path: Path) -> None:
    """One step from labels that were all but there is nearer to the end than one step from the shares."""
    every, _ = crowd_files(tmp_path)
    rows = every.read_text().splitlines(keepends=True)
    some = written(tmp_path, "".join(rows[:-25]), "some.csv")
    before, how = tmp_path / "before.csv", {"method": "map_dawid_skene"}

    def posterior(name: str, **more: Any) -> np.ndarray:
        told = fuse_file(every, tmp_path / name, **how, **more)
        assert told.get("items_started") == (115 if "warm_start_path" in more else None)
        return pd.read_csv(tmp_path / name).filter(like="posterior.").to_numpy()

    fuse_file(some, before, **how)
    whole, once = posterior("whole.csv"), {"options": {"max_iter": 1}}
    warm = posterior("warm.csv", warm_start_path=before, **once)
    cold = posterior("cold.csv", **once)
    assert np.abs(warm - whole).max() < 0.5 * np.abs(cold - whole).max()
    there = posterior("there.csv", warm_start_path=before)
    np.testing.assert_allclose(there, whole, atol=0.02)
    parameters = [pd.read_csv(tmp_path / name)["parameters"][0] for name in ("whole.csv", "there.csv")]
    assert parameters[0] != parameters[1]


def test_a_fit_starts_also_where_gold_adds_a_class(tmp_path: Path) -> None:
    votes, gold = crowd_files(tmp_path)
    first = fuse_file(votes, tmp_path / "first.csv", gold_path=gold)
    again = fuse_file(votes, tmp_path / "again.csv", gold_path=gold, warm_start_path=tmp_path / "first.csv")
    assert again["classes"] == first["classes"] == ["0", "1", "2", "unheard"]
    labels = [pd.read_csv(tmp_path / name)["label"].tolist() for name in ("first.csv", "again.csv")]
    assert labels[0] == labels[1]
    assert again["items_started"] == 120 - first["gold"]["compared"]  # what judges labels may not shape them


def test_what_a_fit_cannot_start_from_is_refused(tmp_path: Path) -> None:
    votes, _ = crowd_files(tmp_path)
    other = written(tmp_path, "item,posterior.0,posterior.1,posterior.2\nelsewhere,1,0,0\n", "other.csv")
    out = tmp_path / "labels.csv"
    with pytest.raises(DataError, match=r"other.csv has none of the items.*'i000'"):
        fuse_file(votes, out, warm_start_path=other)
    with pytest.raises(SettingsError, match="--warm-start does not go with --method majority"):
        fuse_file(votes, out, method="majority", warm_start_path=other)
    with pytest.raises(DataError, match=r"no column of a class, such as 'posterior.0'"):
        fuse_file(votes, out, warm_start_path=votes)
