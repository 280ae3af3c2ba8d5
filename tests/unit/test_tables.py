"""Tables: every refusal names file, column, row and value, and equal tables are equal bytes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelloop import tables
from labelloop.errors import DamagedFileError, DataError
from labelloop.table_contract import Contract

CONTRACTS = {name: contract for name, contract in vars(tables).items() if isinstance(contract, Contract)}
TIME = pd.Timestamp("2026-01-05T09:00:00", tz="UTC").as_unit("us")


def batch(rows: int = 4) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "item": [f"i{n}" for n in range(rows)],
            "arm": "strategy",
            "rank": range(rows),
            "score": 0.5,
            "probability": 1.0,
            "draw_probability": np.nan,
            "overlap": 2,
        }
    )


def votes(rows: int = 4) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "vote": [f"v{n}" for n in range(rows)], "key": "c/r000/i/0", "item": "i", "annotator": "ada",
            "value": "yes", "action": "submitted", "answered_at": TIME, "lead_seconds": 2.0, "cost": 0.1,
            "round": "r000", "tool": "files", "tool_ref": None,
            "prelabel": None,
        }
    )  # fmt: skip


REFUSED: list[tuple[Contract, pd.DataFrame, str, Any, str]] = [
    (tables.BATCH, batch(), "item", "i0", "'i0' appears more than once"),
    (tables.BATCH, batch(), "item", None, "None must not be empty"),
    (tables.BATCH, batch(), "item", 7, "7 must be text"),
    (tables.BATCH, batch(), "arm", "chance", "'chance' must be one of strategy, control"),
    (tables.BATCH, batch(), "rank", -1, "-1 must be 0 or more"),
    (tables.BATCH, batch(), "probability", 0.0, "0.0 must be above 0 and at most 1"),
    (tables.BATCH, batch(), "probability", 1.5, "1.5 must be above 0 and at most 1"),
    (tables.BATCH, batch(), "draw_probability", 1.5, "1.5 must be above 0 and at most 1"),
    (tables.VOTES, votes(), "vote", "v0", "'v0' appears more than once"),
    (tables.VOTES, votes(), "annotator", " ", "' ' must not be blank"),
    (tables.VOTES, votes(), "action", "submited", "'submited' must be one of submitted"),
    (tables.VOTES, votes(), "cost", -0.1, "-0.1 must be 0 or more"),
    (tables.VOTES, votes(), "lead_seconds", -2.0, "-2.0 must be 0 or more"),
    (tables.VOTES, votes(), "answered_at", pd.NaT, "NaT must not be empty"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("contract", "table", "column", "value", "says"),
    REFUSED,
    ids=[f"{c.name} {n}: {s}" for c, _, n, _, s in REFUSED],
)
def test_a_value_that_may_not_be_there_is_named(
    contract: Contract, table: pd.DataFrame, column: str, value: Any, says: str
) -> None:
    """File, row, column, value and what it should be."""
    table = table.copy()
    if isinstance(value, int | str) or value is None:
        table[column] = table[column].astype(object)
    table.loc[2, column] = value
    with pytest.raises(DataError, match=re.escape(f"votes.parquet, row 2, column '{column}': {says}")):
        contract.check(table, "votes.parquet")


def test_a_refused_table_is_not_written(tmp_path: Path) -> None:
    """The file that was there stays, and no half of the new one beside it."""
    path = tmp_path / "batch.parquet"
    tables.BATCH.write(batch(), path)
    before = path.read_bytes()
    with pytest.raises(DataError):
        tables.BATCH.write(batch().assign(rank=-1), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_further_wrong_rows_are_counted() -> None:
    """One message names the first and says how many there are."""
    with pytest.raises(DataError, match=r"row 0, column 'rank'.*and 3 more rows"):
        tables.BATCH.check(batch().assign(rank=-1), "b")


def test_a_missing_column_is_named_with_those_there_are() -> None:
    """So that a misspelled one is seen."""
    with pytest.raises(
        DataError, match=r"b: column 'score' is missing from the batch table; it has \['item'"
    ):
        tables.BATCH.check(batch().drop(columns="score"), "b")


def test_further_columns_are_dropped_unless_they_are_welcome() -> None:
    """A batch has its columns and no other; a pool keeps the user's."""
    assert list(tables.BATCH.check(batch().assign(more=1), "b")) == list(tables.BATCH.columns)
    pool = pd.DataFrame({"text": ["a"], "item": ["i"], "split": ["pool"]})
    assert list(tables.POOL.check(pool, "p")) == ["item", "split", "text"]


@pytest.mark.parametrize("name", CONTRACTS)
def test_an_empty_table_can_be_written_and_read(name: str, tmp_path: Path) -> None:
    """With every column and its type."""
    contract = CONTRACTS[name]
    contract.write(contract.empty(), tmp_path / "t.parquet")
    back = contract.read(tmp_path / "t.parquet")
    assert list(back) == list(contract.columns) and len(back) == 0


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(list(tables.BATCH.columns)), start=st.integers(0, 1000))
def test_equal_tables_give_equal_bytes(order: list[str], start: int) -> None:
    """However columns are ordered, rows are indexed, integers are wide and text is stored."""
    import tempfile

    plain = batch()
    other = plain[order].set_index(pd.RangeIndex(start, start + len(plain)))
    other = other.astype({"rank": np.int8, "overlap": np.int64, "arm": "category"}).assign(further=1)
    other.attrs["made"] = "today"
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("a.parquet", "b.parquet")]
        for table, path in zip((plain, other), paths, strict=True):
            tables.BATCH.write(table, path)
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_table_reads_back_as_it_was_written(tmp_path: Path) -> None:
    """Times keep their zone and microseconds, null stays null, text stays text."""
    table = votes()
    table["answered_at"] = [TIME + pd.Timedelta(microseconds=n) for n in range(4)]
    table.loc[1, "value"] = None
    tables.VOTES.write(table, tmp_path / "votes.parquet")
    back = tables.VOTES.read(tmp_path / "votes.parquet")
    assert back["answered_at"].tolist() == table["answered_at"].tolist()
    assert back["value"].isna().tolist() == [False, True, False, False]
    assert back["vote"].tolist() == ["v0", "v1", "v2", "v3"]


@pytest.mark.parametrize("content", [b"", b"PAR1 but no more", b"a,b\n1,2\n"])
def test_what_is_no_parquet_any_more_is_damaged(content: bytes, tmp_path: Path) -> None:
    """Empty, cut off or another format: the file is named."""
    (tmp_path / "votes.parquet").write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"votes\.parquet is damaged"):
        tables.VOTES.read(tmp_path / "votes.parquet")


def test_a_table_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    """Missing is not damaged: the caller knows what to do about it."""
    with pytest.raises(FileNotFoundError):
        tables.VOTES.read(tmp_path / "votes.parquet")
