"""A file of known errors steers a campaign's rounds, and is read when a round is opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from small_campaigns import UNRECORDED

from labelloop import datasets


def write(folder: Path, labelloop: Callable[..., Any], acquisition: dict[str, Any]) -> None:
    """Four clouds of 100 rows each; ids say the cloud."""
    labelloop("init", folder)
    random = np.random.default_rng(0)
    cloud = np.repeat(np.arange(4), 100)
    points = np.vstack([10 * np.eye(4)[c] + random.normal(size=4) for c in cloud])
    rows = pd.DataFrame(points, columns=list("abcd"))
    rows = rows.assign(id=[f"c{c}-{n:03d}" for n, c in enumerate(cloud)], label=[f"k{c % 2}" for c in cloud])
    rows.to_csv(folder / "rows.csv", index=False)
    settings = {
        "campaign": {"name": "errors", "seed": 1},
        "dataset": {"kind": "table", "path": "rows.csv", "label_column": "label", "id_column": "id"},
        "model": {"name": "logistic", "pool": "none"},
        "acquisition": {"batch_size": 10, "control_share": 0.0, **acquisition},
        "annotation": {"overlap": 1, "test_overlap": 1},
        "evaluation": {"test_size": 20, "bootstrap": 20},
        "stopping": {"max_rounds": 2},
        **UNRECORDED,
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(settings))


BY_FILE = {"strategy": "error_based", "options": {"wrong": "complaints.csv"}}
IN_MIX = {
    "compose": {"mix": {"error_based": 1.0}, "mix_options": {"error_based": {"wrong": "complaints.csv"}}}
}


@pytest.mark.parametrize("acquisition", [BY_FILE, IN_MIX], ids=["strategy", "mix"])
def test_a_file_of_complaints_is_followed(
    tmp_path: Path, labelloop: Callable[..., Any], acquisition: dict[str, Any]
) -> None:
    """All picks are neighbours of the complaints; ids from elsewhere and test items are left out."""
    write(tmp_path, labelloop, acquisition)
    (tmp_path / "complaints.csv").write_text("item,said\nc2-250,wrong\nelsewhere-1,wrong\nc2-260,wrong\n")
    said = labelloop("run", "--plain", tmp_path)
    assert said.code == 0, said.error
    batch = pd.read_parquet(tmp_path / "rounds" / "r001" / "batch.parquet")
    assert batch["item"].str.startswith("c2-").all() and len(batch) == 10
    frozen = yaml.safe_load((tmp_path / "rounds" / "r001" / "settings.yaml").read_text())["acquisition"]
    options = frozen["options"] or frozen["compose"]["mix_options"]["error_based"]
    test = set(
        datasets.open_prepared(tmp_path / "data").pool.ids[datasets.open_prepared(tmp_path / "data").splits]
    )
    assert options["wrong"] == [item for item in ("c2-250", "c2-260") if item not in test]
    # The same file again is no change of the settings that would be told.
    assert "wrong changed" not in labelloop("status", tmp_path).out


WRONG = {
    "missing": (None, "acquisition.options.wrong: 'complaints.csv' is not there"),
    "column": ("id,text\na,b\n", "complaints.csv has no column 'item' with the ids"),
    "strangers": ("item\nx-1\nx-2\n", "none of the 2 ids in complaints.csv is of the pool"),
}


@pytest.mark.parametrize(("content", "reason"), WRONG.values(), ids=WRONG.keys())
def test_a_file_that_cannot_be_followed_is_refused_before_a_round_is_opened(
    tmp_path: Path, labelloop: Callable[..., Any], content: str | None, reason: str
) -> None:
    write(tmp_path, labelloop, BY_FILE)
    if content is not None:
        (tmp_path / "complaints.csv").write_text(content)
    said = labelloop("run", "--plain", tmp_path)
    assert said.code == 2 and reason in said.error, said.error
    assert not list((tmp_path / "rounds").glob("r*/batch.parquet"))
