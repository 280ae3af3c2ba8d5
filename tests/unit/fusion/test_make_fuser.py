"""Fusers by name, and a table of votes fused."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

from labelloop import tables
from labelloop.errors import DataError, SettingsError
from labelloop.fusion import make_fuser
from labelloop.fusion.votes_table import fuse_votes

START = pd.Timestamp("2025-01-01", tz="UTC")


def votes_table(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """Rows of (item, annotator, value)."""
    return pd.DataFrame(
        [
            {
                "vote": f"v{n:02}", "key": f"{item}/{n}", "item": item, "annotator": annotator,
                "value": value,
                "action": "submitted", "answered_at": START + pd.Timedelta(minutes=n), "lead_seconds": 1.0,
                "cost": 0.1, "round": "r000", "tool": "files", "tool_ref": None, "prelabel": None,
            }
            for n, (item, annotator, value) in enumerate(rows)
        ]
    )  # fmt: skip


VOTES = votes_table(
    ("b", "x", "dog"), ("a", "x", "cat"), ("a", "y", "cat"), ("b", "y", "cat"), ("a", "z", "dog")
)


def fused_table(votes: pd.DataFrame, classes: list[str], *how: Any) -> pd.DataFrame:
    return fuse_votes(votes, classes, *how).table


def test_an_unknown_method_names_the_nearest() -> None:
    with pytest.raises(SettingsError, match="'majorty' is not known; did you mean 'majority'"):
        make_fuser("majorty")


def test_an_unknown_option_names_the_nearest() -> None:
    with pytest.raises(
        SettingsError, match="'smothing' is not an option of majority; did you mean 'smoothing'"
    ):
        make_fuser("majority", {"smothing": 1})


def test_the_beginning_of_a_name_names_it() -> None:
    with pytest.raises(SettingsError, match="'temp' is not an option of auto; did you mean 'temperature'"):
        make_fuser("auto", {"temp": 1})


@pytest.mark.parametrize("option", ["item_prior", "warm_start"])
def test_arrays_are_no_settings(option: str) -> None:
    """Neither taken from a setting, which cannot hold one, nor named as what may have been meant."""
    with pytest.raises(SettingsError, match=f"{option} is an array.*leave it out"):
        make_fuser("auto", {option: 3})
    with pytest.raises(SettingsError, match=r"known: max_iter, tol$"):
        make_fuser("dawid_skene", {"diagonal": 4})


def test_gold_is_not_an_option() -> None:
    with pytest.raises(SettingsError, match="'gold' is not an option"):
        make_fuser("majority", {"gold": 1})


def test_a_wrong_value_is_told_before_there_are_votes() -> None:
    with pytest.raises(SettingsError, match="smoothing is -1"):
        make_fuser("majority", {"smoothing": -1})


def test_the_fused_table_keeps_its_contract(tmp_path) -> None:  # type: ignore[no-untyped-def]
    fused = fused_table(tables.VOTES.check(VOTES, "votes"), ["cat", "dog"])
    tables.FUSED.write(fused, tmp_path / "fused.parquet")
    back = tables.FUSED.read(tmp_path / "fused.parquet")
    assert back["item"].tolist() == ["a", "b"]
    assert back["label"].tolist() == ["cat", "cat"]
    assert back["votes"].tolist() == [3, 2]
    assert back["agreeing"].tolist() == [2, 1]
    assert back["tie"].tolist() == [False, True]
    assert [ids.tolist() for ids in back["vote_ids"]] == [["v01", "v02", "v04"], ["v00", "v03"]]
    np.testing.assert_allclose(back["confidence"], [2.5 / 4, 0.5])


def test_options_reach_the_method() -> None:
    fused = fused_table(VOTES, ["cat", "dog"], "majority", {"smoothing": 0})
    np.testing.assert_allclose(fused["posterior"].iloc[0], [2 / 3, 1 / 3])


def test_the_order_of_rows_does_not_change_the_bytes(tmp_path) -> None:  # type: ignore[no-untyped-def]
    for name, table in (("one", VOTES), ("two", VOTES.sample(frac=1, random_state=3))):
        tables.FUSED.write(fused_table(table, ["cat", "dog"]), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_no_votes_give_an_empty_table_that_keeps_the_contract() -> None:
    fused = fused_table(tables.VOTES.empty(), ["cat", "dog"])
    assert len(tables.FUSED.check(fused, "fused")) == 0


def test_votes_that_were_all_taken_back_give_an_empty_table() -> None:
    assert fused_table(VOTES.assign(action="deleted"), ["cat", "dog"]).empty


def test_votes_without_a_history_are_all_answers() -> None:
    plain = VOTES[["vote", "item", "annotator", "value"]]
    pd.testing.assert_frame_equal(fused_table(plain, ["cat", "dog"]), fused_table(VOTES, ["cat", "dog"]))
    assert fused_table(pd.DataFrame([]), ["cat", "dog"]).empty


def test_a_value_outside_the_classes_is_refused() -> None:
    with pytest.raises(DataError, match="'dog' is not one of the 2 classes"):
        fused_table(VOTES, ["cat", "fox"])


def test_the_package_imports_nothing_slow() -> None:
    code = (
        "import sys, labelloop.fusion; print([m for m in ('pandas', 'numpy', 'scipy') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
