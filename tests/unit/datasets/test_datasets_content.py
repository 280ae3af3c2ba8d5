"""Duplicates, overlaps and the sampled test set."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from labelloop.datasets import content
from labelloop.datasets.split import sample_test_set
from labelloop.errors import DataError

TEXT = {"kind": "table", "path": "t.csv", "text_columns": ["text"], "label_column": "label"}
COPIES = "text,label\na b,x\nc,y\na  b,x\nd,y\n a b,y\ne,x\n"


@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(2, 6), st.integers(1, 5)),
        elements=st.sampled_from([0.0, -0.0, 1.0, 2.0, 0.5]),
    )
)
def test_rows_share_a_digest_exactly_when_they_are_equal(rows):
    """Equal rows, -0.0 and 0.0 alike, have one digest; others have others."""
    digests = content.of_rows(rows)
    equal = (rows[:, None] == rows[None]).all(axis=2)
    assert ((digests[:, None] == digests[None]) == equal).all()


def test_swapped_columns_are_other_content():
    """A digest depends on where a value stands."""
    assert len(set(content.of_rows(np.array([[1, 2, 3, 4], [3, 4, 1, 2], [2, 1, 4, 3]], np.float32)))) == 3


def test_small_differences_never_collide():
    """Ten thousand rows that differ in one bit or one small integer have ten thousand digests."""
    grid = np.stack(np.meshgrid(np.arange(100), np.arange(100)), axis=-1).reshape(-1, 2).astype(np.float32)
    assert len(np.unique(content.of_rows(grid))) == len(grid)


def test_images_of_any_width_have_digests():
    """Rows whose bytes are no multiple of eight are padded, not cut."""
    pictures = np.zeros((2, 3, 3), np.uint8)
    pictures[1, 2, 2] = 1
    assert len(set(content.of_rows(pictures))) == 2


@given(st.lists(st.integers(0, 5), min_size=1))
def test_first_copies_are_the_first_places(values):
    """Every item is led to the first item that equals it."""
    assert content.first_copies(np.array(values, np.uint64)).tolist() == [values.index(v) for v in values]


@given(st.lists(st.integers(0, 5)), st.lists(st.integers(0, 5)))
def test_matches_are_first_places_in_the_other_list(values, others):
    """What is in both lists is found, and nothing else."""
    found = content.matches(np.array(values, np.uint64), np.array(others, np.uint64))
    assert found.tolist() == [others.index(v) if v in others else -1 for v in values]


def test_fold_keeps_the_first_of_each_and_counts_the_rest(run, write):
    """White space makes no other text; a copy with another label is counted apart."""
    write("t.csv", COPIES)
    result = run(**TEXT)
    assert list(result.prepared.pool.inputs(slice(None))) == ["a b", "c", "d", "e"]
    assert result.summary["folded_duplicates"] == 2
    assert result.summary["folded_with_another_label"] == 1
    assert list(result.prepared.known) == ["x", "y", "y", "x"]


def test_refuse_lists_the_first_pairs(run, write):
    """Which item copies which is said."""
    write("t.csv", COPIES)
    with pytest.raises(DataError, match=r"2 items of t\.csv are copies.*'t-0000002' is 't-0000000'"):
        run(**TEXT, duplicates="refuse")


@pytest.mark.parametrize("seed", range(6))
def test_kept_copies_of_sampled_test_items_leave_the_pool(run, write, seed):
    """No pool item has the content of a test item, whichever were drawn; nothing else is lost."""
    write("t.csv", COPIES)
    result = run(**TEXT, duplicates="keep", seed=seed)
    texts = [" ".join(text.split()) for text in result.prepared.pool.inputs(slice(None))]
    splits = result.prepared.splits
    test = {text for text, in_test in zip(texts, splits, strict=True) if in_test}
    assert not test & {text for text, in_test in zip(texts, splits, strict=True) if not in_test}
    assert len(texts) + result.summary["dropped_copies_of_test"] == 6
    assert splits.sum() == 2


def test_overlap_with_a_given_test_set_is_refused_with_pairs(run, write):
    """The pool may not hold what judges the model."""
    write("t.csv", "text,label,split\na,x,pool\nb,y,pool\nc,x,pool\n b ,y,test\n")
    with pytest.raises(DataError, match=r"1 items of the pool .*'t-0000001' is 't-0000003'.*overlap to drop"):
        run(**TEXT, split_column="split")


def test_overlap_can_be_dropped_from_the_pool(run, write):
    """The test set stays whole, the pool gives way, and the count is kept."""
    write("t.csv", "text,label,split\na,x,pool\nb,y,pool\nc,x,pool\n b ,y,test\n")
    result = run(**TEXT, split_column="split", overlap="drop")
    assert list(result.prepared.pool.inputs(slice(None))) == ["a", "c"]
    assert result.summary["dropped_overlaps"] == 1
    assert result.summary["n_test"] == 1


def test_a_pool_that_is_all_test_is_refused(run, write):
    """Dropping the overlap may leave nothing to ask about."""
    write("t.csv", "text,label,split\na,x,pool\nb,y,pool\na,x,test\nb,y,test\n")
    with pytest.raises(DataError, match="every item of the pool"):
        run(**TEXT, split_column="split", overlap="drop")


def test_one_id_in_both_sets_is_refused(run, write):
    """An id stands for one item, whichever set it is in."""
    write("t.csv", "id,text,label,split\n1,a,x,pool\n2,b,y,pool\n2,c,y,test\n")
    with pytest.raises(DataError, match=r"id '2' is in the test set \(t\.csv, row 2\) and in the pool"):
        run(**TEXT, id_column="id", split_column="split")


def test_the_sampled_test_set_depends_on_the_seed_alone():
    """One seed, one sample; another seed, another; always of the size that was asked for."""
    samples = [sample_test_set(1000, 100, seed) for seed in (0, 0, 1)]
    assert (samples[0] == samples[1]).all()
    assert (samples[0] != samples[2]).any()
    assert [sample.sum() for sample in samples] == [100] * 3


def test_every_item_is_as_likely_to_be_sampled():
    """Over 2,000 seeds each of ten items is drawn about three times in ten."""
    share = np.mean([sample_test_set(10, 3, seed) for seed in range(2000)], axis=0)
    assert np.abs(share - 0.3).max() < 0.05


def test_equal_inputs_give_equal_bytes(run, write):
    """Every file of two runs is the same, byte by byte."""
    write("t.csv", COPIES)
    folders = [run(**TEXT, out=name).out for name in ("data", "again")]
    digests = [
        {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}
        for folder in folders
    ]
    assert digests[0] == digests[1]
    assert set(digests[0]) == {"pool.parquet", "known.parquet", "dataset.json"}
