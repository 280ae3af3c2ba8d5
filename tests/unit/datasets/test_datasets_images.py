"""Image folders and tables of images."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from labelloop import datasets
from labelloop.campaign import Dataset
from labelloop.datasets.picture import decode, png_uri
from labelloop.errors import DataError

FOLDER = {"kind": "images", "path": "pool", "label_column": "folder", "image_size": (8, 8)}


def draw(path, seed, size=(12, 10), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, **options)
    return pixels


@pytest.fixture
def pool(root):
    for seed in range(6):
        draw(root / "pool" / ("cat", "dog")[seed % 2] / f"{seed}.{('png', 'JPG')[seed % 2]}", seed)
    return root / "pool"


def test_a_folder_gives_sorted_items_with_their_folders_label(run, pool):
    """Ids are the relative paths, labels the folders' names, inputs one size."""
    result = run(**FOLDER)
    assert list(result.prepared.pool.ids) == [
        "cat/0.png", "cat/2.png", "cat/4.png", "dog/1.JPG", "dog/3.JPG", "dog/5.JPG"
    ]  # fmt: skip
    assert list(result.prepared.known) == ["cat"] * 3 + ["dog"] * 3
    images = result.prepared.pool.inputs(slice(None))
    assert images.shape == (6, 8, 8, 3)
    assert images.dtype == np.uint8


def test_people_are_shown_the_file_itself(run, pool):
    """The payload is the image's absolute path, also when the campaign's path was relative."""
    (shown,) = run(**FOLDER).prepared.pool.payload(np.array([0]))
    assert shown == {"image": str(pool.resolve() / "cat" / "0.png")}


def test_grey_images_have_no_channels(run, pool):
    """Mode L gives (n, height, width)."""
    assert run(**FOLDER, image_mode="L").prepared.pool.inputs(slice(None)).shape == (6, 8, 8)


def test_same_size_pixels_are_untouched(run, root):
    """An image of the right size is not resampled."""
    drawn = [draw(root / "pool" / name / "0.png", seed, size=(8, 8)) for seed, name in enumerate("abcd")]
    assert (run(**FOLDER).prepared.pool.inputs(slice(None)) == np.stack(drawn)).all()


def test_exif_orientation_turns_the_picture(tmp_path):
    """A phone's portrait is stored lying; it is decoded upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = draw(tmp_path / "a.png", 0, size=(6, 9), exif=exif)
    assert (decode(tmp_path / "a.png", "RGB") == np.rot90(pixels, -1)).all()


def test_deep_greys_keep_their_range(tmp_path):
    """16-bit pictures are scaled to 8 bits, not cut off at 255."""
    Image.fromarray(np.array([[0, 32768], [65535, 256]], np.uint16)).save(tmp_path / "a.png")
    assert decode(tmp_path / "a.png", "L").tolist() == [[0, 128], [255, 1]]


def test_copies_are_found_by_pixels_not_by_names(run, pool, root):
    """The same picture saved anew, with other bytes, is a copy."""
    with Image.open(pool / "cat" / "0.png") as image:
        image.save(pool / "dog" / "copy.png", compress_level=0)
    result = run(**FOLDER)
    assert result.summary["folded_duplicates"] == 1
    assert result.summary["folded_with_another_label"] == 1


def test_an_unreadable_image_is_refused_by_name(run, pool):
    """The file is named, and so is the way to skip it."""
    (pool / "cat" / "bad.png").write_bytes(b"\x89PNG no picture")
    with pytest.raises(DataError, match=r"bad\.png cannot be read.*dataset\.unreadable to skip"):
        run(**FOLDER)


def test_a_truncated_image_is_unreadable(run, pool):
    """Half a picture is not filled up with grey."""
    path = pool / "dog" / "1.JPG"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=r"1\.JPG cannot be read"):
        run(**FOLDER)


def test_unreadable_images_can_be_skipped_and_are_counted(run, pool):
    """The others keep their rows, and the summary names what is missing."""
    whole = run(**FOLDER).prepared.pool
    (pool / "cat" / "1bad.png").write_bytes(b"nothing")
    result = run(**FOLDER, unreadable="skip", out="again")
    assert result.summary["skipped_images"] == {"count": 1, "first": ["pool/cat/1bad.png"]}
    assert list(result.prepared.pool.ids) == list(whole.ids)
    assert (result.prepared.pool.inputs(slice(None)) == whole.inputs(slice(None))).all()


def test_a_given_test_folder_may_use_the_same_names(run, pool, root):
    """cat/0.png in both folders is two items."""
    draw(root / "test" / "cat" / "0.png", 100)
    draw(root / "test" / "dog" / "1.png", 101)
    prepared = run(**FOLDER, test_path="test").prepared
    assert list(prepared.test.ids) == ["test/cat/0.png", "test/dog/1.png"]
    assert list(prepared.test_known) == ["cat", "dog"]


def test_a_table_of_paths_starts_at_its_own_folder(run, pool, write):
    """Paths are relative to the table; id and label come from its columns."""
    rows = "".join(f"i{n},{('cat', 'dog')[n % 2]}/{n}.{('png', 'JPG')[n % 2]},{n % 2}\n" for n in range(6))
    write("pool/list.csv", "id,file,label\n" + rows)
    prepared = run(
        kind="images", path="pool/list.csv", path_column="file", id_column="id", label_column="label"
    ).prepared
    assert list(prepared.pool.ids) == [f"i{n}" for n in range(6)]
    assert list(prepared.known) == ["0", "1"] * 3
    assert prepared.pool.payload(np.array([1]))[0]["image"] == str(pool.resolve() / "dog" / "1.JPG")


def test_a_table_can_split_its_images(run, pool, write):
    """Pool and test images go with their rows, also after a skipped one."""
    rows = "".join(
        f"{('cat', 'dog')[n % 2]}/{n}.{('png', 'JPG')[n % 2]},{n % 2},{'test' if n > 3 else 'pool'}\n"
        for n in range(6)
    )
    write("pool/list.csv", "path,label,split\ngone.png,0,pool\n" + rows)
    options = {"kind": "images", "image_size": (12, 10), "unreadable": "skip"}
    prepared = run(**options, path="pool/list.csv", label_column="label", split_column="split").prepared
    assert len(prepared.pool) == 4
    assert (prepared.pool.inputs(slice(2, 3))[0] == decode(pool / "cat" / "2.png", "RGB")).all()
    assert (prepared.test.inputs(slice(0, 1))[0] == decode(pool / "cat" / "4.png", "RGB")).all()


def test_source_files_are_every_image(pool, root, write):
    """Of a folder all images; of a table the table and what it names."""
    assert len(datasets.source_files(Dataset(**FOLDER), root)) == 6
    write("pool/list.csv", "path\ncat/0.png\ndog/1.JPG\n")
    names = datasets.source_files(Dataset(kind="images", path="pool/list.csv"), root)
    assert [path.name for path in names] == ["list.csv", "0.png", "1.JPG"]


def test_a_folder_without_images_is_refused(run, write):
    """The endings that count are named."""
    write("pool/readme.txt", "no picture")
    with pytest.raises(DataError, match=r"pool holds no image.*\.jpeg"):
        run(**FOLDER)


def test_a_folder_has_no_columns(run, pool):
    """A label column of a folder can only be 'folder'."""
    with pytest.raises(DataError, match=r"label_column is 'label', but 'pool' is a folder"):
        run(**{**FOLDER, "label_column": "label"})


def test_png_uri_refuses_nothing_that_arrays_allow():
    """Grey, grey with a channel, RGB and RGBA are all PNG."""
    for shape in ((3, 2), (3, 2, 1), (3, 2, 3), (3, 2, 4)):
        assert png_uri(np.zeros(shape, np.uint8)).startswith("data:image/png;base64,iVBOR")
