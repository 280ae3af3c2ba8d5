"""Ratings from a file to a file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from labelloop.errors import DataError
from labelloop.fusion.ratings_file import fuse_ratings_file


def written(folder: Path, content: str, name: str = "ratings.csv") -> Path:
    (folder / name).write_text(content)
    return folder / name


def test_values_people_and_gold_are_told(tmp_path: Path) -> None:
    ratings = written(tmp_path, "item,annotator,label\na,x,1\na,y,3\nb,x,5\nb,y,7\n")
    gold = written(tmp_path, "item,truth\na,2\nb,7\nc,1\n", "gold.csv")
    summary = fuse_ratings_file(ratings, tmp_path / "values.csv", gold_path=gold)
    values = pd.read_csv(tmp_path / "values.csv")
    assert list(values.columns) == ["item", "value", "standard_error", "votes", "lowest", "highest"]
    assert values["value"].round(6).tolist() == [2, 6]
    assert values["highest"].tolist() == [3, 7]
    assert summary["people"]["y"]["bias"] > 0 > summary["people"]["x"]["bias"]
    assert summary["gold"]["compared"] == 2
    assert summary["gold"]["mean absolute error of the mean"] == pytest.approx(0.5)


def test_what_is_no_number_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 2, column 'label': 'high' is not a finite number"):
        fuse_ratings_file(written(tmp_path, "item,annotator,label\na,x,1\na,y,high\n"), tmp_path / "v.csv")


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    rows = ["a,x,1", "a,y,4", "b,x,2", "b,z,3"]
    for name, order in (("one", rows), ("other", rows[::-1])):
        ratings = written(tmp_path, "item,annotator,label\n" + "\n".join(order) + "\n", f"{name}.csv")
        fuse_ratings_file(ratings, tmp_path / f"{name}.parquet")
    one, other = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("one", "other"))
    pd.testing.assert_frame_equal(one, other, rtol=1e-8)
