"""Readers of the user's data: any kind of dataset becomes the files that base.py describes.

Nothing slow is imported until a dataset is read, so that the command line starts at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labelloop.campaign import Dataset, Labels
from labelloop.datasets.base import Items, Prepared

__all__ = ["Items", "Prepared", "open_prepared", "prepare", "source_files"]


def prepare(
    dataset: Dataset, labels: Labels, *, test_size: int, seed: int, root: Path, out: Path
) -> dict[str, Any]:
    """Read the user's data, check it, and write it in the one shape that the stages read.

    Args:
        dataset: where the data is and what its columns mean.
        labels: the class list, where the user names one.
        test_size: items of the pool to sample as the test set, when none is given.
        seed: equal data and seed give equal bytes.
        root: the campaign's folder; relative paths start here.
        out: an existing, empty folder beside or in place of the campaign's data folder. After an error
            it may hold half of the files; the caller throws it away.

    Returns:
        The summary that is also written as dataset.json. `n_pool` counts items that may be asked about,
        `n_test` those of the test set, whether it was given or sampled.

    Raises:
        DataError: the data breaks its contract; names file, column, row, value and what to do.
    """
    from labelloop.datasets.preparation import prepare_data

    return prepare_data(dataset, labels, test_size=test_size, seed=seed, root=root, out=out)


def source_files(dataset: Dataset, root: Path) -> list[Path]:
    """The user's files that `prepare` reads, in a fixed order; none for built-in data.

    Raises:
        DataError: one of them is not there.
    """
    from labelloop.datasets.preparation import reader_of

    return reader_of(dataset).files(dataset, root)


def open_prepared(folder: Path) -> Prepared:
    """Open what `prepare` wrote into `folder`; columns and arrays are read when they are asked for.

    Raises:
        DamagedFileError: a file is missing or is not what `prepare` wrote.
    """
    from labelloop.datasets.store import open_folder

    return open_folder(folder)
