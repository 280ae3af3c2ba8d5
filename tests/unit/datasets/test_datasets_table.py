"""Tables: what is read is what was written, and what is wrong is said with file, row and column."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelloop import datasets
from labelloop.campaign import Dataset
from labelloop.errors import DataError
from labelloop.tables import KNOWN, POOL

TEXTS = "id,text,label,topic\n007,one fish,NA,a\n1e3,two fish,yes,b\n3,red fish,NA,c\n4,blue fish,,d\n"
TEXT = {"kind": "table", "path": "t.csv", "text_columns": ["text"], "label_column": "label"}


def test_ids_and_labels_stay_the_text_they_were(run, write):
    """'007' and '1e3' are ids, 'NA' is a class, and only a blank label means unknown."""
    write("t.csv", TEXTS)
    prepared = run(**TEXT, id_column="id").prepared
    assert list(prepared.pool.ids) == ["007", "1e3", "3", "4"]
    assert list(prepared.known) == ["NA", "yes", "NA", None]
    assert prepared.classes == ("NA", "yes")


@pytest.mark.parametrize(
    "name", ["t.csv", "t.csv.gz", "t.tsv", "t.parquet", "t.jsonl", "t.jsonl.gz", "t.json"]
)
def test_every_file_type_gives_the_same_items(run, root, name):
    """The format is no part of the data: only the ids made of the row differ by nothing at all."""
    rows = [{"text": f'say, "{n}"\nplease', "label": str(n % 3)} for n in range(9)]
    table = pd.DataFrame(rows)
    if "csv" in name:
        table.to_csv(root / name, index=False)
    elif "tsv" in name:
        table.to_csv(root / name, index=False, sep="\t")
    elif "parquet" in name:
        pq.write_table(pa.Table.from_pandas(table, preserve_index=False), root / name)
    else:
        array = json.dumps(rows) if name == "t.json" else "".join(json.dumps(row) + "\n" for row in rows)
        (gzip.open if name.endswith(".gz") else open)(root / name, "wb").write(array.encode())
    prepared = run(**{**TEXT, "path": name}).prepared
    assert list(prepared.pool.inputs(slice(None))) == [row["text"] for row in rows]
    assert list(prepared.known) == [row["label"] for row in rows]
    assert prepared.pool.ids[8] == "t-0000008"


def test_text_columns_are_joined_by_a_line_break_in_the_order_named(run, write):
    """The learner sees title and body as one text."""
    write("t.csv", "body,title,label\n" + "".join(f"b{n},t{n},{n % 2}\n" for n in range(6)))
    prepared = run(**{**TEXT, "text_columns": ["title", "body"]}).prepared
    assert prepared.pool.inputs(np.array([4]))[0] == "t4\nb4"


def test_classes_that_are_numbers_are_sorted_as_numbers(run, write):
    """'10' comes after '9'."""
    write("t.csv", "text,label\n" + "".join(f"text {n},{n}\n" for n in range(12)))
    assert run(**TEXT).prepared.classes == tuple(str(n) for n in range(12))


def test_whole_numbers_that_became_floats_are_still_whole(run, root):
    """A Parquet column of integers with a gap holds 1.0; the class is '1'."""
    table = pa.table({"text": list("abcd"), "label": pa.array([1.0, None, 2.0, 1.0])})
    pq.write_table(table, root / "t.parquet")
    assert list(run(**{**TEXT, "path": "t.parquet"}).prepared.known) == ["1", None, "2", "1"]


def test_numeric_columns_become_features_without_id_and_label(run, write):
    """With nothing named, every numeric column but id and label is a feature, in the file's order."""
    write("t.csv", "id,b,label,a,word\n" + "".join(f"{n},{n}.5,{n % 2},-{n},w\n" for n in range(6)))
    result = run(kind="table", path="t.csv", id_column="id", label_column="label")
    features = result.prepared.pool.inputs(slice(2, 4))
    assert features.dtype == np.float32
    assert features.tolist() == [[2.5, -2.0], [3.5, -3.0]]
    assert "word" in " ".join(result.summary["notes"])


def test_split_column_parts_the_table_and_counts_the_rest(run, write):
    """Rows that are neither pool nor test are in neither, and the summary says how many."""
    write("t.csv", "text,label,split\na,x,train\nb,y,test\nc,y,val\nd,y,train\ne,x,val\n")
    result = run(**TEXT, split_column="split")
    assert list(result.prepared.pool.inputs(slice(None))) == ["a", "d"]
    assert list(result.prepared.test.inputs(slice(None))) == ["b"]
    assert list(result.prepared.test_known) == ["y"]
    assert result.summary["left_out_by_split"] == {"val": 2}
    assert result.summary["test_set"] == "given"


def test_split_features_go_with_their_rows(run, write):
    """Arrays of the pool and of the test set hold the rows of their own items."""
    write(
        "t.csv", "x,label,split\n" + "".join(f"{n},{n % 2},{'test' if n % 3 else 'pool'}\n" for n in range(9))
    )
    prepared = run(kind="table", path="t.csv", label_column="label", split_column="split").prepared
    assert prepared.pool.inputs(slice(None))[:, 0].tolist() == [0, 3, 6]
    assert prepared.test.inputs(slice(None))[:, 0].tolist() == [1, 2, 4, 5, 7, 8]


def test_made_up_ids_of_two_files_of_one_name_differ(run, write):
    """pool/data.csv and test/data.csv give no id twice."""
    write("pool/data.csv", "text,label\na,x\nb,y\n")
    write("test/data.csv", "text,label\nc,x\n")
    prepared = run(**{**TEXT, "path": "pool/data.csv"}, test_path="test/data.csv").prepared
    assert not set(prepared.pool.ids) & set(prepared.test.ids)


def test_files_keep_the_tables_contracts(run, write):
    """pool.parquet and known.parquet pass the checks of tables.py."""
    write("t.csv", TEXTS)
    result = run(**TEXT)
    assert len(POOL.read(result.out / "pool.parquet")) == len(KNOWN.read(result.out / "known.parquet")) == 4


def test_source_files_are_the_tables(root, write):
    """Digests cover the pool's file and the test set's."""
    paths = [write("t.csv", TEXTS), write("u.csv", TEXTS)]
    assert datasets.source_files(Dataset(**TEXT, test_path="u.csv"), root) == paths


MISTAKES = {
    "misnamed column": (TEXTS, {"text_columns": ["txt"]}, ["'txt'", "did you mean 'text'", "t.csv"]),
    "misnamed label": (TEXTS, {"label_column": "lable"}, ["label_column", "'lable'", "did you mean 'label'"]),
    "misnamed split": (TEXTS, {"split_column": "splt"}, ["split_column", "'splt'", "there is"]),
    "no test rows": (TEXTS, {"split_column": "topic", "pool_values": ["a"]}, ["test_values", "'d' (1 rows)"]),
    "label is a feature": (TEXTS, {"text_columns": ["label"]}, ["'label'", "must not see"]),
    "both kinds": (TEXTS, {"numeric_columns": ["id"]}, ["text_columns", "numeric_columns", "remove one"]),
    "empty text": ("text,label\na,x\n  ,y\nc,x\n", {}, ["t.csv, row 1", "'text'", "empty"]),
    "empty id": ("id,text,label\n1,a,x\n,b,y\n", {"id_column": "id"}, ["row 1", "id is empty"]),
    "same id twice": (
        "id,text,label\n1,a,x\n2,b,y\n1,c,x\n",
        {"id_column": "id"},
        ["rows 0, 2", "'1'", "more than once"],
    ),
    "one id, two labels": (
        "id,text,label\n1,a,x\n2,b,y\n1,c,y\n",
        {"id_column": "id"},
        ["rows 0, 2", "'1'", "different labels", "'x', 'y'"],
    ),
    "label outside the classes": (
        "text,label\na,spam\nb,hamm\n",
        {"classes": ("spam", "ham")},
        ["row 1", "'hamm'", "labels.classes", "did you mean 'ham'"],
    ),
    "one class": ("text,label\na,x\nb,x\n", {}, ["only one class, 'x'", "labels.classes"]),
    "no class": ("text\na\nb\n", {"label_column": None}, ["no known labels", "labels.classes"]),
    "no rows": ("text,label\n", {}, ["t.csv", "no rows"]),
    "no bytes": ("", {}, ["t.csv", "empty"]),
    "too large a test set": (TEXTS, {"test_size": 3}, ["test_size is 3", "4 items", "2, may"]),
    "ragged row": ("text,label\na,x\nb,y,z\n", {}, ["t.csv", "Expected 2 columns, got 3"]),
    "one name twice": ("text,text,label\na,b,x\nc,d,y\n", {}, ["'text'", "more than one column"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_where_it_is(run, write, mistake):
    """The message names the file, the place, the value and the way out."""
    content, settings, said = MISTAKES[mistake]
    write("t.csv", content)
    with pytest.raises(DataError) as error:
        run(**{**TEXT, **settings})
    assert [part for part in said if part not in str(error.value)] == []


@pytest.mark.parametrize(
    ("value", "says"),
    [("", "nan"), ("NA", "nan"), ("inf", "inf"), ("1e39", "beyond 3.4e38"), ("five", "'five'")],
)
def test_a_feature_that_is_no_finite_number_is_told_by_row_and_column(run, write, value, says):
    """Gaps, infinities, numbers beyond float32 and words are refused."""
    write("t.csv", f"size,label\n1,x\n2,y\n{value},x\n4,y\n")
    with pytest.raises(DataError) as error:
        run(kind="table", path="t.csv", label_column="label", numeric_columns=["size"])
    message = str(error.value)
    assert "t.csv, row 2" in message and "'size'" in message and says in message


def test_a_test_set_needs_a_label_in_every_row(run, write):
    """A given test set without labels cannot judge anything."""
    write("t.csv", "text,label,split\na,x,pool\nb,y,pool\nc,,test\nd,x,test\n")
    with pytest.raises(DataError, match=r"test set t\.csv, row 2 .*no label"):
        run(**TEXT, split_column="split")


def test_a_test_class_that_the_pool_lacks_is_told(run, write):
    """A typo in the test set must not become a class of its own."""
    write("t.csv", "text,label,split\na,x,pool\nb,y,pool\nc,z,test\n")
    with pytest.raises(DataError, match=r"row 2 .*'z' is not in the classes found in the pool"):
        run(**TEXT, split_column="split")


def test_an_unsupported_file_type_is_told_with_those_that_are(run, write):
    """An .xlsx is refused by its name."""
    write("t.xlsx", "x")
    with pytest.raises(DataError, match=r"\.csv.*\.parquet.*'\.xlsx'"):
        run(**{**TEXT, "path": "t.xlsx"})


def test_a_file_that_is_not_there_is_told_with_its_neighbour(run, write):
    """A typo in a path is answered with the file that was meant."""
    write("tweets.csv", TEXTS)
    with pytest.raises(DataError, match=r"'tweet\.csv' is not there.*did you mean 'tweets\.csv'"):
        run(**{**TEXT, "path": "tweet.csv"})


def test_a_torn_json_line_is_told_by_its_number(run, write):
    """Line 2 is not JSON."""
    write("t.jsonl", '{"text": "a", "label": "x"}\n{"text": "b", \n')
    with pytest.raises(DataError, match=r"t\.jsonl, line 2 is not JSON"):
        run(**{**TEXT, "path": "t.jsonl"})


def test_latin_1_is_told_and_not_guessed(run, root):
    """A file that is not UTF-8 is refused with what to do."""
    (root / "t.csv").write_bytes("text,label\ncafé,x\nthé,y\n".encode("latin-1"))
    with pytest.raises(DataError, match="UTF-8"):
        run(**TEXT)
