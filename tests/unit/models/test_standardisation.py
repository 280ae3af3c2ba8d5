"""The streaming scale of features, and the product it folds into."""

from __future__ import annotations

import numpy as np
import pytest

from labelloop.errors import DataError
from labelloop.models.standardisation import as_features, standardisation_of


def features(n: int = 300, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (random.normal(size=(n, 5)) * [1, 1e-3, 1e3, 5, 1] + [0, 1, -50, 1e5, 3]).astype(np.float32)


def test_mean_and_spread_are_those_of_all_rows_however_they_are_cut() -> None:
    rows = features()
    found = standardisation_of([rows[:1], rows[1:1], rows[1:120], rows[120:]])
    np.testing.assert_allclose(found.mean, rows.astype(np.float64).mean(axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.scale, rows.astype(np.float64).std(axis=0), rtol=1e-9)


def test_a_mean_far_from_zero_does_not_drown_the_spread() -> None:
    rows = np.array([[1e7 + 1], [1e7 - 1]] * 500, dtype=np.float32)
    assert standardisation_of([rows[:3], rows[3:]]).scale[0] == pytest.approx(1.0, rel=1e-6)


def test_a_constant_column_becomes_zero() -> None:
    rows = np.full((50, 2), 0.1, dtype=np.float32)
    assert abs(standardisation_of([rows[:7], rows[7:]]).apply(rows)).max() < 1e-12


def test_the_folded_product_is_the_product_of_standardised_rows() -> None:
    rows = features()
    rows[:, 3] += 1e7
    scale = standardisation_of([rows])
    random = np.random.default_rng(1)
    weights, intercept = random.normal(size=(5, 3)), random.normal(size=3)
    folded = scale.fold(weights, intercept)
    out = np.empty((300, 3), dtype=np.float32)
    folded.into(rows, out)
    expected = ((rows.astype(np.float64) - scale.mean) / scale.scale) @ weights + intercept
    np.testing.assert_allclose(out + folded.intercept, expected, atol=5e-3)


def test_a_value_that_is_no_number_is_named_by_row_and_column() -> None:
    rows = features()
    rows[140, 2] = np.nan
    with pytest.raises(DataError, match="row 140, feature 2 is nan"):
        standardisation_of([rows[:100], rows[100:]])


def test_an_empty_pool_is_refused() -> None:
    with pytest.raises(DataError, match="pool is empty"):
        standardisation_of([features()[:0]])


def test_rows_of_another_width_are_refused() -> None:
    with pytest.raises(DataError, match="4 features, but earlier ones had 5"):
        standardisation_of([features(), features()[:, :4]])


def test_images_become_flat_rows_between_zero_and_one() -> None:
    images = np.array([[[0, 255], [51, 102]]], dtype=np.uint8)
    np.testing.assert_allclose(as_features(images), [[0, 1, 0.2, 0.4]], rtol=1e-6)


def test_text_is_refused_as_features() -> None:
    with pytest.raises(DataError, match="expected features"):
        as_features(np.array(["a", "b"], dtype=object))
