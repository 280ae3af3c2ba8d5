"""The learning curve's table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from labelloop.errors import DamagedFileError, DataError
from labelloop.evaluation.curve import (
    TYPES,
    append_round,
    empty_curve,
    normalised_area,
    read_curve,
    write_curve,
)


def a_round(name: str, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(TYPES, 0.1 + 0.2)
    row.update(round=name, labels=40, test_items=300, votes=120, control_labels=4, control_accuracy=1 / 3)
    return {**row, **changes}


def three_rounds() -> pd.DataFrame:
    curve = append_round(empty_curve(), a_round("r000", control_labels=None, control_accuracy=None))
    curve = append_round(curve, a_round("r001", labels=80, accuracy=np.float64(2 / 3)))
    return append_round(curve, a_round("r002", labels=120, cost=1e-17))


def test_reading_gives_back_what_was_written_to_the_bit(tmp_path: Path) -> None:
    write_curve(three_rounds(), tmp_path / "curve.csv")
    pd.testing.assert_frame_equal(read_curve(tmp_path / "curve.csv"), three_rounds(), check_exact=True)


def test_writing_again_gives_the_same_bytes(tmp_path: Path) -> None:
    write_curve(three_rounds(), tmp_path / "one.csv")
    write_curve(read_curve(tmp_path / "one.csv"), tmp_path / "two.csv")
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    assert b"0.30000000000000004" in (tmp_path / "one.csv").read_bytes()


def test_an_empty_curve_can_be_written_and_read(tmp_path: Path) -> None:
    write_curve(empty_curve(), tmp_path / "curve.csv")
    assert append_round(read_curve(tmp_path / "curve.csv"), a_round("r000"))["round"].tolist() == ["r000"]


def test_appending_leaves_the_curve_before_as_it_was() -> None:
    curve = three_rounds()
    append_round(curve, a_round("r003"))
    assert len(curve) == 3


def test_a_round_twice_is_refused() -> None:
    with pytest.raises(DataError, match="'r001' is in it already"):
        append_round(three_rounds(), a_round("r001"))


@pytest.mark.parametrize("value", [None, float("nan")])
def test_a_missing_value_is_refused(value: object) -> None:
    with pytest.raises(DataError, match="'accuracy' is missing"):
        append_round(empty_curve(), a_round("r000", accuracy=value))


@pytest.mark.parametrize("content", [b"", b"round,labels\nr000,40\n", b"\xff\xfe\x00", b"round\n\xff\n"])
def test_a_damaged_file_is_said_to_be_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "curve.csv").write_bytes(content)
    with pytest.raises(DamagedFileError, match="is damaged"):
        read_curve(tmp_path / "curve.csv")


def test_the_area_is_the_mean_height_over_uneven_steps() -> None:
    assert normalised_area(np.array([10, 20, 40]), np.array([0.5, 0.7, 0.9])) == pytest.approx((6 + 16) / 30)


def test_the_area_of_one_point_is_its_height() -> None:
    assert normalised_area(np.array([10]), np.array([0.7])) == 0.7
