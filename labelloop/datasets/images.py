"""Images: a folder of PNG and JPEG files, or a table of their paths.

Each file is decoded once, resized, and streamed into a .npy; the pool never lies in memory. What counts
as the same image is decided on the pixels before they are resized.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from labelloop.campaign import Dataset
from labelloop.datasets import content
from labelloop.datasets.array_file import start_array
from labelloop.datasets.paths import locate, stored_as
from labelloop.datasets.picture import ENDINGS, decode, resized
from labelloop.datasets.remote import is_remote
from labelloop.datasets.source import ArrayFile, Part, Source, Strings, as_labels, as_text, no_labels
from labelloop.datasets.split import split_parts
from labelloop.datasets.table import (
    ids_of,
    labels_of,
    open_sheet,
    shown_columns,
    withheld_columns,
)
from labelloop.errors import DataError


@dataclass(frozen=True)
class Listing:
    """Image files before they are decoded."""

    name: str
    paths: Sequence[Path]
    stored: Sequence[str]
    """The paths as they go into data/: relative where the user wrote a relative path."""
    ids: Strings
    labels: Strings
    columns: dict[str, Strings]
    notes: Sequence[str] = ()


def files(dataset: Dataset, root: Path) -> list[Path]:
    """Every image, and the table that names them, if there is one."""
    found = []
    for setting, written in (("path", dataset.path), ("test_path", dataset.test_path)):
        if written and not is_remote(written):
            path = locate(written, root, setting)
            found += [] if path.is_dir() else [path]
            found += [image for image in _listing(dataset, written, root, setting).paths if image.is_file()]
    return found


def read(dataset: Dataset, root: Path, out: Path) -> Source:
    """Decode every image of the pool and of a given test set."""
    if min(dataset.image_size) < 1:
        raise DataError(
            f"dataset.image_size is {list(dataset.image_size)}; height and width must be at least 1"
        )
    listing = _listing(dataset, dataset.path or "", root, "path")
    whole, skipped = _decoded(dataset, listing, out / "images.npy")
    pool, test, notes = whole, None, list(listing.notes)
    left_out: dict[str, int] = {}
    if dataset.split_column:
        sheet = open_sheet(dataset.path or "", root, "path")
        pool, test, left_out = split_parts(dataset, whole, sheet.table)
    elif dataset.test_path:
        test_listing = _listing(dataset, dataset.test_path, root, "test_path")
        test, more = _decoded(dataset, test_listing, out / "test-images.npy")
        skipped += more
        notes += test_listing.notes
    return Source(
        "images",
        pool,
        test,
        payload_columns=("image",),
        withheld=withheld_columns(dataset),
        skipped=skipped,
        left_out=left_out,
        notes=notes,
    )


def _listing(dataset: Dataset, written: str, root: Path, setting: str) -> Listing:
    if is_remote(written):
        raise DataError(
            f"dataset.{setting}: {written!r} is a URL, but images are read from this machine; copy them "
            "here, or pack them into a .npz and set dataset.kind to arrays"
        )
    path = locate(written, root, setting)
    if path.is_dir():
        return _of_folder(dataset, written, path, setting)
    return _of_table(dataset, written, root, setting)


def _of_folder(dataset: Dataset, written: str, folder: Path, setting: str) -> Listing:
    for name, column in (("label_column", dataset.label_column), ("id_column", dataset.id_column),
                         ("split_column", dataset.split_column)):  # fmt: skip
        if column and not (name == "label_column" and column == "folder"):
            allowed = "'folder' or nothing" if name == "label_column" else "nothing"
            raise DataError(
                f"dataset.{name} is {column!r}, but {written!r} is a folder of images and has no columns; "
                f"set it to {allowed}, or set dataset.{setting} to a table of image paths"
            )
    paths = sorted(
        (entry for entry in folder.rglob("*") if entry.suffix.lower() in ENDINGS and entry.is_file()),
        key=lambda entry: entry.relative_to(folder).as_posix(),
    )
    if not paths:
        raise DataError(f"{written} holds no image; a pool needs files that end in {', '.join(ENDINGS)}")
    relative = [path.relative_to(folder).as_posix() for path in paths]
    # cat/1.png is often in both folders; a test image gets its folder's name before it.
    ids = relative if setting == "path" else [f"{folder.name}/{name}" for name in relative]
    labels: Strings = no_labels(len(paths))
    notes = []
    if dataset.label_column == "folder":
        labels = as_labels(pa.array([path.parent.name if path.parent != folder else None for path in paths],
                                    pa.string()))  # fmt: skip
        notes.append(
            f"{written}: an image's path and id hold its folder's name, which is its label; annotators who "
            "see the path can read it. For a real campaign use names that do not tell"
        )
    base = stored_as(written, folder)
    stored = [(Path(base) / name).as_posix() for name in relative]
    return Listing(written, paths, stored, pa.array(ids, pa.string()), labels, {}, notes)


def _of_table(dataset: Dataset, written: str, root: Path, setting: str) -> Listing:
    if dataset.label_column == "folder":
        raise DataError(
            f"dataset.label_column is 'folder', but {written!r} is a table; name its column with the label"
        )
    sheet = open_sheet(written, root, setting)
    entries = as_text(sheet.column(dataset.path_column, "path_column")).to_pylist()
    for row, entry in enumerate(entries):
        if entry is None or not entry.strip():
            raise DataError(
                f"{written}, row {row} (counted from 0), column {dataset.path_column!r}: the image's path is "
                "empty; fill it in or remove the row"
            )
    base = Path(stored_as(written, sheet.path)).parent
    columns, notes = shown_columns(dataset, sheet)
    columns.pop("image", None)
    return Listing(
        name=written,
        paths=[sheet.path.parent / Path(entry).expanduser() for entry in entries],
        stored=[(base / Path(entry).expanduser()).as_posix() for entry in entries],
        ids=ids_of(dataset, sheet, "-test" if setting == "test_path" else ""),
        labels=labels_of(dataset, sheet),
        columns=columns,
        notes=notes,
    )


def _decoded(dataset: Dataset, listing: Listing, path: Path) -> tuple[Part, list[str]]:
    """The listing's images, streamed into `path`, and the names of those that were skipped."""
    shape = (*dataset.image_size, *(() if dataset.image_mode == "L" else (3,)))
    digests = np.zeros(len(listing.paths), dtype=np.uint64)
    readable = np.ones(len(listing.paths), dtype=bool)
    skipped = []
    with path.open("wb") as stream:
        start_array(stream, (len(listing.paths), *shape), np.dtype(np.uint8))
        for row, image in enumerate(listing.paths):
            try:
                decoded = decode(image, dataset.image_mode)
            except DataError as error:
                if dataset.unreadable == "refuse":
                    raise DataError(
                        f"{listing.name}: {error}; repair or remove it, or set dataset.unreadable to skip"
                    ) from None
                readable[row] = False
                skipped.append(listing.stored[row])
                stream.write(bytes(math.prod(shape)))
                continue
            digests[row] = content.of_pixels(decoded)
            stream.write(resized(decoded, dataset.image_size).tobytes())
    if not readable.any():
        raise DataError(f"{listing.name}: none of the {len(skipped)} images can be read, {skipped[0]} first")
    part = Part(
        name=listing.name,
        ids=listing.ids,
        labels=listing.labels,
        content=digests,
        rows=np.arange(len(listing.paths)),
        columns={**listing.columns, "image": pa.array(listing.stored, pa.string())},
        array=ArrayFile(path),
    )
    return part.keep(readable), skipped
