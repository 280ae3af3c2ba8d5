"""Items with a text and a picture: a table with a column of each, seen by a learner as one row of numbers.

The first columns are the text, as a point of a latent semantic space that is learned from the pool's texts
without labels; the others are the picture on a small grid. Both are few, so that neither drowns the other,
and they are the two views that co-training wants: what a text says and what a picture shows hardly err
together.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from labelloop.campaign import Dataset
from labelloop.datasets import content, images
from labelloop.datasets.array_file import open_array, start_array
from labelloop.datasets.sight import FOLDER, Sight
from labelloop.datasets.source import ArrayFile, Part, Source, as_text
from labelloop.datasets.table import joined_text
from labelloop.errors import DataError
from labelloop.hints import there_is
from labelloop.models.tfidf import learn_text_space
from labelloop.models.tfidf_logistic import DIRECTIONS, TERMS

GRID = 8
"""Rows and columns of a picture at most, as the learner sees it."""
BLOCK = 4096
"""Items at a time."""

files = images.files


def read(dataset: Dataset, root: Path, out: Path) -> Source:
    """Read texts and pictures of a table, whose `path_column` and `text_columns` are set.

    Raises:
        DataError: there is no table, a column does not exist or would tell the answer, or no text has a word.
    """
    height, width = (min(size, GRID) for size in dataset.image_size)
    pictures = images.read(dataset.model_copy(update={"image_size": (height, width)}), root, out)
    parts = [part for part in (pictures.pool, pictures.test) if part is not None]
    texts = [_texts_of(dataset, part) for part in parts]
    # As the learner for texts takes them; what the space is must not depend on the campaign's seed.
    space = learn_text_space([texts[0]], **TERMS, size=DIRECTIONS, seed=0)
    sight = Sight(space, (height, width), dataset.image_mode)
    sight.save(out / FOLDER)
    made = [
        _with_texts(part, said, sight, out / f"both-{number}.npy")
        for number, (part, said) in enumerate(zip(parts, texts, strict=True))
    ]
    for scratch in {part.array.path for part in parts if part.array is not None}:
        scratch.unlink()
    return replace(
        pictures,
        input_kind="features",
        pool=made[0],
        test=made[1] if len(made) > 1 else None,
        payload_columns=(*dataset.text_columns, *pictures.payload_columns),
        feature_names=sight.names,
    )


def _texts_of(dataset: Dataset, part: Part) -> np.ndarray:
    """The text of each item, shape (n,), object."""
    for name in dataset.text_columns:
        if name not in part.columns or name == "image":
            known = sorted(set(part.columns) - {"image"})
            raise DataError(
                f"dataset.text_columns: {part.name} has no column {name!r} that a model may see; "
                f"{there_is(name, known)}. Pictures with a text are a table with a column of each"
            )
    columns = [pc.fill_null(as_text(part.columns[name]), "") for name in dataset.text_columns]
    return np.array(joined_text(columns).to_pylist(), dtype=object)


def _with_texts(part: Part, texts: np.ndarray, sight: Sight, path: Path) -> Part:
    """The part with an array of both in `path`; an item is a copy of another only if both are."""
    assert part.array is not None
    pictures = open_array(part.array.path, part.name)
    with path.open("wb") as stream:
        start_array(stream, (len(part), len(sight.names)), np.dtype(np.float32))
        for start in range(0, len(part), BLOCK):
            rows = part.rows[start : start + BLOCK]
            stream.write(sight.rows(texts[start : start + BLOCK], pictures[rows]).tobytes())
    both = np.stack([content.of_texts(texts), part.content], axis=1)
    return replace(part, content=content.of_rows(both), rows=np.arange(len(part)), array=ArrayFile(path))
