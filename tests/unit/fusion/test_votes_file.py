"""Files of votes from anywhere are read."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest
from vote_files import CSV, written

from labelloop.errors import DataError
from labelloop.fusion.gold_labels import in_order
from labelloop.fusion.votes_file import read_gold, read_votes


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
        ("id,worker,label\n1,x,a\n", "v.csv", "no column 'item'.*did you mean 'id'. Say --item-column 'id'"),
        ("id,image,worker,label\n1,p,x,a\n", "v.csv", "no column 'item'.*--item-column"),
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
    with pytest.raises(DataError, match="is a folder; give the path of a file"):
        read_votes(tmp_path)


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
    with pytest.raises(DataError, match=r"no column 'item'.*did you mean 'id'\? Rename it 'item'"):
        read_gold(written(tmp_path, "id,label\n1,a\n"))
    with pytest.raises(DataError, match=r"no column 'label'.*did you mean 'Label'\? Rename it 'label'"):
        read_gold(written(tmp_path, "item,Label\n1,a\n"))


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
