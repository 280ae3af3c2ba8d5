"""The campaign's project: adopted by its description, never made twice, missed with advice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from labelloop.adapters.tools.base import Project
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

    def __call__(self, request: httpx.Request) -> httpx.Response:
        number = request.url.path.strip("/").rpartition("/")[2]
        if request.method == "POST":
            made = len(self.projects) + 1
            self.projects[made] = {"id": made, **json.loads(request.content)}
            if self.lose:
                self.lose = False
                raise httpx.ReadError("lost")
            return httpx.Response(201, json=self.projects[made])
        if number.isdigit():
            found = self.projects.get(int(number))
            return httpx.Response(200, json=found) if found else httpx.Response(404, json={})
        return httpx.Response(200, json={"results": list(self.projects.values()), "next": None})


def campaign(server: Projects, folder: Path) -> LabelStudioProject:
    asked = Server(URL, "t" * 40, transport=httpx.MockTransport(server), sleep=lambda _: None)
    return LabelStudioProject(asked, folder / "project.json", "farm", 3)


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


def test_two_projects_of_one_campaign_are_refused(tmp_path: Path) -> None:
    """Nobody can say which one people work in."""
    server = Projects()
    for number in (1, 2):
        server.projects[number] = {"id": number, "description": "labelloop campaign: farm"}
    with pytest.raises(ToolError, match=r"\[1, 2\]"):
        campaign(server, tmp_path).create(PROJECT)
