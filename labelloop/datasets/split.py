"""Which items are the pool and which are the test set: by a column of the data, or by chance."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from labelloop.campaign import Dataset
from labelloop.datasets.source import Part, as_text
from labelloop.errors import DataError
from labelloop.hints import there_is


def split_parts(dataset: Dataset, whole: Part, table: pa.Table) -> tuple[Part, Part | None, dict[str, int]]:
    """Part a table's items by the split column.

    Args:
        dataset: names the split column and what its values mean.
        whole: all items that could be read.
        table: the table they came from.

    Returns:
        The pool, the test set (None without a split column), and the items in neither, counted by value.

    Raises:
        DataError: there is no such column, or no row is in the pool, or none in the test set.
    """
    column = dataset.split_column
    if not column:
        return whole, None, {}
    if column not in table.column_names:
        hint = there_is(column, table.column_names)
        raise DataError(f"dataset.split_column: {whole.name} has no column {column!r}; {hint}")
    both = sorted(set(dataset.pool_values) & set(dataset.test_values))
    if both:
        raise DataError(f"dataset.pool_values and dataset.test_values both name {both[0]!r}; keep it in one")
    values = pc.fill_null(as_text(table[column]), "").take(pa.array(whole.rows))
    counts = {str(pair["values"]): int(pair["counts"]) for pair in pc.value_counts(values).to_pylist()}
    masks = []
    for setting, wanted in (("pool_values", dataset.pool_values), ("test_values", dataset.test_values)):
        mask = np.asarray(pc.is_in(values, pa.array(wanted, pa.string())))
        if not mask.any():
            listing = ", ".join(f"{value!r} ({count} rows)" for value, count in sorted(counts.items())[:20])
            raise DataError(
                f"{whole.name}, column {column!r}: no row has one of dataset.{setting} {wanted}; "
                f"there is: {listing}"
            )
        masks.append(mask)
    used = {*dataset.pool_values, *dataset.test_values}
    left_out = {value: count for value, count in sorted(counts.items()) if value not in used}
    return whole.keep(masks[0]), whole.keep(masks[1]), left_out


def sample_test_set(count: int, test_size: int, seed: int) -> np.ndarray:
    """A plain uniform sample without replacement; shape (count,), bool.

    Raises:
        DataError: it would take more than half of the pool; says what would fit.
    """
    if 2 * test_size > count:
        raise DataError(
            f"evaluation.test_size is {test_size}, but the pool has only {count} items; at most "
            f"half of them, {count // 2}, may go to the test set. Lower it, bring more items, or give "
            "a labeled test set (dataset.test_path)"
        )
    key = hashlib.sha256(f"{seed}/test set".encode()).digest()
    chosen = np.random.default_rng(int.from_bytes(key[:16], "big")).choice(count, test_size, replace=False)
    sampled = np.zeros(count, dtype=bool)
    sampled[chosen] = True
    return sampled
