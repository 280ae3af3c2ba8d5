"""scikit-learn's handwritten digits: a campaign that runs without any file of the user's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from labelloop.campaign import Dataset
from labelloop.datasets.array_file import scan_features
from labelloop.datasets.source import ArrayFile, Part, Source, as_labels, row_ids


def files(dataset: Dataset, root: Path) -> list[Path]:
    """None: the digits come with scikit-learn."""
    return []


def read(dataset: Dataset, root: Path, out: Path) -> Source:
    """1,797 pictures of 8x8 pixels, 0 to 16, as features; labels '0' to '9'.

    Source: Alpaydin and Kaynak (1998), Optical recognition of handwritten digits, UCI repository.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    path = out / "digits.npy"
    np.save(path, digits.data.astype(np.float32))
    rows = np.arange(len(digits.data))
    pool = Part(
        name="digits",
        ids=row_ids("digits", rows, 4),
        labels=as_labels(pa.array(digits.target)),
        content=scan_features(path, "digits"),
        rows=rows,
        array=ArrayFile(path),
    )
    return Source(
        "features",
        pool,
        payload_columns=("features", "image"),
        picture={"height": 8, "width": 8, "white": 16},
    )
