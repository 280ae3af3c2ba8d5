"""Files of votes from anywhere."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labelloop.errors import DataError
from labelloop.fusion.gold_labels import in_order
from labelloop.fusion.votes_file import fuse_file, read_gold, read_votes

CSV = "item,annotator,label\ni1,ann,1\ni1,bo,2\ni2,ann,1\n"


def written(folder: Path, content: str | bytes, name: str = "votes.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def in_every_format(folder: Path) -> list[Path]:
    table = pd.DataFrame({"item": ["i1", "i1", "i2"], "annotator": ["ann", "bo", "ann"], "label": [1, 2, 1]})
    table.to_parquet(folder / "v.parquet")
    table.astype({"label": float}).to_parquet(folder / "floats.parquet")
    table.astype({"label": "category", "item": "category"}).to_parquet(folder / "categories.parquet")
    lines = table.to_json(orient="records", lines=True)
    return [
        written(folder, CSV),
        written(folder, gzip.compress(CSV.encode()), "v.csv.gz"),
        written(folder, CSV.replace(",", "\t"), "v.tsv"),
        written(folder, b"\xef\xbb\xbf" + CSV.encode(), "bom.csv"),
        written(folder, CSV.replace("\n", "\r\n"), "windows.csv"),
        written(folder, lines, "v.jsonl"),
        written(folder, gzip.compress(lines.encode()), "v.jsonl.gz"),
        folder / "v.parquet",
        folder / "floats.parquet",
        folder / "categories.parquet",
    ]


def test_every_format_reads_the_same_and_numbers_stay_text(tmp_path: Path) -> None:
    for path in in_every_format(tmp_path):
        votes = read_votes(path)
        assert votes.to_dict("list") == {
            "item": ["i1", "i1", "i2"], "annotator": ["ann", "bo", "ann"], "label": ["1", "2", "1"],
        }, path.name  # fmt: skip


def test_words_that_look_like_nothing_are_labels(tmp_path: Path) -> None:
    votes = read_votes(written(tmp_path, "item,annotator,label\n1,NA,None\n2,null,nan\n01,x,1.0\n"))
    assert votes["label"].tolist() == ["None", "nan", "1.0"]
    assert votes["annotator"].tolist() == ["NA", "null", "x"]
    assert votes["item"].tolist() == ["1", "2", "01"]


def test_surrounding_blanks_do_not_make_a_further_class(tmp_path: Path) -> None:
    votes = read_votes(written(tmp_path, "item, annotator ,label\n1,x, cat\n1,y,cat \n"))
    assert votes["label"].tolist() == ["cat", "cat"]


def test_unicode_quotes_and_line_breaks_survive(tmp_path: Path) -> None:
    votes = read_votes(written(tmp_path, 'item,annotator,label\n"é, ü",名前,"Straße\nzwei"\n'))
    assert votes.iloc[0].tolist() == ["é, ü", "名前", "Straße\nzwei"]


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ("", "v.csv", "is empty"),
        ("item,annotator,label\n", "v.csv", "has a header but no votes"),
        ("\n\n", "v.csv", "is empty"),
        ("item,Worker,label\n1,x,a\n", "v.csv", "no column 'annotator'.*--annotator-column 'Worker'"),
        ("item,worker,user,label\n1,x,y,a\n", "v.csv", "no column 'annotator'.*--annotator-column 'worker'"),
        ("item,annotator,truth\n1,x,a\n", "v.csv", "no column 'label'.*--label-column 'truth'"),
        ("item,ada,bob\n1,x,a\n", "v.csv", "no column 'annotator'.*one row a vote"),
        ("itme,annotator,label\n1,x,a\n", "v.csv", "no column 'item'.*--item-column 'itme'"),
        ("item,annotator,answer,vote\n1,x,a,b\n", "v.csv", "--label-column 'answer'"),
        ("item;annotator;label\n1;x;a\n", "v.csv", "one column only"),
        ("item,annotator,label\n1,x,a\n2, ,b\n", "v.csv", "row 2: column 'annotator' is empty"),
        ("item,annotator,label\n1,x\n", "v.csv", "row 1: column 'label' is empty"),
        ("item,annotator,label\n1,x,a,b\n", "v.csv", "is not a table.*saw 4"),
        ("item,annotator,label,label\n1,x,a,b\n", "v.csv", "more than one column 'label'"),
        ("item,annotator,label\n1,x,caf\xe9\n".encode("latin-1"), "v.csv", "is not UTF-8"),
        ("item,annotator,label\n", "v.xlsx", "its format is not known"),
        ("not gzip", "v.csv.gz", "cannot be read"),
        ("not parquet", "v.parquet", "cannot be read"),
        ('{"item": 1}\n{"item"', "v.jsonl", "line 2 is not JSON"),
        ("[1]\n", "v.jsonl", "line 1 must be an object"),
        ('{"item": "1", "annotator": "x"}\n{"item": "1", "annotator": "x", "label": "a"}\n', "v.jsonl",
         "row 1: column 'label' is empty"),
        ("item,annotator,label,answered_at\n1,x,a,yesterday\n", "v.csv", "row 1.*'yesterday' is not a time"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said(
    tmp_path: Path, content: str | bytes, name: str, message: str
) -> None:
    with pytest.raises(DataError, match=f"(?s){message}"):
        read_votes(written(tmp_path, content, name))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not there"):
        read_votes(tmp_path / "nothing.csv")


def test_a_label_outside_given_classes_is_refused_with_its_row(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"row 2, column 'label': '2' is not one of the 2 classes"):
        read_votes(written(tmp_path, CSV), classes=["1", "3"])


def test_classes_are_listed_as_numbers_where_they_are_numbers() -> None:
    assert in_order(["10", "2", "1"]) == ["1", "2", "10"]
    assert in_order(["b", "10", "2"]) == ["10", "2", "b"]


def test_gold_reads_truth_and_leaves_out_what_is_not_known(tmp_path: Path) -> None:
    gold = read_gold(written(tmp_path, "item,truth\n1,a\n2,\n3,b\n"))
    assert gold.to_dict("list") == {"item": ["1", "3"], "label": ["a", "b"]}


@pytest.mark.parametrize("header", ["item,label", "item,truth", "task,answer", "task,truth"])
def test_gold_may_name_its_columns_as_the_votes_do(tmp_path: Path, header: str) -> None:
    gold = read_gold(written(tmp_path, f"{header}\n1,a\n"), "task", "answer")
    assert gold.to_dict("list") == {"item": ["1"], "label": ["a"]}


def test_gold_without_labels_says_which_columns_it_needs(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column 'label'; it has item, colour; gold needs"):
        read_gold(written(tmp_path, "item,colour\n1,a\n"))


@pytest.mark.parametrize(
    "header", ["task,worker,label", "question,worker,answer", "item_id,rater,value", "item,user,label,id"]
)
def test_usual_names_of_other_tools_are_understood(tmp_path: Path, header: str) -> None:
    """Also beside a column of true labels, which is never taken for votes; gold so too."""
    row = ",".join(["1", "x", "a", "7"][: header.count(",") + 1])
    path = written(tmp_path, f"{header},truth\n{row},b\n")
    votes = read_votes(path)
    assert votes[["item", "annotator", "label"]].to_dict("list") == {
        "item": ["1"], "annotator": ["x"], "label": ["a"],
    }  # fmt: skip
    gold = read_gold(written(tmp_path, "task,gold\n1,a\n", "gold.csv"))
    assert gold.to_dict("list") == {"item": ["1"], "label": ["a"]}


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
        "calibration": "confidence is not calibrated: no gold (10 items would do)",
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


def test_gold_about_other_items_gives_no_accuracy(tmp_path: Path) -> None:
    gold = written(tmp_path, "item,label\nelsewhere,1\n", "gold.csv")
    told = fuse_file(written(tmp_path, CSV), tmp_path / "labels.csv", gold_path=gold)["gold"]
    assert told["accuracy"] is None
    assert told["without_votes"] == 1


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


def crowd_files(folder: Path, n_items: int = 120) -> tuple[Path, Path]:
    """Votes of five people about items, and gold for the first thirty and one contradiction."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, n_items)
    rows = [
        f"i{item:03},w{who},{truth[item] if rng.random() < 0.5 + 0.1 * who else rng.integers(0, 3)}"
        for item in range(n_items) for who in range(5)
    ]  # fmt: skip
    gold = [f"i{item:03},{truth[item]}" for item in range(30)] + ["i050,0", "i050,1", "i051,unheard"]
    return (
        written(folder, "\n".join(["item,annotator,label", *rows]) + "\n"),
        written(folder, "\n".join(["item,label", *gold]) + "\n", "gold.csv"),
    )


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


def test_majority_does_not_depend_on_gold(tmp_path: Path) -> None:
    """A share of votes learns nothing: the same bytes with and without."""
    votes, gold = crowd_files(tmp_path)
    fuse_file(votes, tmp_path / "with.csv", method="majority", gold_path=gold)
    fuse_file(votes, tmp_path / "without.csv", method="majority")
    assert (tmp_path / "with.csv").read_bytes() == (tmp_path / "without.csv").read_bytes()


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


def test_a_models_probabilities_are_heard_where_they_help(tmp_path: Path) -> None:
    """With a good model the labels are better; a model that knows nothing is not heard, and that is told."""
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 400)
    rows = [f"i{item:03},w{who},{truth[item] if rng.random() < 0.6 else rng.integers(0, 3)}"
            for item in range(400) for who in rng.choice(12, 2, replace=False)]  # fmt: skip
    votes = written(tmp_path, "\n".join(["item,annotator,label", *rows]) + "\n")
    guess = np.where(rng.random(400) < 0.85, truth, rng.integers(0, 3, 400))
    right = {}
    for name, said in (("good", guess), ("blind", rng.integers(0, 3, 400))):
        shown = np.full((400, 3), 0.1)
        shown[np.arange(400), said] = 0.8
        table = pd.DataFrame(shown, columns=[f"probability.{code}" for code in range(3)])
        table["item"] = [f"i{item:03}" for item in range(400)]
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        told = fuse_file(votes, tmp_path / "labels.csv", probabilities_path=tmp_path / f"{name}.csv")
        labels = pd.read_csv(tmp_path / "labels.csv")
        right[name] = (labels["label"].to_numpy() == truth).mean()
        assert ("the model is heard" in told["model"]) == (name == "good")
        assert ("prior.0" in labels.columns) == (name == "good")
    assert right["good"] > right["blind"] + 0.1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("item,1\ni1,0.5\n", "row 1: .* no probabilities"),
        ("item,1,2\ni1,x,0.5\n", "no probabilities"),
        ("item,probability.3\ni1,1\n", "of none of the 2 classes"),
        ("item,score\ni1,1\n", "no column of a class"),
        ("id,1,2\ni1,1,0\n", "no column 'item'"),
        ("item,1,2\ni1,1,0\ni1,1,0\n", "row 2: item 'i1' comes a second time"),
    ],
)
def test_probabilities_that_are_none_are_refused(tmp_path: Path, content: str, says: str) -> None:
    shown = written(tmp_path, content, "shown.csv")
    with pytest.raises(DataError, match=says):
        fuse_file(written(tmp_path, CSV), tmp_path / "labels.csv", probabilities_path=shown)
    assert not (tmp_path / "labels.csv").exists()


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


def test_a_model_may_know_a_class_that_only_gold_has(tmp_path: Path) -> None:
    votes, gold, said = (tmp_path / name for name in ("votes.csv", "gold.csv", "said.csv"))
    votes.write_text("item,annotator,label\n" + "".join(
        f"i{n},a{who},{'cat' if n % 2 else 'dog'}\n" for n in range(60) for who in range(3)
    ))  # fmt: skip
    gold.write_text("item,label\ni0,bird\n")
    said.write_text("item,probability.cat,probability.dog,probability.bird\n" + "".join(
        f"i{n},{0.8 if n % 2 else 0.1},{0.1 if n % 2 else 0.8},0.1\n" for n in range(60)
    ))  # fmt: skip
    fuse_file(votes, tmp_path / "labels.csv", gold_path=gold, probabilities_path=said)
    labels = pd.read_csv(tmp_path / "labels.csv").set_index("item")["label"]
    assert labels["i0"] == "bird" and labels["i1"] == "cat" and labels["i2"] == "dog"
