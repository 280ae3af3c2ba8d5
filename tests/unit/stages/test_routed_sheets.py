"""Routing with files: everybody fills in a sheet of their own, some of it for the second time."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from small_campaigns import UNRECORDED

from labelloop import files, loop, status, tables
from labelloop.adapters.tools.task_sheet import sheet_name
from labelloop.workspace import Workspace

PEOPLE = ("Ann", "bo", "cy", "eva")
SETTINGS = {
    "campaign": {"name": "sheets", "seed": 1},
    "dataset": {"kind": "table", "path": "rows.csv", "test_path": "test.csv", "label_column": "label",
                "id_column": "id", "known_labels": "hidden"},
    "labels": {"classes": ["low", "high"]},
    "model": {"name": "logistic", "pool": "none"},
    "acquisition": {"strategy": "margin", "batch_size": 10, "first_batch_size": 20, "control_share": 0.2},
    "annotation": {
        "tool": "files", "annotators": list(PEOPLE), "overlap": 2, "test_overlap": 1, "max_overlap": 3,
        "cost_per_vote": 0.1,
        "routing": {"mode": "skill", "people": {"eva": {"tier": "expert", "cost_per_vote": 0.5}}},
    },
    "quality": {"reask_share": 0.2, "reask_after": 1},
    "evaluation": {"bootstrap": 20},
    "stopping": {"max_rounds": 3},
    **UNRECORDED,
}  # fmt: skip


def fill_in(sheet: Path, answer: dict[str, str]) -> None:
    with sheet.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    if not rows:
        return
    with sheet.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(row | {"label": answer[row["item"]]} for row in rows)


def campaign(folder: Path) -> tuple[Workspace, dict[str, str]]:
    """A campaign that nobody has labeled anything of, and the right labels."""
    folder.mkdir()
    values = np.random.default_rng(0).normal(size=(200, 3))
    rows = pd.DataFrame(values, columns=list("abc")).assign(id=[f"i{n:03d}" for n in range(200)])
    rows["label"] = np.where(rows["a"] > 0, "high", "low")
    rows[:160].to_csv(folder / "rows.csv", index=False)
    rows[160:].to_csv(folder / "test.csv", index=False)
    (folder / "params.yaml").write_text(yaml.safe_dump(SETTINGS))
    return Workspace.at(folder), dict(zip(rows["id"], rows["label"], strict=True))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Three rounds in which all fill in their sheets, bo the other way round, and cy also answers what Ann is
    asked again."""
    workspace, right = campaign(tmp_path_factory.mktemp("sheets") / "campaign")
    wrong = {item: "low" if label == "high" else "high" for item, label in right.items()}
    for _ in range(8):
        ended = loop.advance(workspace)
        if isinstance(ended, loop.Stopped):
            break
        labeling = workspace.root / "labeling" / ended.round
        routing = tables.ROUTING.read(workspace.round(ended.round).routing)
        again = routing[(routing["why"] == "reask") & (routing["annotator"] == "Ann")]["item"]
        if len(again):
            lines = [f"{item},{right[item]}" for item in again]
            (labeling / "answers-cy.csv").write_text("\n".join(["item,label", *lines]) + "\n")
        for person in PEOPLE:
            sheet = labeling / sheet_name(person)
            if sheet.exists():
                fill_in(sheet, wrong if person == "bo" else right)
    return workspace


def test_everybody_is_asked_by_sheet_once_about_an_item_at_their_own_price(done: Workspace) -> None:
    rounds = list(done.rounds())
    assert len(rounds) == 3
    votes = tables.VOTES.read(rounds[-1].collected)
    given = votes[votes["action"] == "submitted"]
    assert not given.duplicated(["item", "annotator"]).any()
    assert set(given.loc[given["annotator"] == "eva", "cost"]) <= {0.5}
    assert set(given.loc[given["annotator"] != "eva", "cost"]) == {0.1}


def test_answers_to_re_asks_are_kept_apart_and_nobody_elses_count(done: Workspace) -> None:
    rounds = list(done.rounds())
    votes = tables.VOTES.read(rounds[-1].collected)
    again = votes[votes["action"] == "reasked"]
    routing = pd.concat([tables.ROUTING.read(folder.routing) for folder in rounds])
    wanted = routing[routing["why"] == "reask"]
    pairs = [set(zip(table["item"], table["annotator"], strict=True)) for table in (again, wanted)]
    assert len(again) > 3 and pairs[0] <= pairs[1]
    told = files.read_json(rounds[-1].quality)["consistency"]
    assert told["answers"] == told["same"] == len(again)  # all of them err or not, but always the same way
    refused = [line for folder in rounds for line in files.read_lines(folder.quarantine)]
    assert refused and all("for another person alone" in line["reason"] for line in refused)
    assert {line["content"]["annotator"] for line in refused} == {"cy"}


def test_what_one_skips_another_answers_in_the_sheet_of_all(tmp_path: Path) -> None:
    """No deadline is set, so the round would wait for ever did nobody know of it."""
    workspace, right = campaign(tmp_path / "campaign")
    loop.advance(workspace)
    labeling, routing = workspace.root / "labeling" / "r000", workspace.round("r000").routing
    asked = tables.ROUTING.read(routing)
    mine = set(asked.loc[asked["annotator"] == "Ann", "item"])
    skipped = sorted(mine)[0]
    for person in PEOPLE:
        sheet = labeling / sheet_name(person)
        if sheet.exists():
            fill_in(sheet, right | ({skipped: "skip"} if person == "Ann" else {}))
    told = loop.advance(workspace)
    assert isinstance(told, loop.Waiting) and f"anybody else may answer {skipped} (with files" in str(told)
    assert skipped in str(status.read_status(workspace)["waiting"])
    others = set(asked.loc[asked["item"] == skipped, "annotator"])
    another = next(person for person in ("bo", "cy") if person not in others)
    sheet = pd.read_csv(labeling / "tasks.csv", encoding="utf-8-sig", dtype=str)
    sheet.loc[sheet["item"] == skipped, ["label", "annotator"]] = [right[skipped], another]
    sheet.to_csv(labeling / "tasks.csv", index=False)
    ended = loop.advance(workspace)
    assert isinstance(ended, loop.Waiting) and ended.round == "r001"


def test_it_is_told_whose_answers_a_round_waits_for(tmp_path: Path) -> None:
    """By advance and by status; who has filled in their sheet is named no more."""
    workspace, right = campaign(tmp_path / "campaign")
    waiting = loop.advance(workspace)
    assert isinstance(waiting, loop.Waiting)
    routing = tables.ROUTING.read(workspace.round("r000").routing)
    for name, many in routing["annotator"].value_counts().items():
        assert f"{name} ({many})" in str(waiting)
    fill_in(workspace.root / "labeling" / "r000" / sheet_name("bo"), right)
    told = str(loop.advance(workspace))
    assert "bo" not in told and "Ann (" in told
    assert "Ann (" in str(status.read_status(workspace))
