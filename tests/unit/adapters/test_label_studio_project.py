"""The campaign's project: adopted by its description, never made twice, missed with advice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from labelloop import files
from labelloop.adapters.tools.base import Project
from labelloop.adapters.tools.label_studio_config import label_config
from labelloop.adapters.tools.label_studio_project import LabelStudioProject
from labelloop.adapters.tools.label_studio_server import Server
from labelloop.errors import ToolError

PROJECT = Project("farm", "choice", ("cat", "dog"), "Which animal?", "text", ("text",))
URL = "http://ls.test"


class Projects:
    """A server's projects; the reply to the first creation can be lost."""

    def __init__(self, *, lose: bool = False) -> None:
        self.projects: dict[int, dict[str, Any]] = {}
        self.lose = lose
        self.changes: list[dict[str, Any]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        number = request.url.path.strip("/").rpartition("/")[2]
        if request.method == "POST":
            made = len(self.projects) + 1
            at = "2026-01-05T09:00:00.123456Z"
            self.projects[made] = {
                "id": made,
                "task_number": 0,
                "created_at": at,
                **json.loads(request.content),
            }
            if self.lose:
                self.lose = False
                raise httpx.ReadError("lost")
            return httpx.Response(201, json=self.projects[made])
        if number.isdigit():
            found = self.projects.get(int(number))
            if found and request.method == "PATCH":
                change = json.loads(request.content)
                self.changes.append(change)
                if change.get("show_collab_predictions") is False:
                    found["model_version"] = ""  # as the server does
                found |= change
            return httpx.Response(200, json=found) if found else httpx.Response(404, json={})
        if request.url.params.get("page") != "1":
            return httpx.Response(404, json={"detail": "Invalid page."})
        return httpx.Response(200, json={"results": list(self.projects.values()), "next": None})


def campaign(
    server: Projects, folder: Path, prelabels: str = "hidden", overlap: int = 3
) -> LabelStudioProject:
    asked = Server(URL, "t" * 40, transport=httpx.MockTransport(server), sleep=lambda _: None)
    return LabelStudioProject(asked, folder / "project.json", "farm", overlap, prelabels)


@pytest.mark.parametrize("lose", [False, True])
def test_it_is_made_once(tmp_path: Path, lose: bool) -> None:
    """Also when the reply to its creation is lost."""
    server = Projects(lose=lose)
    campaign(server, tmp_path).create(PROJECT)
    campaign(server, tmp_path).create(PROJECT)
    assert len(server.projects) == 1


def test_a_fresh_machine_finds_it_by_its_description(tmp_path: Path) -> None:
    """Notes of this machine can be lost, and the title may be changed."""
    server = Projects()
    campaign(server, tmp_path).create(PROJECT)
    server.projects[1]["title"] = "Animals"
    assert campaign(server, tmp_path / "elsewhere").id == 1


def test_a_campaign_whose_name_begins_alike_is_another(tmp_path: Path) -> None:
    """farm-2 does not get farm's answers."""
    server = Projects()
    server.projects[1] = {"id": 1, "description": "labelloop campaign: farm-2"}
    campaign(server, tmp_path).create(PROJECT)
    assert len(server.projects) == 2


def test_a_deleted_project_is_told_with_the_way_out(tmp_path: Path) -> None:
    """It is not silently made anew: its answers would be missed for ever."""
    server = Projects()
    campaign(server, tmp_path).create(PROJECT)
    server.projects.clear()
    with pytest.raises(ToolError, match="backup"):
        campaign(server, tmp_path).create(PROJECT)
    assert not server.projects


def wiped(server: Projects, description: str) -> None:
    """Its data were deleted, and another project has the first id."""
    made = {"task_number": 0, "created_at": "2026-02-01T00:00:00Z", "label_config": "<View/>"}
    server.projects = {1: {"id": 1, "description": description, **made}}


def notes_of(folder: Path) -> dict[str, list[str]]:
    """What polls have noted, by the folder of the project."""
    return {
        p.name: [line["key"] for line in files.read_lines(p / "answers.jsonl")]
        for p in folder.glob("project-*")
    }


@pytest.mark.parametrize("description", ["", "labelloop campaign: farm-2", "ours: labelloop campaign: farm"])
def test_another_project_of_the_remembered_id_is_left_alone(tmp_path: Path, description: str) -> None:
    """Neither pushed into nor read; the way out is told, and works."""
    server = Projects()
    campaign(server, tmp_path).create(PROJECT)
    wiped(server, description)
    for use in (lambda p: p.create(PROJECT), lambda p: p.exists(), lambda p: p.id):
        with pytest.raises(ToolError, match=r"put that line back[\s\S]*delete .*project\.json"):
            use(campaign(server, tmp_path))
    assert not server.changes and server.projects[1]["label_config"] == "<View/>"
    (tmp_path / "project.json").unlink()
    campaign(server, tmp_path).create(PROJECT)
    assert campaign(server, tmp_path).id == 2


def test_a_remembered_project_that_was_made_anew_is_told(tmp_path: Path) -> None:
    """Somebody made the campaign's project again after the server's data were deleted: it has no round."""
    server = Projects()
    campaign(server, tmp_path).create(PROJECT)
    campaign(server, tmp_path).create(PROJECT)
    wiped(server, "labelloop campaign: farm")
    with pytest.raises(ToolError, match="2026-02-01"):
        campaign(server, tmp_path).create(PROJECT)
    assert not server.changes


@pytest.mark.parametrize("made_by", ["us", "another machine"])
def test_notes_of_an_earlier_project_of_the_same_id_are_not_read(tmp_path: Path, made_by: str) -> None:
    """Its answers are no answers of the new one; they are moved away, not deleted."""
    server = Projects()
    campaign(server, tmp_path).create(PROJECT)
    files.append_line(tmp_path / "project-1" / "answers.jsonl", {"key": "old"})
    campaign(server, tmp_path).create(PROJECT)
    assert notes_of(tmp_path) == {"project-1": ["old"]}
    server.projects.clear()
    if made_by != "us":
        wiped(server, "labelloop campaign: farm")
        server.projects[1]["label_config"] = label_config(PROJECT)
    (tmp_path / "project.json").unlink()
    found = campaign(server, tmp_path)
    if made_by == "us":
        found.create(PROJECT)
    else:
        assert found.id == 1  # as a poll finds it
        found.keep_notes_apart()
    files.append_line(tmp_path / "project-1" / "answers.jsonl", {"key": "new"})
    assert notes_of(tmp_path) == {"project-1": ["new"], "project-1-old-1": ["old"]}


def test_two_projects_of_one_campaign_are_refused(tmp_path: Path) -> None:
    """Nobody can say which one people work in."""
    server = Projects()
    for number in (1, 2):
        server.projects[number] = {"id": number, "description": "labelloop campaign: farm"}
    with pytest.raises(ToolError, match=r"\[1, 2\]"):
        campaign(server, tmp_path).create(PROJECT)


@pytest.mark.parametrize("there", ["none", "hidden", "shown"])
@pytest.mark.parametrize("prelabels", ["none", "hidden", "shown"])
def test_predictions_are_shown_only_where_the_setting_says_so(
    tmp_path: Path, there: str, prelabels: str
) -> None:
    """Also when it changes between rounds, or somebody changes the project by hand."""
    server = Projects()
    campaign(server, tmp_path, there).create(PROJECT)
    campaign(server, tmp_path, prelabels).create(PROJECT)
    assert server.projects[1]["show_collab_predictions"] is (prelabels == "shown")


def test_the_queue_follows_the_latest_model(tmp_path: Path) -> None:
    """By the project's model version, which the server forgets when predictions are hidden."""
    server = Projects()
    campaign(server, tmp_path, "shown").create(PROJECT)
    server.projects[1]["total_predictions_number"] = 5
    project = campaign(server, tmp_path, "shown")
    project.intend("farm r001 12345678")
    project.announce("farm r001 12345678")
    assert server.projects[1]["model_version"] == "farm r001 12345678"
    assert server.projects[1]["sampling"] == "Uncertainty sampling"
    campaign(server, tmp_path, "hidden").create(PROJECT)
    assert server.projects[1]["model_version"] == "farm r001 12345678"
    campaign(server, tmp_path, "none").create(PROJECT)
    assert server.projects[1]["sampling"] == "Sequential sampling"


def test_a_push_that_was_cut_off_before_it_told_its_model_is_put_right(tmp_path: Path) -> None:
    """The next run of the push begins with create."""
    server = Projects()
    campaign(server, tmp_path).create(PROJECT)
    campaign(server, tmp_path).intend("farm r001 12345678")
    server.projects[1]["total_predictions_number"] = 5
    campaign(server, tmp_path).create(PROJECT)
    assert server.projects[1]["model_version"] == "farm r001 12345678"


def test_an_order_that_somebody_chose_stays(tmp_path: Path) -> None:
    """Only the two usual ones are exchanged for each other."""
    server = Projects()
    campaign(server, tmp_path).create(PROJECT)
    server.projects[1] |= {"total_predictions_number": 5, "sampling": "Uniform sampling"}
    campaign(server, tmp_path).announce("farm r001 12345678")
    campaign(server, tmp_path, "none").create(PROJECT)
    assert server.projects[1]["sampling"] == "Uniform sampling"


def test_the_projects_overlap_follows_the_settings_only_while_it_is_empty(tmp_path: Path) -> None:
    """Later the server would change the tasks that are there along with it."""
    server = Projects()
    campaign(server, tmp_path).create(PROJECT)
    campaign(server, tmp_path, overlap=2).create(PROJECT)
    assert server.projects[1]["maximum_annotations"] == 2
    server.projects[1]["task_number"] = 1
    campaign(server, tmp_path, overlap=4).create(PROJECT)
    assert server.projects[1]["maximum_annotations"] == 2
