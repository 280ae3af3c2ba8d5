"""Mean and spread of features, learned from the pool without ever holding it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import numpy as np

from labelloop.errors import DataError


@dataclass(frozen=True)
class Standardisation:
    """(x - mean) / scale, column by column."""

    mean: np.ndarray
    """Shape (d,), float64."""
    scale: np.ndarray
    """Shape (d,), float64, above 0; 1 for a column that never varies."""

    def apply(self, features: np.ndarray) -> np.ndarray:
        """Shape (n, d), float32."""
        near = self.mean.astype(np.float32)
        centred = features - near
        centred *= (1 / self.scale).astype(np.float32)
        # What rounding the mean left over matters where the mean is much larger than the spread.
        centred -= ((self.mean - near) / self.scale).astype(np.float32)
        return centred

    def fold(self, weights: np.ndarray, intercept: np.ndarray) -> FoldedProduct:
        """The product with `weights`, shape (d, k), of standardised rows as one product of plain rows."""
        folded = weights / self.scale[:, None]
        # With a mean far from 0, x @ W' - mean @ W' is a small difference of large float32 numbers; such
        # columns have to be centred before the product.
        far = np.abs(self.mean) > 1e3 * self.scale
        centre = np.where(far, self.mean, 0.0).astype(np.float32)
        shifted = intercept - (self.mean - centre) @ folded
        return FoldedProduct(
            np.ascontiguousarray(folded, dtype=np.float32),
            shifted.astype(np.float32),
            centre if far.any() else None,
        )


@dataclass(frozen=True)
class FoldedProduct:
    """(x - centre) @ weights + intercept, with the standardisation already inside."""

    weights: np.ndarray
    """Shape (d, k), float32."""
    intercept: np.ndarray
    """Shape (k,), float32."""
    centre: np.ndarray | None
    """Shape (d,), float32; None where no column needs it."""

    def into(self, features: np.ndarray, out: np.ndarray) -> None:
        """Write the product without the intercept into `out`, shape (n, k), float32."""
        rows = features if self.centre is None else features - self.centre
        np.matmul(rows, self.weights, out=out)


def standardisation_of(shards: Iterable[np.ndarray]) -> Standardisation:
    """Learn mean and standard deviation from shards of shape (n, d), in one pass and float64.

    Shards are joined by the pairwise update of Chan, Golub and LeVeque (1979), Updating formulae and a
    pairwise algorithm for computing sample variances, which does not cancel for means far from 0.

    Raises:
        DataError: there is no row, or a column holds a value that is not finite.
    """
    count = 0
    mean = spread = np.zeros(0)
    for shard in shards:
        features = as_features(shard).astype(np.float64)
        if len(features) == 0:
            continue
        shard_mean = features.mean(axis=0)
        if not np.isfinite(shard_mean).all():
            raise _not_finite(features, count)
        features -= shard_mean
        shard_spread = np.einsum("ij,ij->j", features, features)
        if count == 0:
            mean, spread, count = shard_mean, shard_spread, len(features)
            continue
        if shard_mean.shape != mean.shape:
            raise DataError(f"rows have {shard_mean.size} features, but earlier ones had {mean.size}")
        total = count + len(features)
        delta = shard_mean - mean
        mean = mean + delta * (len(features) / total)
        spread = spread + shard_spread + delta**2 * (count * len(features) / total)
        count = total
    if count == 0:
        raise DataError("there is no row to learn the features' scale from; the pool is empty")
    deviation = np.sqrt(spread / count)
    # What rounding alone makes of a constant column is no spread.
    constant = deviation <= 1e-7 * np.abs(mean)
    return Standardisation(mean, np.where(constant, 1.0, deviation))


def as_features(inputs: np.ndarray) -> np.ndarray:
    """Features as they are; images (uint8) flattened and scaled to [0, 1].

    Returns:
        Shape (n, d), float32; a view where `inputs` is float32 features already.
    """
    if inputs.dtype == np.uint8 and inputs.ndim >= 3:
        width = int(np.prod(inputs.shape[1:]))
        return np.multiply(inputs.reshape(len(inputs), width), np.float32(1 / 255), dtype=np.float32)
    if inputs.ndim != 2 or inputs.dtype.kind not in "fiu":
        raise DataError(f"expected features of shape (n, d) or uint8 images, not {inputs.dtype} "
                        f"of shape {inputs.shape}")  # fmt: skip
    return np.asarray(inputs, dtype=np.float32)


def require_standardisation(found: Standardisation | None) -> Standardisation:
    """Return `found`, or say that the learner has seen nothing yet.

    Raises:
        DataError: it is None.
    """
    if found is None:
        raise DataError("this learner has seen no features yet; call observe or fit first")
    return found


def embedding_columns(learner: object) -> Standardisation | None:
    """What a learner's `embed` does to each column of its inputs, where it does no more; else None."""
    told = getattr(learner, "embedding_columns", None)
    return None if told is None else cast("Standardisation | None", told())


def check_finite(features: np.ndarray) -> None:
    """Refuse values that are not finite.

    Raises:
        DataError: names row and column of the first.
    """
    if not np.isfinite(features).all():
        raise _not_finite(features, 0)


def _not_finite(features: np.ndarray, offset: int) -> DataError:
    wrong = np.argwhere(~np.isfinite(features))
    if len(wrong) == 0:
        return DataError("features are too large to average; scale them down")
    row, column = wrong[0]
    return DataError(
        f"row {offset + row}, feature {column} is {features[row, column]}; features must be finite numbers, "
        "so fill or remove what is missing"
    )
