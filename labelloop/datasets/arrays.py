"""Arrays of features or images: a .npy is used where it lies, the arrays of a .npz are unpacked once."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from labelloop.campaign import Dataset
from labelloop.datasets.array_file import open_array, scan_features, scan_images
from labelloop.datasets.paths import locate, stem_of, stored_as
from labelloop.datasets.remote import is_remote, place_copy
from labelloop.datasets.source import ArrayFile, Part, Source, Strings, as_labels, no_labels, row_ids
from labelloop.errors import DataError
from labelloop.hints import did_you_mean


@dataclass(frozen=True)
class Location:
    """Where one set's inputs and labels are, and which settings say so."""

    written: str
    path_setting: str
    key: str
    label_key: str
    key_setting: str
    label_key_setting: str
    labels_written: str | None
    labels_setting: str


def files(dataset: Dataset, root: Path) -> list[Path]:
    """The arrays' files, each once."""
    settings = ("path", "labels_path", "test_path", "test_labels_path")
    found = [locate(getattr(dataset, name), root, name) for name in settings if getattr(dataset, name)]
    return list(dict.fromkeys(found))


def read(dataset: Dataset, root: Path, out: Path) -> Source:
    """Check shapes, types and numbers of the arrays, block by block."""
    for name in ("id_column", "label_column", "split_column"):
        if getattr(dataset, name):
            raise DataError(
                f"dataset.{name} is {getattr(dataset, name)!r}, but arrays have no columns; remove it. "
                "Labels are named by dataset.labels_path (.npy) or dataset.labels_key (.npz)"
            )
    where = Location(dataset.path or "", "path", dataset.features_key, dataset.labels_key, "features_key",
                     "labels_key", dataset.labels_path, "labels_path")  # fmt: skip
    pool = _part(where, root, out / "pool-array.npy", "")
    test_where = _test_location(dataset, root)
    test = None
    if test_where is not None:
        same_stem = stem_of(Path(dataset.path or "")) == stem_of(Path(test_where.written))
        test = _part(test_where, root, out / "test-array.npy", "-test" if same_stem else "")
        _refuse_other_shape(pool, test)
    elif dataset.test_labels_path:
        raise DataError(
            f"dataset.test_labels_path is {dataset.test_labels_path!r}, but there is no test set; set "
            "dataset.test_path too"
        )
    is_image = open_array(pool.array.path, pool.name).ndim > 2 if pool.array else False
    kind = "images" if is_image else "features"
    return Source("images" if is_image else "features", pool, test,
                  payload_columns=("image",) if kind == "images" else ("features",))  # fmt: skip


def _test_location(dataset: Dataset, root: Path) -> Location | None:
    written = dataset.test_path
    key, label_key = dataset.test_features_key, dataset.test_labels_key
    if written is None:
        path = locate(dataset.path or "", root, "path")
        if path.suffix.lower() != ".npz" or not key:
            return None
        default = type(dataset).model_fields["test_features_key"].default
        if key not in _members(path, dataset.path or "") and key == default:
            return None
        written = dataset.path or ""
    return Location(written, "test_path", key, label_key, "test_features_key", "test_labels_key",
                    dataset.test_labels_path, "test_labels_path")  # fmt: skip


def _part(where: Location, root: Path, scratch: Path, suffix: str) -> Part:
    path = locate(where.written, root, where.path_setting)
    ending = path.suffix.lower()
    name = where.written
    if ending == ".npz":
        name = f"{where.written} [{where.key}]"
        _unpack(path, where.key, where.written, where.key_setting, scratch)
        array_file = ArrayFile(scratch)
    elif ending == ".npy" and is_remote(where.written):
        # data/ must hold it: the copy belongs to this machine only.
        place_copy(path, scratch)
        array_file = ArrayFile(scratch)
    elif ending == ".npy":
        array_file = ArrayFile(path, in_place=True, stored_as=stored_as(where.written, path))
    else:
        raise DataError(
            f"dataset.{where.path_setting}: {where.written!r} must be .npy or .npz to be read as arrays"
        )
    array = open_array(array_file.path, name)
    _refuse_unfit(array, name)
    digests = scan_features(array_file.path, name) if array.ndim == 2 else scan_images(array_file.path, name)
    rows = np.arange(len(array))
    return Part(
        name=name,
        ids=row_ids(stem_of(path) + suffix, rows, 8),
        labels=_labels(where, path, root, scratch, array),
        content=digests,
        rows=rows,
        array=array_file,
    )


def _refuse_unfit(array: np.ndarray, name: str) -> None:
    numeric = np.issubdtype(array.dtype, np.number) or array.dtype == np.bool_
    numeric = numeric and not np.issubdtype(array.dtype, np.complexfloating)
    is_image = array.dtype == np.uint8 and (
        array.ndim == 3 or (array.ndim == 4 and array.shape[3] in (1, 3, 4))
    )
    if not (is_image or (array.ndim == 2 and numeric)):
        raise DataError(
            f"{name} has shape {array.shape} and type {array.dtype}; it must be (items, features) of "
            "numbers, or uint8 images as (items, height, width) or (items, height, width, 1, 3 or 4 channels)"
        )
    if 0 in array.shape:
        raise DataError(f"{name} has shape {array.shape}: no items, or items without content")


def _refuse_other_shape(pool: Part, test: Part) -> None:
    shapes = [open_array(part.array.path, part.name).shape[1:] for part in (pool, test) if part.array]
    if shapes[0] != shapes[1]:
        raise DataError(
            f"items of {pool.name} have shape {shapes[0]}, those of {test.name} {shapes[1]}; "
            "both must be equal"
        )


def _labels(where: Location, path: Path, root: Path, scratch: Path, inputs: np.ndarray) -> Strings:
    count = len(inputs)
    if where.labels_written:
        name = where.labels_written
        labels_path = locate(name, root, where.labels_setting)
        if labels_path.suffix.lower() != ".npy":
            raise DataError(f"dataset.{where.labels_setting}: {name!r} must be .npy")
        labels = open_array(labels_path, name)
    elif path.suffix.lower() == ".npz":
        default = Dataset.model_fields[where.label_key_setting].default
        if where.label_key not in _members(path, where.written) and where.label_key in ("", default):
            return no_labels(count)
        name = f"{where.written} [{where.label_key}]"
        unpacked = scratch.with_name(f"labels-{scratch.name}")
        _unpack(path, where.label_key, where.written, where.label_key_setting, unpacked)
        labels = np.array(open_array(unpacked, name))
        unpacked.unlink()
    else:
        return no_labels(count)
    if labels.size != len(labels):
        raise DataError(f"{name} has shape {labels.shape}; labels must be one a row, shape ({count},)")
    if len(labels) != count:
        raise DataError(
            f"{name} has {len(labels)} labels, but {where.written} has {count} rows; they must be as many"
        )
    if labels.dtype.kind not in "biufUS":
        raise DataError(f"{name} has type {labels.dtype}; labels must be whole numbers or text")
    flat: np.ndarray = labels.reshape(-1)
    if flat.dtype.kind == "S":
        flat = np.char.decode(flat, "utf-8", "replace")
    # Arrow takes numbers of this machine's byte order only.
    return as_labels(pa.array(flat.astype(flat.dtype.newbyteorder("="), copy=False)))


def _members(path: Path, name: str) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return [entry.removesuffix(".npy") for entry in archive.namelist()]
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{name} cannot be read as .npz: {error}") from None


def _unpack(path: Path, key: str, name: str, setting: str, destination: Path) -> None:
    """Stream one array of a .npz into its own .npy, whatever its size."""
    members = _members(path, name)
    if key not in members:
        hint = did_you_mean(key, members, then=f"Arrays: {', '.join(members)}")
        raise DataError(f"dataset.{setting}: {name} has no array {key!r}; {hint}")
    try:
        with (
            zipfile.ZipFile(path) as archive,
            archive.open(f"{key}.npy") as packed,
            destination.open("wb") as to,
        ):
            shutil.copyfileobj(packed, to, 1 << 20)
    except (zipfile.BadZipFile, zipfile.zlib.error, EOFError) as error:  # type: ignore[attr-defined]
        raise DataError(f"{name}, array {key!r} is damaged: {error}; get the file anew") from None
