"""What opening a pool does not read: memory must not grow with the pool."""

import numpy as np
import pytest

from labelloop import datasets
from labelloop.datasets import store


def test_scoring_inputs_are_read_without_reading_any_column(run, root, monkeypatch):
    """Opening a pool, its length and its features need no id, label or split."""
    np.save(root / "x.npy", np.arange(60, dtype=np.float32).reshape(20, 3))
    np.save(root / "y.npy", np.arange(20) % 2)
    out = run(kind="arrays", path="x.npy", labels_path="y.npy").out

    def refuse(path, name):
        raise AssertionError(f"{name} of {path.name} was read")

    monkeypatch.setattr(store, "read_column", refuse)
    pool = datasets.open_prepared(out).pool
    assert pool.inputs(slice(0, len(pool))).shape == (len(pool), 3)
    with pytest.raises(AssertionError, match="item of pool"):
        pool.rows_of(["0"])


def test_rows_of_repeated_ids_come_in_the_order_asked(run, root):
    """Ids may be asked for more than once and in any order."""
    np.save(root / "x.npy", np.random.default_rng(0).random((50, 2), dtype=np.float32))
    np.save(root / "y.npy", np.arange(50) % 2)
    pool = run(kind="arrays", path="x.npy", labels_path="y.npy").prepared.pool
    rows = np.array([7, 3, 7, len(pool) - 1, 0, 3])
    assert pool.rows_of(list(pool.ids[rows])).tolist() == rows.tolist()
    assert pool.rows_of([]).tolist() == []
