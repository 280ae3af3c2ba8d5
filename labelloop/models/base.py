"""What a learner must be able to do.

A learner sees one of three kinds of input, always as rows:

- ``text``: shape (n,), a numpy object array of str;
- ``features``: shape (n, d), float32;
- ``images``: shape (n, height, width) or (n, height, width, channels), uint8.

and answers for a fixed list of classes, coded 0 .. n_classes - 1. A class nobody has labeled yet keeps its
column. The same inputs and the same seed give the same bytes from `save` on the same machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol, Self

import numpy as np


class Learner(Protocol):
    """A classifier that can be trained, asked, saved and loaded.

    It may also have what committees are made of (`labelloop.models.committee`):
    ``snapshots(inputs, targets, sample_weight, count)``, learners at `count` ends of one training, and
    ``thinned(seeds)``, a trained learner for each seed, without a random part of its units.

    Where its embedding is no more than its inputs moved and scaled column by column, it may say so by
    ``embedding_columns()``, a `labelloop.models.standardisation.Standardisation` or None: the embeddings of
    a pool are then never written. Where ``predict_proba`` asks of its rows no more than their length, their
    shape and slices, one after the other, ``by_slices = True`` may say so: rows of a pool are then read from
    disk when it slices them (`labelloop.datasets.array_file.RowsOnDisk`).

    Built as ``Class(n_classes=..., seed=..., **options)``; an unknown option is a TypeError, which
    `models.make_learner` turns into a message that lists the real ones.
    """

    n_classes: int

    def observe(self, shards: Iterable[np.ndarray]) -> None:
        """Learn what needs no label (vocabulary, scale, embedding) from the pool, shard by shard.

        Called once a campaign, before any label; after it `embed` must work.
        """

    def fit(self, inputs: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None = None) -> Self:
        """Train from scratch on labeled rows and return self.

        Args:
            inputs: n rows.
            targets: shape (n,), int64, class codes.
            sample_weight: shape (n,), float64, not negative; None weighs all rows the same.
        """

    def predict_proba(self, inputs: np.ndarray) -> np.ndarray:
        """Shape (n, n_classes), float32, rows sum to 1."""

    def embed(self, inputs: np.ndarray) -> np.ndarray:
        """Shape (n, d), float32: where the learner sees each row; d does not depend on n."""

    def save(self, folder: Path) -> None:
        """Write the learner into an existing, empty folder as JSON and safetensors; never a pickle."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote. The result predicts, embeds and can be fitted again."""
