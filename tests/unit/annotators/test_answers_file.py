"""Reading votes for reports: also a campaign's own, and slices, times and seconds beside them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from labelloop import tables
from labelloop.annotators.answers import numbers_of, read_answers
from labelloop.errors import DataError


def campaign_votes(path: Path, rows: list[tuple[str, str, str, str | None, str, int]]) -> Path:
    """A votes.parquet as a round writes it: key, item, annotator, value, action, minute."""
    table = pd.DataFrame(rows, columns=["key", "item", "annotator", "value", "action", "minute"])
    start = pd.Timestamp("2025-01-01", tz="UTC")
    table["answered_at"] = start + pd.to_timedelta(table.pop("minute"), unit="min")
    table["vote"] = [f"v{number}" for number in range(len(table))]
    table = table.assign(lead_seconds=2.5, cost=0.0, round="r000", tool="files")
    for name in set(tables.VOTES.columns) - set(table.columns):
        table[name] = None
    tables.VOTES.write(table, path)
    return path


def test_a_campaigns_votes_are_read_as_they_stand(tmp_path: Path) -> None:
    """A changed answer is one answer, a deleted and a skipped one none, and a second task is a repeat."""
    path = campaign_votes(tmp_path / "votes.parquet", [
        ("k1", "i1", "ann", "cat", "submitted", 0), ("k1", "i1", "ann", "dog", "updated", 5),
        ("k2", "i2", "ann", "cat", "submitted", 1), ("k2", "i2", "ann", None, "deleted", 2),
        ("k3", "i3", "bo", None, "skipped", 3), ("k4", "i1", "ann", "cat", "submitted", 9),
        ("k5", "i1", "bo", "cat", "submitted", 4),
    ])  # fmt: skip
    answers = read_answers(path)
    assert sorted(answers.table[["annotator", "label"]].itertuples(index=False, name=None)) == [
        ("ann", "cat"), ("ann", "dog"), ("bo", "cat"),
    ]  # fmt: skip
    standing = answers.standing.set_index("annotator")
    assert standing["label"].to_dict() == {"ann": "cat", "bo": "cat"}
    assert standing["lead_seconds"].tolist() == [2.5, 2.5]
    assert standing["answered_at"].dt.minute.to_dict() == {"ann": 9, "bo": 4}


def test_a_campaign_without_an_answer_is_told(tmp_path: Path) -> None:
    path = campaign_votes(tmp_path / "votes.parquet", [("k1", "i1", "ann", None, "skipped", 0)])
    with pytest.raises(DataError, match="holds no answer that stands"):
        read_answers(path)


def test_seconds_and_slices_stand_beside_their_votes(tmp_path: Path) -> None:
    path = tmp_path / "v.csv"
    path.write_text("label,site,item,annotator,lead_seconds\na,x,1,p,3\nb,y,2,p,\na,,1,q,0.5\n")
    answers = read_answers(path, slice_column="site")
    assert answers.table["slice"].tolist() == ["x", "y", ""]
    assert answers.table["lead_seconds"].fillna(-1).tolist() == [3.0, -1.0, 0.5]
    with pytest.raises(DataError, match="no column 'town' to slice by; it has label, site"):
        read_answers(path, slice_column="town")


@pytest.mark.parametrize("name", ["cat", "nan", "inf", ""])
def test_names_that_are_no_numbers_have_no_values(name: str) -> None:
    with pytest.raises(DataError, match=f"label '{name}' is not a number"):
        numbers_of(["1", "2.5", name])
