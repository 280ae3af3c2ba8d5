"""Prepared data, opened: ids, payloads, digits."""

from __future__ import annotations

import time

import numpy as np
import pytest

from labelloop import datasets
from labelloop.campaign import Dataset
from labelloop.errors import DamagedFileError, DataError

TEXT = {"kind": "table", "path": "t.csv", "text_columns": ["text"], "label_column": "label"}


@pytest.fixture
def pool(run, write):
    write("t.csv", "text,label,topic\n" + "".join(f"text {n},{n % 2},t{n}\n" for n in range(9)))
    return run(**TEXT).prepared.pool


def test_rows_of_is_the_inverse_of_ids(pool):
    """Ids lead to their rows, in the order asked, as int64."""
    rows = np.array([4, 0, 8])
    found = pool.rows_of(list(pool.ids[rows]))
    assert found.dtype == np.int64
    assert found.tolist() == rows.tolist()


def test_rows_of_no_ids_is_empty(pool):
    """Nothing asked, nothing found, and no error."""
    assert pool.rows_of([]).tolist() == []


def test_an_unknown_id_is_told(pool):
    """The first unknown id is named."""
    with pytest.raises(DataError, match="'t-9999999'"):
        pool.rows_of(["t-0000001", "t-9999999"])


@pytest.mark.parametrize("dataset", [TEXT, {"kind": "digits"}], ids=["text", "images"])
def test_a_mask_is_refused_whatever_is_asked_for(run, write, dataset):
    """Not taken for rows 1 and 0."""
    write("t.csv", "text,label\n" + "".join(f"text {n},{n % 2}\n" for n in range(9)))
    pool = run(**dataset).prepared.pool
    mask = np.arange(len(pool)) > 5
    for ask in (pool.ids_of, pool.inputs, pool.reader(), pool.payload):
        with pytest.raises(DataError, match="not by a mask"):
            ask(mask)


def test_payload_is_an_allow_list(pool):
    """Only what was asked for is shown; by default the text alone."""
    rows = np.array([3, 1])
    assert pool.payload(rows) == [{"text": "text 3"}, {"text": "text 1"}]
    assert pool.payload(rows, ["topic"]) == [{"topic": "t3"}, {"topic": "t1"}]


def test_the_label_is_never_shown(pool):
    """Asking for the label column is refused, and its values are not even in the file."""
    with pytest.raises(DataError, match=r"'label'.*must not see"):
        pool.payload(np.array([0]), ["label"])


def test_the_split_is_never_shown(pool):
    """Annotators must not know which items judge the model."""
    with pytest.raises(DataError, match="'split'"):
        pool.payload(np.array([0]), ["split"])


def test_an_unknown_column_is_told_with_the_nearest(pool):
    """A typo in payload_columns is answered with the column that was meant."""
    with pytest.raises(DataError, match="'topc'; did you mean 'topic'"):
        pool.payload(np.array([0]), ["topc"])


def test_slices_and_rows_agree(pool):
    """inputs(slice) is inputs(rows) of the same rows, steps and ends included."""
    for part in (slice(None), slice(2, 5), slice(7, 100), slice(0, 9, 3), slice(5, 5)):
        assert list(pool.inputs(part)) == list(pool.inputs(np.arange(9)[part]))


def test_digits_need_no_file(run):
    """1,797 pictures as features, ten classes, a sampled test set, and a picture for people."""
    result = run(kind="digits", test_size=300)
    assert result.summary["n_pool"] + result.summary["n_test"] == len(result.prepared.pool) == 1797
    assert result.prepared.classes == tuple("0123456789")
    assert result.prepared.pool.inputs(slice(0, 2)).shape == (2, 64)
    assert result.prepared.splits.sum() == 300
    (shown,) = result.prepared.pool.payload(np.array([0]))
    assert len(shown["features"]) == 64
    assert shown["image"].startswith("data:image/png;base64,")


def test_digits_have_no_source_files(root):
    """There is nothing of the user's to digest."""
    assert datasets.source_files(Dataset(), root) == []


def test_the_summary_counts_known_labels(run, write):
    """Class counts are of the whole pool, sampled test items included."""
    write("t.csv", "text,label\na,x\nb,x\nc,y\nd,\n")
    assert run(**TEXT).summary["known_counts"] == {"pool": {"x": 2, "y": 1}, "test": None}


def test_a_damaged_pool_is_told(run, write):
    """A file that is no Parquet any more is named."""
    write("t.csv", "text,label\na,x\nb,x\nc,y\nd,y\n")
    out = run(**TEXT).out
    (out / "pool.parquet").write_bytes(b"PAR1")
    with pytest.raises(DamagedFileError, match=r"pool\.parquet"):
        datasets.open_prepared(out)


def test_a_hundred_thousand_rows_take_no_loop_over_rows(run, root):
    """Preparing and opening 100,000 rows stays far below what a Python loop with checks would take."""
    np.save(root / "x.npy", np.random.default_rng(0).random((100_000, 8), dtype=np.float32))
    np.save(root / "y.npy", np.arange(100_000) % 3)
    start = time.perf_counter()
    pool = run(kind="arrays", path="x.npy", labels_path="y.npy").prepared.pool
    assert pool.rows_of(pool.ids[::50]).tolist() == list(range(0, 100_000, 50))
    assert time.perf_counter() - start < 5


def test_neighbouring_rows_are_no_copy_and_still_change_no_file(run, root):
    """A pass over the pool reads the file's pages; a learner that scales its inputs in place harms nobody."""
    x = np.arange(24, dtype=np.float32).reshape(8, 3)
    np.save(root / "x.npy", x)
    before = (root / "x.npy").read_bytes()
    pool = run(kind="arrays", path="x.npy", classes=("a", "b")).prepared.pool
    rows = pool.inputs(slice(2, 5))
    assert rows.base is not None
    rows *= 100
    assert (root / "x.npy").read_bytes() == before
    assert (pool.inputs(slice(2, 5)) == x[2:5]).all()
