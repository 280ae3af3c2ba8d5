"""Rows of ids: the same whatever was asked before, and without another pass over the column."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from labelloop.datasets import row_lookup
from labelloop.datasets.row_lookup import RowLookup

NAMES = [f"item-{number}" for number in np.random.default_rng(0).permutation(500)]


@pytest.mark.parametrize("most", [0, 30, 10_000])
def test_rows_are_those_of_the_ids_whatever_was_asked_before(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where more is asked than is kept, with ids that repeat and ids that are not there."""
    monkeypatch.setattr(row_lookup, "MOST_KEPT", most)
    lookup = RowLookup(pa.chunked_array([pa.array(NAMES[:200]), pa.array(NAMES[200:])]))
    row_of = {name: row for row, name in enumerate(NAMES)}
    random = np.random.default_rng(1)
    for count in (0, 1, 20, 5, 100, 20, 3):
        asked = [*random.choice(NAMES, count).tolist(), "stranger"]
        found = lookup.rows(asked)
        assert found.dtype == np.int64
        assert found.tolist() == [row_of.get(name, -1) for name in asked]


def test_what_was_asked_before_takes_no_further_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    lookup = RowLookup(pa.chunked_array([pa.array(NAMES)]))
    lookup.rows([*NAMES[:50], "stranger"])
    monkeypatch.delattr(RowLookup, "_search")
    assert lookup.rows(["stranger", NAMES[7], NAMES[3]]).tolist() == [-1, 7, 3]
