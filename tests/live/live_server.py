"""A real Label Studio server and scripted people who work in it over its API, as a browser would."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]


def missing(reason: str) -> NoReturn:
    """Skip a test; or let it fail where LIVE_TESTS=required, since a test that was skipped proves nothing."""
    if os.environ.get("LIVE_TESTS") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


def installed_server() -> Path:
    """The environment LABEL_STUDIO_VENV, or that of `make label-studio`."""
    venv = Path(os.environ.get("LABEL_STUDIO_VENV") or ROOT / ".label-studio" / "venv")
    if not (venv / "bin" / "label-studio").exists():
        missing(f"{venv} has no label-studio; `make label-studio` installs it")
    return venv


@dataclass
class LiveServer:
    """Where the server is, and who may log in."""

    url: str
    token: str
    people: dict[str, str]
    """Tokens of annotators by their short names."""
    logins: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Login and password of annotators by their short names."""
    clients: dict[str, httpx.Client] = field(default_factory=dict)

    @classmethod
    def of(cls, accounts: dict[str, Any]) -> LiveServer:
        """The server of an accounts.json, as scripts/label_studio.py writes it."""
        people = accounts["annotators"]
        return cls(
            accounts["url"],
            accounts["manager"]["token"],
            {person["name"]: person["token"] for person in people},
            {person["name"]: (person["login"], person["password"]) for person in people},
        )

    def client(self, person: str = "") -> httpx.Client:
        if person not in self.clients:
            token = self.people[person] if person else self.token
            headers = {"Authorization": f"Token {token}"}
            self.clients[person] = httpx.Client(base_url=self.url, headers=headers, timeout=60)
        client = self.clients[person]
        client.cookies.clear()
        return client

    def projects(self) -> list[dict[str, Any]]:
        return self.client().get("/api/projects/", params={"page_size": 100}).json()["results"]

    def project(self, campaign: str) -> dict[str, Any] | None:
        marker = f"labelloop campaign: {campaign}"
        return next((p for p in self.projects() if p["description"] == marker), None)

    def delete_projects(self) -> None:
        for project in self.projects():
            self.client().delete(f"/api/projects/{project['id']}/")

    def tasks(self, campaign: str, **query: Any) -> list[dict[str, Any]]:
        project = self.project(campaign)
        if project is None:
            return []
        rows: list[dict[str, Any]] = []
        while True:
            page = len(rows) // 500 + 1
            query |= {"project": project["id"], "page": page, "page_size": 500}
            content = self.client().get("/api/tasks/", params=query).json()
            rows += content["tasks"]
            if len(rows) >= content["total"]:
                return rows

    def work_queue(
        self, person: str, campaign: str, answer: Callable[[dict[str, Any]], str | None], most: int = 10_000
    ) -> int:
        """Take tasks from the project's queue and answer them, until it is empty; None skips."""
        project = self.project(campaign)
        assert project is not None
        for done in range(most):
            reply = self.client(person).get(f"/api/projects/{project['id']}/next")
            if reply.status_code == 404:
                return done
            task = reply.json()
            assert task["annotations"] == [], "somebody else's answer is shown"
            self.answer(person, task["id"], answer(task["data"]))
        return most

    def answer(self, person: str, task: int, value: str | None) -> dict[str, Any]:
        body: dict[str, Any] = {"result": [], "was_cancelled": True}
        if value is not None:
            body = {"result": result_of(value)}
        body |= {"lead_time": 1.5, "unique_id": str(uuid.uuid4())}
        reply = self.client(person).post(f"/api/tasks/{task}/annotations/", json=body)
        assert reply.status_code == 201, reply.text
        return dict(reply.json())


def result_of(value: str) -> list[dict[str, Any]]:
    return [{"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": [value]}}]
