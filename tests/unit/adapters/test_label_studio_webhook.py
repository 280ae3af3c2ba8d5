"""One webhook a campaign's project, with the secret, about answers only, however often it is registered."""

from __future__ import annotations

from typing import Any

import pytest

from labelloop.adapters.tools.label_studio_webhook import ACTIONS, register_with
from labelloop.errors import ToolError

URL, SECRET = "http://127.0.0.1:8090/", "a secret of enough characters"


class Server:
    """What a Label Studio server keeps of projects and webhooks."""

    url = "http://labels.example"

    def __init__(self, *campaigns: str) -> None:
        self.projects = [
            {"id": 7 + n, "description": f"about it\nlabelloop campaign: {name}"}
            for n, name in enumerate(campaigns)
        ]
        self.hooks: list[dict[str, Any]] = []
        self.changes = 0

    def get(self, path: str, **query: Any) -> Any:
        if path == "/api/webhooks/":
            return [hook for hook in self.hooks if query["project"] in (None, hook["project"])]
        page, size = query["page"], 1  # a page holds one, so that pages are turned
        shown = self.projects[page - 1 : page - 1 + size]
        return {"results": shown, "next": "more" if page < len(self.projects) else None}

    def post(self, path: str, body: Any) -> Any:
        self.changes += 1
        self.hooks.append(body | {"id": 100 + len(self.hooks)})
        return self.hooks[-1]

    def patch(self, path: str, body: Any) -> Any:
        self.changes += 1
        hook = next(hook for hook in self.hooks if path == f"/api/webhooks/{hook['id']}/")
        hook.update(body)
        return hook


def test_it_is_registered_once() -> None:
    """With the project of this campaign, though its name begins like another's."""
    server = Server("birds-2", "birds")
    for _ in range(3):
        said = register_with(server, "birds", URL, SECRET)
    assert len(server.hooks) == server.changes == 1
    hook = server.hooks[0]
    assert (hook["project"], hook["url"], hook["headers"]) == (8, URL, {"X-Hook-Secret": SECRET})
    assert set(hook["actions"]) == set(ACTIONS)
    assert all("ANNOTATION" in action for action in ACTIONS)
    assert hook["send_payload"] is False
    assert SECRET not in said


@pytest.mark.parametrize(
    "change",
    [{"headers": {"X-Hook-Secret": "the old one"}}, {"is_active": False}, {"actions": ["TASKS_CREATED"]}],
)
def test_one_that_has_changed_is_put_right(change: dict[str, Any]) -> None:
    """A new secret, or somebody's edit in the server's pages."""
    server = Server("birds")
    register_with(server, "birds", URL, SECRET)
    before = dict(server.hooks[0])
    server.hooks[0].update(change)
    register_with(server, "birds", URL, SECRET)
    assert server.hooks == [before]


def test_webhooks_of_others_stay() -> None:
    """Of the same project to another address, and of another project."""
    server = Server("birds")
    others = [{"id": 1, "project": 7, "url": "http://other/"}, {"id": 2, "project": 9, "url": URL}]
    server.hooks = [dict(hook) for hook in others]
    register_with(server, "birds", URL, SECRET)
    assert server.hooks[:2] == others
    assert len(server.hooks) == 3


def test_a_campaign_without_a_project_yet_is_told() -> None:
    """The first batch makes the project."""
    with pytest.raises(ToolError, match="first batch"):
        register_with(Server("birds"), "fish", URL, SECRET)
