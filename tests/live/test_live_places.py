"""Who is dealt what, on a real server: further people, places that do not count, tasks that are twins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from live_server import LiveServer

from labelloop import files
from labelloop.adapters.tools.base import Project, Receipt, Task
from labelloop.adapters.tools.label_studio import LabelStudioTool
from labelloop.adapters.tools.label_studio_places import Counting
from labelloop.adapters.tools.label_studio_server import Server
from labelloop.workspace import Workspace

pytestmark = pytest.mark.live

CLASSES = ("cat", "dog", "cow")
PROJECT = Project("places", "choice", CLASSES, "Which animal?", "text", ("text",))
ITEMS = ("a", "b", "c")


class Campaign:
    """A campaign that asks two people about each of three items."""

    def __init__(self, server: LiveServer, folder: Path) -> None:
        server.delete_projects()
        self.server, self.workspace = server, Workspace.at(folder)
        self.tool = self.open()
        self.tool.create(PROJECT)
        self.push("r000", self.tasks(ITEMS, range(2)))

    def open(self) -> LabelStudioTool:
        """As a new process would."""
        asked = Server(self.server.url, self.server.token)
        counting = Counting(is_valid=lambda value: value in CLASSES)
        return LabelStudioTool(
            asked, workspace=self.workspace, campaign="places", overlap=2, counting=counting
        )

    def tasks(self, items: tuple[str, ...], copies: range) -> list[Task]:
        return [Task(f"places/r000/{i}/{k}", i, k, {"text": f"item {i}"}) for i in items for k in copies]

    def push(self, round_id: str, tasks: list[Task]) -> list[Receipt]:
        """As the stage does: what a round pushes is in its own pushed.jsonl."""
        receipts = self.tool.push(tasks)
        told = {receipt.key: receipt.tool_id for receipt in receipts}
        files.append_line(self.workspace.round(round_id).pushed, {"event": "receipts", "tasks": told})
        return receipts

    def work(self, *people: str, value: str = "cat") -> list[int]:
        """How many tasks the queue deals to each."""
        return [self.server.work_queue(person, "places", lambda data: value) for person in people]

    def votes(self) -> set[tuple[str, str, str, object]]:
        answers = self.tool.poll(None).answers
        return {(one.key, one.annotator.partition("@")[0], one.action, one.value) for one in answers}


@pytest.fixture
def campaign(live_server: LiveServer, tmp_path: Path) -> Campaign:
    return Campaign(live_server, tmp_path)


def test_a_second_look_goes_to_a_third_person(campaign: Campaign) -> None:
    """In the task that is there; again and after a lost reply too; and to everybody only when asked for."""
    assert campaign.work("ada", "ben", "cy") == [3, 3, 0]
    assert len(campaign.votes()) == 6
    first = {task["id"] for task in campaign.server.tasks("places")}
    files.write_json(campaign.workspace.round("r000").closed, {})
    more = campaign.tasks(("b",), range(2, 3))
    assert campaign.tool.find([task.key for task in more]) == []
    (receipt,) = campaign.push("r001", more)
    assert campaign.tool.find([receipt.key]) == [receipt]
    assert campaign.open().push(more) == [receipt]
    assert {task["id"] for task in campaign.server.tasks("places")} == first
    assert campaign.tool.progress([receipt.key]).answered == 0
    assert campaign.work("ada", "ben") == [0, 0]
    assert campaign.work("cy", value="dog") == [1]
    assert campaign.tool.progress([receipt.key]).answered == 1
    assert {vote for vote in campaign.votes() if vote[1] == "cy"} == {
        ("places/r000/b/2", "cy", "submitted", "dog")
    }
    assert campaign.work("ada", "ben", "cy") == [0, 0, 0]


def test_a_second_look_at_an_item_with_a_refused_answer_is_a_further_persons(campaign: Campaign) -> None:
    """The place that does not count is made up for before, and by the push itself."""
    assert campaign.work("ada", value="elk") == [3]
    found = campaign.tool.poll(None)
    assert sum("does not count" in one.reason for one in found.refusals) == 3
    assert campaign.work("ben") == [3]
    assert [task["overlap"] for task in campaign.server.tasks("places")] == [3, 3, 3]
    assert campaign.work("ada", "ben", "cy") == [0, 0, 3]
    campaign.tool.poll(None)
    campaign.push("r001", campaign.tasks(("b",), range(2, 3)))
    assert sorted(task["overlap"] for task in campaign.server.tasks("places")) == [3, 3, 4]
    assert campaign.open().find(["places/r000/b/2"])


def test_an_import_that_goes_through_late_leaves_each_task_once(campaign: Campaign) -> None:
    """The same bytes again, minutes later: unanswered twins go, answers to either stay."""
    project = campaign.server.project("places")
    assert project is not None
    tasks = campaign.server.tasks("places")
    assert campaign.work("ada", value="dog") == [3]
    body = [{"data": task["data"], "meta": task["meta"]} for task in tasks]
    reply = campaign.server.client().post(f"/api/projects/{project['id']}/import", json=body)
    assert reply.status_code == 201
    twins = [task for task in campaign.server.tasks("places") if task["id"] not in {t["id"] for t in tasks}]
    assert len(twins) == 3
    campaign.server.answer("ben", twins[0]["id"], "cow")
    votes = campaign.votes()
    left = campaign.server.tasks("places")
    assert {task["id"] for task in left} == {task["id"] for task in [*tasks, twins[0]]}
    assert campaign.tool.poll(None).gone == []
    assert {(person, value) for _, person, _, value in votes} == {("ada", "dog"), ("ben", "cow")}
    # What has two people's answers is not dealt out any more; the others are, to one further person each.
    assert sum(campaign.work("ada", "cy", "ben")) == 2
    assert len({(vote[0].rpartition("/")[0], vote[1]) for vote in campaign.votes()}) == 6


def test_a_poll_asks_for_answers_and_not_for_what_is_shown(campaign: Campaign) -> None:
    """Pictures are in the tasks."""
    campaign.work("ada")
    seen: list[str] = []
    asked = campaign.tool._server
    asked._http.event_hooks["response"].append(lambda reply: (reply.read(), seen.append(reply.text)))
    poll = campaign.tool.poll(None)
    assert len(poll.answers) == 3
    listings = [json.loads(text) for text in seen if '"tasks"' in text]
    assert any(row.get("annotations") for listing in listings for row in listing["tasks"])
    assert "item a" not in "".join(seen)
