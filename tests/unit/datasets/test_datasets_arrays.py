"""Arrays: a .npy is used where it lies, a .npz is unpacked once, and misfits are told."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from labelloop import datasets
from labelloop.campaign import Dataset
from labelloop.datasets import array_file
from labelloop.datasets.array_file import RowsOnDisk
from labelloop.errors import DamagedFileError, DataError

NPY = {"kind": "arrays", "path": "x.npy", "labels_path": "y.npy"}
NPZ = {"kind": "arrays", "path": "d.npz"}


def save(root, x, y=None, **others):
    np.save(root / "x.npy", x)
    if y is not None:
        np.save(root / "y.npy", y)
    for name, array in others.items():
        np.save(root / f"{name}.npy", array)


def features(count=8, width=3, dtype=np.float64):
    return np.arange(count * width).reshape(count, width).astype(dtype)


def labels(count=8):
    return np.arange(count) % 2


def test_a_npy_is_not_copied(run, root):
    """data/ holds no array, and the user's float64 comes out as float32 row by row."""
    save(root, features(), labels())
    result = run(**NPY)
    assert not list(result.out.glob("*.npy"))
    rows = result.prepared.pool.inputs(np.array([5, 2]))
    assert rows.dtype == np.float32
    assert rows.tolist() == [[15, 16, 17], [6, 7, 8]]


def test_rows_of_a_npy_stay_with_their_items_after_folding(run, root):
    """A dropped copy shifts no later item's features, label or id."""
    x = features()
    x[3] = x[1]
    save(root, x, np.array(list("abcbefgh")))
    pool = run(**NPY).prepared.pool
    assert pool.ids[3] == "x-00000004"
    assert pool.inputs(slice(2, 5))[:, 0].tolist() == [6, 12, 15]
    assert pool.inputs(pool.rows_of(["x-00000007"])).tolist() == [[21, 22, 23]]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4", np.int16, np.bool_])
@pytest.mark.parametrize("layout", ["C", "F"])
@pytest.mark.parametrize("copies", [0, 1])
def test_rows_read_when_they_are_sliced_are_the_rows(run, root, dtype, layout, copies):
    """Whatever the file's type and layout, whether or not rows of it were dropped, and where a slice ends."""
    random = np.random.default_rng(0)
    x = (random.integers(0, 2, (40, 24)) * random.normal(50, 10, (40, 24))).astype(dtype)
    x[:copies] = x[30 : 30 + copies]
    save(root, np.asarray(x, order=layout), np.arange(40) % 2)
    pool = run(**NPY, duplicates="fold").prepared.pool
    expected = pool.inputs(slice(None))
    assert len(expected) == 40 - copies
    for rows, step in ((slice(0, 39), 7), (slice(5, 26), 7), (slice(5, 26), 100), (slice(8, 9), 1)):
        with pool.sliced(rows) as lying:
            assert isinstance(lying, RowsOnDisk) == (not copies and layout == "C")
            assert len(lying) == len(expected[rows])
            assert (lying.shape, lying.ndim, lying.dtype) == (expected[rows].shape, 2, np.float32)
            pieces = [lying[start : start + step].copy() for start in range(0, len(lying), step)]
            assert np.array_equal(np.asarray(lying), expected[rows])
            assert np.array_equal(lying[-2:], expected[rows][-2:])
            assert len(lying[3:2]) == 0
        assert np.concatenate(pieces).dtype == np.float32
        assert np.array_equal(np.concatenate(pieces), expected[rows])


def test_a_reader_gives_the_inputs(run, root):
    x = features(count=30)
    x[3] = x[1]
    save(root, x, np.arange(30) % 2)
    pool = run(**NPY, duplicates="fold").prepared.pool
    read = pool.reader()
    for rows in (np.array([9, 2, 20]), slice(3, 9), np.array([], dtype=np.int64)):
        assert np.array_equal(read(rows), pool.inputs(rows))
        assert read(rows).dtype == np.float32


def test_an_array_that_ends_while_it_is_read_is_told(root):
    np.save(root / "x.npy", features(count=100).astype(np.float32))
    with RowsOnDisk(np.load(root / "x.npy", mmap_mode="r"), 0, 100) as rows:
        assert len(rows[:10]) == 10
        with (root / "x.npy").open("r+b") as stream:
            stream.truncate(600)
        with pytest.raises(DamagedFileError, match=r"x\.npy ends too early"):
            rows[10:100]


def test_a_campaign_that_moved_still_finds_its_array(run, root, tmp_path):
    """A relative path is kept relative."""
    save(root, features(), labels())
    run(**NPY)
    shutil.move(root, tmp_path / "elsewhere")
    pool = datasets.open_prepared(tmp_path / "elsewhere" / "data").pool
    assert pool.inputs(slice(1, 2)).tolist() == [[3, 4, 5]]


def test_an_array_that_was_replaced_is_noticed(run, root):
    """Another shape under the same name is refused when it is read."""
    save(root, features(), labels())
    pool = run(**NPY).prepared.pool
    np.save(root / "x.npy", features(7))
    with pytest.raises(DamagedFileError, match=r"x\.npy has shape \[7, 3\].*prepared with \[8, 3\]"):
        pool.inputs(slice(0, 1))


def test_a_npz_with_a_test_set(run, root):
    """Pool and test set come from their keys; ids of the two never meet."""
    x = np.random.default_rng(0).integers(0, 255, (9, 4, 4), dtype=np.uint8)
    np.savez(root / "d.npz", x_train=x[:6], y_train=labels(6), x_test=x[6:], y_test=labels(3))
    result = run(**NPZ)
    assert result.summary["input_kind"] == "images"
    assert (result.prepared.pool.inputs(slice(None)) == x[:6]).all()
    assert (result.prepared.test.inputs(slice(None)) == x[6:]).all()
    assert list(result.prepared.test_known) == ["0", "1", "0"]
    assert not set(result.prepared.pool.ids) & set(result.prepared.test.ids)
    assert sorted(path.name for path in result.out.glob("*.npy")) == ["pool.npy", "test.npy"]


def test_folded_images_of_a_npz_leave_pool_npy(run, root):
    """Rows of pool.parquet and of pool.npy correspond."""
    x = np.random.default_rng(0).integers(0, 255, (6, 4, 4), dtype=np.uint8)
    x[2] = x[0]
    np.savez_compressed(root / "d.npz", x_train=x, y_train=labels(6))
    result = run(**NPZ)
    assert (np.load(result.out / "pool.npy") == np.delete(x, 2, axis=0)).all()
    assert len(result.prepared.pool) == 5


def test_images_in_arrays_are_shown_as_png(run, root):
    """What people see is the very picture, in an address that needs no server."""
    import base64
    import io

    from PIL import Image

    x = np.random.default_rng(0).integers(0, 255, (6, 5, 4, 3), dtype=np.uint8)
    save(root, x, labels(6))
    (shown,) = run(**NPY).prepared.pool.payload(np.array([3]))
    kind, content = shown["image"].split(",")
    assert kind == "data:image/png;base64"
    assert (np.asarray(Image.open(io.BytesIO(base64.b64decode(content)))) == x[3]).all()


def test_a_given_npy_test_set(run, root):
    """test_path and test_labels_path are the test set; nothing is sampled."""
    save(root, features(), labels(), xt=features() + 100, yt=labels())
    result = run(**NPY, test_path="xt.npy", test_labels_path="yt.npy")
    assert not result.prepared.splits.any()
    assert result.prepared.test.inputs(slice(0, 1)).tolist() == [[100, 101, 102]]


def test_labels_may_be_unknown(run, root):
    """Without labels_path nothing is known, and classes must be named."""
    save(root, features())
    prepared = run(kind="arrays", path="x.npy", classes=("a", "b")).prepared
    assert list(prepared.known) == [None] * 8


@pytest.mark.parametrize(
    "y",
    [
        np.array([1, 0] * 4, dtype=">i4"),
        np.array([[1], [0]] * 4),
        np.array([1.0, 0.0] * 4),
        np.array(["1", "0"] * 4),
        np.array([b"1", b"0"] * 4),
    ],
)
def test_labels_of_any_plain_type_are_text(run, root, y):
    """Integers of either byte order, columns, whole floats, text and bytes give the same class names."""
    save(root, features(), y)
    assert list(run(**NPY).prepared.known) == ["1", "0"] * 4


def test_blocks_cover_every_row_once(root, monkeypatch):
    """A small block size changes nothing in what is read."""
    monkeypatch.setattr(array_file, "BLOCK_BYTES", 50)
    save(root, features(11))
    read = [block for _, block in array_file.blocks(root / "x.npy", "x.npy")]
    assert len(read) > 1
    assert (np.concatenate(read) == features(11)).all()


def test_source_files_name_each_file_once(root):
    """Pool, labels and test set."""
    save(root, features(), labels(), xt=features(), yt=labels())
    dataset = Dataset(**NPY, test_path="xt.npy", test_labels_path="yt.npy")
    assert [path.name for path in datasets.source_files(dataset, root)] == [
        "x.npy",
        "y.npy",
        "xt.npy",
        "yt.npy",
    ]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39])
def test_a_number_that_is_not_finite_is_told_by_row_and_column(run, root, monkeypatch, value):
    """Also in a later block, the row is the array's."""
    monkeypatch.setattr(array_file, "BLOCK_BYTES", 50)
    x = features()
    x[6, 1] = value
    save(root, x, labels())
    with pytest.raises(DataError, match=r"x\.npy, row 6 \(counted from 0\), column 1: "):
        run(**NPY)


MISFITS = {
    "one dimension": (np.arange(8.0), labels(), r"shape \(8,\)"),
    "float images": (np.zeros((8, 4, 4)), labels(), "float64"),
    "two channels": (np.zeros((8, 4, 4, 2), np.uint8), labels(), "channels"),
    "complex": (features(dtype=np.complex64), labels(), "complex64"),
    "no rows": (features(0), labels(0), "no items"),
    "labels too few": (features(), labels(7), r"7 labels, but x\.npy has 8 rows"),
    "one-hot labels": (features(), np.eye(8), r"shape \(8, 8\)"),
    "labels that are dates": (features(), np.zeros(8, "datetime64[s]"), "datetime64"),
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_arrays_that_do_not_fit_are_told(run, root, misfit):
    """The message gives the shape or the type."""
    x, y, says = MISFITS[misfit]
    save(root, x, y)
    with pytest.raises(DataError, match=says):
        run(**NPY)


def test_an_array_of_python_objects_is_never_unpickled(run, root):
    """A pickle within a .npy is refused, not loaded."""
    np.save(root / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"x\.npy holds Python objects"):
        run(kind="arrays", path="x.npy", classes=("a", "b"))


def test_a_missing_key_is_told_with_those_present(run, root):
    """The .npz's own names are listed."""
    np.savez(root / "d.npz", data=features(), target=labels())
    with pytest.raises(DataError, match=r"features_key: d\.npz has no array 'x_train'.*data, target"):
        run(**NPZ)


def test_a_missing_label_key_that_was_asked_for_is_told(run, root):
    """The default key may be absent; another one may not."""
    np.savez(root / "d.npz", x_train=features(), target=labels())
    with pytest.raises(DataError, match=r"labels_key: .*no array 'targets'.*did you mean 'target'"):
        run(**NPZ, labels_key="targets")


def test_a_test_set_without_labels_is_refused(run, root):
    """x_test without y_test cannot judge; the message says how to go without it."""
    np.savez(root / "d.npz", x_train=features(), y_train=labels(), x_test=features() + 100)
    with pytest.raises(DataError, match="has no labels"):
        run(**NPZ)
    assert run(**NPZ, test_features_key="", out="again").summary["test_set"] == "sampled"


def test_test_items_of_another_shape_are_refused(run, root):
    """A model sees one shape."""
    save(root, features(), labels(), xt=features(8, 4), yt=labels())
    with pytest.raises(DataError, match=r"shape \(3,\).*\(4,\)"):
        run(**NPY, test_path="xt.npy", test_labels_path="yt.npy")


@pytest.mark.parametrize("name", ["x.npy", "d.npz"])
def test_a_file_that_is_cut_short_is_told(run, root, name):
    """Half a download is no array."""
    np.savez(root / "d.npz", x_train=features(400), y_train=labels(400))
    save(root, features(400))
    (root / name).write_bytes((root / name).read_bytes()[:-700])
    with pytest.raises(DataError, match=name):
        run(kind="arrays", path=name, classes=("a", "b"))
