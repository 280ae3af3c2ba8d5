"""Data that cannot be used: exit code 2, one message that says where and what to do, and nothing changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import weather
from PIL import Image

Settings = dict[str, dict[str, Any]]
Case = Callable[[Path], Settings]


def _changed(row: int, column: int, value: str) -> Case:
    """The table of texts with one cell changed; row 0 is the header."""

    def make(folder: Path) -> Settings:
        rows = weather.texts()
        rows[row][column] = value
        weather.write_csv(folder / "texts.csv", rows)
        return {}

    return make


def _conflicting(folder: Path) -> Settings:
    weather.write_csv(folder / "texts.csv", [*weather.texts(), ["t004", "warm yellow day 4", "snow"]])
    return {}


def _unknown_label(folder: Path) -> Settings:
    _changed(7, 2, "snoww")(folder)
    return {"labels": {"classes": ["sun", "rain", "snow"]}}


def _no_such_column(folder: Path) -> Settings:
    return {"dataset": {"text_columns": ["txt"]}}


def _no_label_column(folder: Path) -> Settings:
    return {"dataset": {"label_column": "lable"}}


def _no_file(folder: Path) -> Settings:
    return {"dataset": {"path": "text.csv"}}


def _infinite_number(folder: Path) -> Settings:
    rows = [["id", "a", "b", "label"]]
    rows += [[f"n{n}", str(n), str(n * n), weather.texts()[n + 1][2]] for n in range(30)]
    rows[6][2] = "inf"
    weather.write_csv(folder / "numbers.csv", rows)
    return {"dataset": {"path": "numbers.csv", "text_columns": None}}


def _nan_in_arrays(folder: Path) -> Settings:
    features = np.arange(60, dtype=np.float32).reshape(30, 2)
    features[11, 1] = np.nan
    np.savez(folder / "numbers.npz", x_train=features, y_train=np.arange(30) % 3)
    return {"dataset": {"kind": "arrays", "path": "numbers.npz", "id_column": None, "text_columns": None,
                        "label_column": None}}  # fmt: skip


def write_images(folder: Path, count: int = 24) -> Settings:
    """A folder of pictures of two classes, of which dark/003.png is no picture."""
    for n in range(count):
        name = ("dark", "light")[n % 2]
        (folder / "pictures" / name).mkdir(parents=True, exist_ok=True)
        shade = np.full((6, 6), 40 + 150 * (n % 2), dtype=np.uint8)
        shade[n % 6, n // 6] = 255
        Image.fromarray(shade).save(folder / "pictures" / name / f"{n:03d}.png")
    (folder / "pictures" / "dark" / "003.png").write_bytes(b"not a picture")
    return {
        "dataset": {"kind": "images", "path": "pictures", "id_column": None, "text_columns": None,
                    "label_column": "folder", "image_size": [6, 6], "image_mode": "L"},
        "model": {"name": "logistic", "pool": "none"},
    }  # fmt: skip


def _overlapping_test(folder: Path) -> Settings:
    rows = weather.texts()
    weather.write_csv(folder / "test.csv", [rows[0], *([f"x{n}", *rows[n][1:]] for n in (1, 2, 3))])
    return {"dataset": {"test_path": "test.csv"}}


def _test_takes_most(folder: Path) -> Settings:
    return {"evaluation": {"test_size": 30}}


REFUSED: dict[str, tuple[Case, tuple[str, ...]]] = {
    "duplicate id": (_changed(9, 0, "t005"), ("texts.csv", "rows 5, 8", "'t005'", "keep one row an id")),
    "conflicting labels": (_conflicting, ("texts.csv", "'t004'", "'rain', 'snow'", "keep the row")),
    "empty text": (_changed(5, 1, " "), ("texts.csv, row 4", "'text'", "empty", "remove such rows")),
    "empty id": (_changed(5, 0, ""), ("texts.csv, row 4", "id is empty", "dataset.id_column")),
    "unknown label": (_unknown_label, ("texts.csv, row 6", "'snoww'", "labels.classes", "'snow'")),
    "missing column": (_no_such_column, ("dataset.text_columns", "texts.csv", "'txt'", "'text'")),
    "misnamed label column": (_no_label_column, ("dataset.label_column", "'lable'", "'label'")),
    "missing file": (_no_file, ("dataset.path", "text.csv", "texts.csv")),
    "infinite number": (_infinite_number, ("numbers.csv", "row 5", "'b'", "inf")),
    "NaN in an array": (_nan_in_arrays, ("numbers.npz", "row 11", "nan")),
    "unreadable image": (write_images, ("dark/003.png", "dataset.unreadable", "skip")),
    "test set in the pool": (_overlapping_test, ("texts.csv", "test.csv", "'t000' is 'x1'", "overlap")),
    "test set too big": (_test_takes_most, ("evaluation.test_size", "30", "40", "20")),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_data_that_cannot_be_used_is_named_and_changes_nothing(
    name: str, campaign: Path, labelloop: Callable[..., Any]
) -> None:
    """Exit code 2, one message with file, place, value and remedy, and the campaign as it was."""
    case, says = REFUSED[name]
    weather.write_params(campaign, **case(campaign))
    before = weather.digests(campaign)
    ended = labelloop("run", "--plain", campaign)
    assert ended.code == 2
    assert ended.error.count("error: ") == 1
    assert [phrase for phrase in says if phrase not in ended.error] == [], ended.error
    assert weather.digests(campaign) == before


def test_data_that_was_put_right_is_read(campaign: Path, labelloop: Callable[..., Any]) -> None:
    """A refusal leaves nothing behind that would refuse the corrected settings or file."""
    weather.write_params(campaign, dataset={"text_columns": ["txt"]})
    assert labelloop("run", "--plain", campaign).code == 2
    weather.write_params(campaign)
    _changed(5, 1, "")(campaign)
    assert labelloop("run", "--plain", campaign).code == 2
    weather.write_csv(campaign / "texts.csv", weather.texts())
    assert labelloop("run", "--plain", campaign).code == 0


def test_a_pool_smaller_than_a_batch_is_refused_until_it_fits(
    campaign: Path, labelloop: Callable[..., Any]
) -> None:
    """The message names batch, pool and settings; a bigger file, like a smaller batch, lets it go on."""
    weather.write_params(campaign, acquisition={"batch_size": 35})
    ended = labelloop("run", "--plain", campaign)
    assert ended.code == 2
    assert "35 items" in ended.error and "32 besides the test set" in ended.error
    assert "acquisition.batch_size" in ended.error
    assert not list(campaign.glob("rounds/*"))
    weather.write_csv(campaign / "texts.csv", weather.texts(50))
    assert labelloop("run", "--plain", campaign).code == 0


def test_unreadable_images_are_skipped_if_the_settings_say_so(
    campaign: Path, labelloop: Callable[..., Any]
) -> None:
    """With dataset.unreadable: skip the campaign runs without the picture, and says which it left out."""
    settings = write_images(campaign)
    settings["dataset"]["unreadable"] = "skip"
    weather.write_params(campaign, **settings)
    ended = labelloop("run", "--plain", campaign)
    assert ended.code == 0, ended.error
    assert "003.png" in ended.error


def test_a_source_that_changes_under_a_running_campaign_is_refused(
    campaign: Path, labelloop: Callable[..., Any]
) -> None:
    """Once a round is open, making the pool again from another file would make its rounds impossible."""
    assert labelloop("run", "--plain", campaign).code == 0
    weather.write_csv(campaign / "texts.csv", weather.texts(50))
    before = weather.digests(campaign)
    ended = labelloop("stage", "prepare", "--force", "-C", campaign)
    assert ended.code == 2
    assert "texts.csv has changed" in ended.error
    assert weather.digests(campaign) == before
