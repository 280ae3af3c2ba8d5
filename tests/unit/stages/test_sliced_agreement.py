"""Agreement by slices of the data, in each round's quality report; a column that cannot be, before asking."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from second_look_campaigns import campaign, finished

from labelloop import files, tables
from labelloop.annotators.agreement_file import agreement_of_file
from labelloop.datasets.store import StoredItems
from labelloop.errors import DataError, SettingsError
from labelloop.ledger import Ledger
from labelloop.stages.runner import run_stage
from labelloop.status import as_text, read_status
from labelloop.workspace import Workspace


def sliced(folder: Path, *columns: str) -> Workspace:
    """A campaign whose table has a column `site`: in no relation to anything."""
    workspace = campaign(folder, quality={"slice_by": list(columns)}, stopping={"max_rounds": 1})
    for name in ("rows.csv", "test.csv"):
        table = pd.read_csv(folder / name)
        table["site"] = [f"s{number % 3}" if number % 7 else None for number in range(len(table))]
        table["rated"] = (table["a"] > 1).astype(int)
        table.to_csv(folder / name, index=False)
    settings = yaml.safe_load((folder / "params.yaml").read_text())
    settings["dataset"]["numeric_columns"] = list("abcd")
    (folder / "params.yaml").write_text(yaml.safe_dump(settings))
    return workspace


def test_every_slice_has_the_agreement_that_its_votes_alone_give(tmp_path: Path) -> None:
    workspace = finished(sliced(tmp_path / "c", "site", "rated"))
    (folder,) = workspace.rounds()
    rows = files.read_json(folder.annotators)["agreement"]["by_slice"]
    assert [(row["column"], row["slice"]) for row in rows] == [
        ("site", "(empty)"), ("site", "s0"), ("site", "s1"), ("site", "s2"), ("rated", "0"), ("rated", "1"),
    ]  # fmt: skip
    pool = pd.read_parquet(workspace.data / "pool.parquet").set_index("item")
    votes = tables.VOTES.read(folder.collected).rename(columns={"value": "label"})
    for row in rows:
        values = pool[row["column"]].astype(str).replace(["", "None", "nan"], "(empty)")
        mine = votes[votes["item"].map(values) == row["slice"]]
        mine = mine.loc[mine["action"] == "submitted", ["item", "annotator", "label", "answered_at"]]
        mine.assign(answered_at=mine["answered_at"].astype(str)).to_csv(tmp_path / "part.csv", index=False)
        alone = agreement_of_file(tmp_path / "part.csv", resamples=2)["overall"]
        assert row["alpha"]["value"] == pytest.approx(alone["alpha"]["value"])
        assert (row["items"], row["votes"]) == (alone["items"], alone["votes"])
    least = min(rows, key=lambda row: row["alpha"]["value"])
    words = f"They agree least where {least['column']} is {least['slice']}: alpha "
    words += f"{least['alpha']['value']:.2f}"
    report = folder.report.read_text()
    assert words in report and words in as_text(read_status(workspace))
    assert all(f"| {row['column']}: {row['slice']} | {row['items']} |" in report for row in rows)
    assert "site: s1" in folder.annotators_page.read_text()


@pytest.mark.parametrize(
    ("column", "error", "says"),
    [
        ("sit", DataError, "quality.slice_by: the data has no column 'sit'"),
        ("a", SettingsError, "quality.slice_by: the column 'a' has 400 values, such as .*at most 50"),
    ],
)
def test_a_column_that_cannot_be_opens_no_round_and_the_campaign_goes_on_once_it_is_corrected(
    tmp_path: Path, column: str, error: type[Exception], says: str
) -> None:
    """A round keeps the settings that it was opened with: refused later, it would stay open for ever."""
    workspace = sliced(tmp_path / "c", column)
    with pytest.raises(error, match=says):
        finished(workspace)
    assert Ledger.read(workspace.ledger).open is None
    params = yaml.safe_load(workspace.params.read_text())
    params["quality"]["slice_by"] = ["rated"]
    workspace.params.write_text(yaml.safe_dump(params))
    (folder,) = finished(workspace).rounds()
    rows = files.read_json(folder.annotators)["agreement"]["by_slice"]
    assert [row["slice"] for row in rows] == ["0", "1"]


def test_only_what_was_answered_is_made_values_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a large pool the others are not looked at, round after round."""
    workspace = finished(sliced(tmp_path / "c", "site"))
    (folder,) = workspace.rounds()
    made: list[int] = []
    real = StoredItems.values

    def spied(self: StoredItems, *arguments: Any) -> np.ndarray:
        found = real(self, *arguments)
        made.append(len(found))
        return found

    monkeypatch.setattr(StoredItems, "values", spied)
    run_stage(workspace, "fuse", folder.id, force=True)
    assert made == [tables.VOTES.read(folder.collected)["item"].nunique()]
