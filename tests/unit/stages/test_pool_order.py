"""The beginning of a fixed order: the same from a note, without one, and from a note that cannot be right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from labelloop.acquisition import control, keys
from labelloop.stages import pool_order
from labelloop.workspace import Workspace

N = 3000


class Pool:
    """Items that count how many ids were read."""

    def __init__(self, names: list[str]) -> None:
        self.names = np.array(names, dtype=object)
        self.read = 0

    def __len__(self) -> int:
        return len(self.names)

    def ids_of(self, rows: np.ndarray) -> np.ndarray:
        self.read += len(rows)
        return self.names[rows]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(pool_order, "NOTED_FROM", 100)
    monkeypatch.setattr(pool_order, "_NOTED", 50)
    found = Workspace.at(tmp_path)
    found.data.mkdir(parents=True)
    (found.data / "pool.parquet").write_bytes(b"any")
    return found


@pytest.fixture
def pool() -> Pool:
    return Pool([f"item-{row}" for row in range(N)])


def first(workspace: Workspace, pool: Pool, eligible: np.ndarray, count: int) -> list[int]:
    found = pool_order.first_rows(workspace, pool, eligible, count, seed=5, purpose=control.PURPOSE)
    return found.tolist()


def whole_order(names: np.ndarray) -> np.ndarray:
    """The definition: every id hashed, and all of them sorted."""
    return np.argsort(keys.id_keys(names, 5, control.PURPOSE), kind="stable")


@pytest.mark.parametrize("share", [1.0, 0.5, 0.01, 0.0])
def test_it_is_the_beginning_of_the_whole_order(workspace: Workspace, pool: Pool, share: float) -> None:
    """Of few or many, twice over; with items that drop out the others stay where they were."""
    eligible = np.random.default_rng(0).random(N) < share
    rows = np.flatnonzero(eligible)
    whole = rows[whole_order(pool.names[rows])].tolist()
    for count in (3, 200, 0, N, 2 * N, 7):
        assert first(workspace, pool, eligible, count) == whole[:count]


def test_small_pools_get_no_note(workspace: Workspace) -> None:
    few = Pool(["a", "b", "c"])
    assert len(first(workspace, few, np.ones(3, dtype=bool), 2)) == 2
    assert not (workspace.state / "orders").exists()


def test_ids_are_hashed_once(workspace: Workspace, pool: Pool) -> None:
    for _ in range(3):
        first(workspace, pool, np.ones(N, dtype=bool), 20)
    assert pool.read == N


@pytest.mark.parametrize("content", [b"", b"no numpy file", None])
def test_a_damaged_or_lost_note_is_made_anew(workspace: Workspace, pool: Pool, content: bytes | None) -> None:
    expected = first(workspace, pool, np.ones(N, dtype=bool), 20)
    (note,) = (workspace.state / "orders").glob("*/*.npy")
    before = note.read_bytes()
    if content is None:
        note.unlink()
    else:
        note.write_bytes(content)
    assert first(workspace, pool, np.ones(N, dtype=bool), 20) == expected
    assert note.read_bytes() == before


def test_a_note_of_other_data_is_not_believed_nor_kept(workspace: Workspace, pool: Pool) -> None:
    orders = workspace.state / "orders"
    first(workspace, pool, np.ones(N, dtype=bool), 20)
    pool_order.first_rows(workspace, pool, np.ones(N, dtype=bool), 20, seed=6, purpose="stop set")
    earlier = set(orders.glob("*/*.npy"))
    assert len(earlier) == 2
    other = Pool([f"other-{row}" for row in range(N)])
    (workspace.data / "pool.parquet").write_bytes(b"other")
    expected = whole_order(other.names)[:20].tolist()
    assert first(workspace, other, np.ones(N, dtype=bool), 20) == expected
    (note,) = orders.glob("*/*.npy")
    assert note not in earlier
    assert list(orders.iterdir()) == [note.parent]


def test_nothing_is_hashed_or_noted_for_nothing(workspace: Workspace, pool: Pool) -> None:
    """As with `acquisition.control_share: 0`."""
    assert first(workspace, pool, np.ones(N, dtype=bool), 0) == []
    assert pool.read == 0
    assert not (workspace.state / "orders").exists()
