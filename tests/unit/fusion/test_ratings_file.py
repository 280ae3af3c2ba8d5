"""Ratings from a file to a file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from labelloop.errors import DataError, SettingsError
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


def test_gold_that_contradicts_itself_is_left_out_and_counted(tmp_path: Path) -> None:
    """Which of two values is true nobody knows; one value written in two ways is one value."""
    ratings = written(tmp_path, "item,annotator,label\na,x,1\na,y,3\nb,x,5\nb,y,7\n")
    gold = written(tmp_path, "item,truth\na,2\na,2.0\nb,7\nb,1\nc,1\n", "gold.csv")
    told = fuse_ratings_file(ratings, tmp_path / "values.csv", gold_path=gold)["gold"]
    assert (told["compared"], told["contradicting"], told["without_votes"]) == (1, 1, 1)
    assert told["mean absolute error of the mean"] == pytest.approx(0)


def test_gold_about_other_items_is_refused(tmp_path: Path) -> None:
    ratings = written(tmp_path, "item,annotator,rating\na,x,1\na,y,3\n")
    gold = written(tmp_path, "item,truth\nz,2\n", "gold.csv")
    with pytest.raises(DataError, match=r"gold.csv: none of its 1 items has votes.*look like 'a'"):
        fuse_ratings_file(ratings, tmp_path / "v.csv", gold_path=gold)
    assert not (tmp_path / "v.csv").exists()


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


def test_of_repeated_ratings_the_latest_counts_and_it_is_told(tmp_path: Path) -> None:
    """The last row without times, the latest time with them."""
    ratings = written(tmp_path, "item,annotator,label\na,x,9\na,y,3\nb,x,5\nb,y,5\na,x,3\n")
    summary = fuse_ratings_file(ratings, tmp_path / "values.csv")
    values = pd.read_csv(tmp_path / "values.csv")
    assert summary["repeats_dropped"] == 1 and summary["votes"] == 4
    assert values["votes"].tolist() == [2, 2]
    assert values["highest"].tolist() == [3, 5]
    timed = "item,annotator,label,answered_at\na,x,3,2025-01-02\na,x,9,2025-01-01\na,y,3,2025-01-01\n"
    fuse_ratings_file(written(tmp_path, timed), tmp_path / "values.csv")
    assert pd.read_csv(tmp_path / "values.csv")["highest"].tolist() == [3]


def test_values_that_have_not_settled_are_warned_of(tmp_path: Path) -> None:
    ratings = written(tmp_path, "item,annotator,label\na,x,1\na,y,3\nb,x,5\nb,y,8\nc,x,2\n")
    stopped = fuse_ratings_file(ratings, tmp_path / "values.csv", options={"max_iter": 2})
    assert not stopped["converged"] and "max_iter" in stopped["warning"]
    assert "warning" not in fuse_ratings_file(ratings, tmp_path / "values.csv", options={"max_iter": 100000})


def test_an_option_that_is_none_is_refused(tmp_path: Path) -> None:
    ratings = written(tmp_path, "item,annotator,label\na,x,1\n")
    with pytest.raises(SettingsError, match="did you mean 'robust'"):
        fuse_ratings_file(ratings, tmp_path / "values.csv", options={"robus": True})
