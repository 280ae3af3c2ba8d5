"""The campaign's project on a Label Studio server: made once, found again by its description."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from labelloop import files
from labelloop.adapters.tools.base import Project
from labelloop.adapters.tools.label_studio_config import label_config, updated_config
from labelloop.adapters.tools.label_studio_server import LostReplyError, NotThereError, Server
from labelloop.adapters.tools.project_file import read_project
from labelloop.errors import ToolError


class LabelStudioProject:
    """The project that carries the campaign's name in its description."""

    def __init__(self, server: Server, path: Path, campaign: str, overlap: int) -> None:
        """Remember in `path` which project it is; nothing is asked yet."""
        self._server, self._path, self._campaign, self._overlap = server, path, campaign, overlap
        self._id: int | None = None

    @property
    def id(self) -> int:
        """The project's id.

        Raises:
            ToolError: the server has no project of this campaign.
        """
        if self._id is None:
            self._id = self._find()
        if self._id is None:
            raise ToolError(f"Label Studio at {self._server.url} has no project whose description says "
                            f"'{self._marker}'; it must be created before tasks are pushed")  # fmt: skip
        return self._id

    @property
    def shown(self) -> Project:
        """What the project was created for."""
        return read_project(self._path.with_name("schema.json"))

    def create(self, project: Project) -> None:
        """Make the project, or adopt the one that is there and bring its question up to date.

        Raises:
            ToolError: what is there does not fit; says how to put it right.
        """
        if project.campaign != self._campaign:
            raise ToolError(f"this is campaign '{self._campaign}', but the project is to be made for "
                            f"'{project.campaign}'; use another folder for it")  # fmt: skip
        config = label_config(project)
        written: str | None = None
        if self._path.exists():
            written = files.read_json(self._path).get("config")
        there = self._find()
        if there is None:
            there = self._make(config)
        else:
            content = self._server.get(f"/api/projects/{there}/")
            change = updated_config(str(content.get("label_config") or ""), project, written)
            if change is not None:
                self._server.patch(f"/api/projects/{there}/", {"label_config": change})
            elif written is not None:
                config = written
        self._id = there
        files.write_json(self._path.with_name("schema.json"), _schema(project))
        files.write_json(self._path, {"url": self._server.url, "id": there, "config": config})

    @property
    def _marker(self) -> str:
        return f"labelloop campaign: {self._campaign}"

    def _find(self) -> int | None:
        """The project that is remembered, or else the one whose description names the campaign.

        Raises:
            ToolError: the remembered one was deleted, or several carry the name.
        """
        known = files.read_json(self._path) if self._path.exists() else {}
        if known.get("url") == self._server.url:
            try:
                self._server.get(f"/api/projects/{known['id']}/")
                return int(known["id"])
            except NotThereError:
                raise ToolError(
                    f"project {known['id']} of campaign '{self._campaign}' was deleted from Label Studio at "
                    f"{self._server.url}. What was collected is safe. Restore the project from the server's "
                    f"backup; or, to ask the open round again in a new project, delete {self._path} and the "
                    "round's pushed.jsonl"
                ) from None
        found = [int(p["id"]) for p in self._projects() if self._marker in _lines(p.get("description"))]
        if len(found) > 1:
            raise ToolError(f"the projects {found} of Label Studio at {self._server.url} all have "
                            f"'{self._marker}' in their description; take it out of all but one")  # fmt: skip
        return found[0] if found else None

    def _projects(self) -> list[dict[str, Any]]:
        projects: list[dict[str, Any]] = []
        page = 1
        while True:
            content = self._server.get("/api/projects/", page=page, page_size=100)
            results = content.get("results") if isinstance(content, dict) else None
            if not isinstance(results, list):
                raise ToolError(f"{self._server.url} answers a listing of projects with something else; is "
                                "it a Label Studio server?")  # fmt: skip
            projects += results
            if not content.get("next"):
                return projects
            page += 1

    def _make(self, config: str) -> int:
        """A new project, once: a lost reply is followed by a look."""
        body = {
            "title": f"labelloop {self._campaign}"[:50],
            "description": self._marker,
            "label_config": config,
            "maximum_annotations": self._overlap,
            "skip_queue": "REQUEUE_FOR_OTHERS",
            "sampling": "Sequential sampling",
            "show_skip_button": True,
            "enable_empty_annotation": False,
            "show_collab_predictions": False,
            "show_annotation_history": False,
        }
        try:
            return int(self._server.post("/api/projects/", body)["id"])
        except LostReplyError:
            there = self._find()
            return int(self._server.post("/api/projects/", body)["id"]) if there is None else there


def _lines(text: object) -> list[str]:
    return [line.strip() for line in str(text or "").splitlines()]


def _schema(project: Project) -> dict[str, Any]:
    return {
        **asdict(project),
        "classes": list(project.classes),
        "payload_columns": list(project.payload_columns),
    }
