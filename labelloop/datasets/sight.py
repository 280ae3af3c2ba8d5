"""What a learner sees of an item with a text and a picture; kept with the pool, for items to come."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from labelloop import files
from labelloop.datasets.picture import decode, png, resized
from labelloop.models.storage import SETTINGS, read_settings
from labelloop.models.tfidf import TextSpace, load_text_space, save_text_space
from labelloop.models.views import PICTURE, TEXT

FOLDER = "sight"
"""Where it lies in a campaign's `data/`."""


@dataclass(frozen=True)
class Sight:
    """A text as a point of the space that the pool's texts taught, then a picture on a small grid."""

    space: TextSpace
    size: tuple[int, int]
    """Height and width of the grid."""
    mode: str
    """`L` for grey, `RGB` for colours."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        words = self.space.directions.shape[1]
        pixels = math.prod(self.size) * (1 if self.mode == "L" else 3)
        return (*(f"{TEXT} {n}" for n in range(words)), *(f"{PICTURE} {n}" for n in range(pixels)))

    def rows(self, texts: np.ndarray, grids: np.ndarray) -> np.ndarray:
        """What a learner sees: shape (n, columns), float32.

        Args:
            texts: shape (n,), object.
            grids: shape (n, height, width) or (n, height, width, 3), uint8.
        """
        colours = grids.reshape(len(grids), -1).astype(np.float32) / 255
        return np.concatenate([self.space.embed(texts), colours], axis=1)

    def of_files(self, texts: Sequence[str], pictures: Sequence[bytes]) -> np.ndarray:
        """What a learner sees of texts and the content of PNG or JPEG files, as `rows`.

        Raises:
            DataError: a picture cannot be read.
        """
        grids = [resized(decode(io.BytesIO(picture), self.mode), self.size) for picture in pictures]
        return self.rows(np.array(texts, dtype=object), np.stack(grids))

    def pictures_of(self, rows: np.ndarray) -> list[bytes]:
        """PNG files of the grids in rows that a learner sees: what `of_files` makes the same rows of."""
        shape = (*self.size, *(() if self.mode == "L" else (3,)))
        grids = np.rint(rows[:, self.space.directions.shape[1] :] * 255).astype(np.uint8)
        return [png(grid) for grid in grids.reshape(len(rows), *shape)]

    def save(self, folder: Path) -> None:
        """Write into the new folder; equal sights give equal bytes."""
        folder.mkdir()
        files.write_json(
            folder / SETTINGS, {"size": list(self.size), "mode": self.mode, "ngrams": self.space.ngrams}
        )
        save_text_space(self.space, folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            DamagedFileError: a file is missing or damaged.
        """
        settings = read_settings(folder / SETTINGS, ("size", "mode", "ngrams"))
        height, width = settings["size"]
        return cls(load_text_space(folder, settings["ngrams"]), (height, width), settings["mode"])
