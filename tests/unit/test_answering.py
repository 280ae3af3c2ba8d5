"""Where people answer is said by the path or the address that they need."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from labelloop import files
from labelloop.answering import from_here, where_to_answer
from labelloop.campaign import Annotation
from labelloop.workspace import Workspace


@pytest.fixture
def campaign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "params.yaml").write_text(yaml.safe_dump({"annotation": {"tool": "files"}}))
    monkeypatch.chdir(tmp_path)
    return Workspace.at(tmp_path / "mine")


def test_a_folder_of_sheets_is_named_with_the_command_that_takes_answers_in(campaign: Workspace) -> None:
    """Paths as they may be typed where the user stands; with routing everybody has a sheet of their own."""
    said = where_to_answer(campaign, "r003", Annotation(tool="files"))
    assert "mine/labeling/r003" in said and " tasks.csv" in said and "`labelloop advance mine`" in said
    assert "each by 3 different people (" in said
    assert "each by 3 different people, a test item by 5" in where_to_answer(
        campaign, "r000", Annotation(tool="files")
    )
    settings = {"tool": "files", "overlap": 1, "test_overlap": 1, "annotators": ["ann"]}
    routed = Annotation.model_validate(settings | {"routing": {"mode": "skill"}})
    said = where_to_answer(campaign, "r003", routed)
    assert "tasks-<name>.csv" in said and "different people" not in said


def test_label_studio_is_named_by_the_queue_once_there_is_a_project(campaign: Workspace) -> None:
    """Before the first push there is none, and no address is made up."""
    tool = Annotation(tool="label_studio")
    assert "answer in Label Studio, each by 3" in where_to_answer(campaign, "r000", tool)
    note = {"url": "http://127.0.0.1:8080", "id": 7, "made_at": "2026-01-05"}
    files.write_json(campaign.state / "label_studio" / "project.json", note)
    assert "http://127.0.0.1:8080/projects/7/data?labeling=1" in where_to_answer(campaign, "r000", tool)


def test_simulated_annotators_need_no_place(campaign: Workspace) -> None:
    assert where_to_answer(campaign, "r000", Annotation()) == ""


def test_a_path_elsewhere_is_told_whole(campaign: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(from_here(campaign.root)) == "mine"
    monkeypatch.chdir(campaign.root)
    assert from_here(campaign.root.parent) == campaign.root.parent
