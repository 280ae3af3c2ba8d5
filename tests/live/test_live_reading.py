"""What people do in a real Label Studio, as the campaign reads it: skips, deletions, predictions, hands."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "contract"))

from live_server import LiveServer, result_of
from test_tools import PROJECT, answers_of, keys_of, tasks_of

from labelloop import files, tool_check
from labelloop.adapters.tools import open_tool
from labelloop.adapters.tools.base import Answer, LabelTool, Poll, Task
from labelloop.asking import Event, closing_time
from labelloop.campaign import Annotation
from labelloop.workspace import Workspace

pytestmark = pytest.mark.live

Open = Callable[[], LabelTool]


@pytest.fixture
def workspace(live_server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("LABEL_STUDIO_URL", live_server.url)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", live_server.token)
    live_server.delete_projects()
    return Workspace.at(tmp_path)


@pytest.fixture
def opened(workspace: Workspace) -> Open:
    """Opens the campaign's tool as a new process would; its project is there."""

    def tool() -> LabelTool:
        return open_tool(
            Annotation(tool="label_studio"),
            campaign="farm",
            seed=3,
            workspace=workspace,
            truth=lambda items: {},
            classes=PROJECT.classes,
        )

    tool().create(PROJECT)
    return tool


def push(opened: Open, workspace: Workspace, tasks: list[Task]) -> None:
    """Push and note the receipts, as the stage does."""
    receipts = {receipt.key: receipt.tool_id for receipt in opened().push(tasks)}
    files.append_line(workspace.round("r000").pushed, {"event": "receipts", "tasks": receipts})


def closes(polls: list[Poll], copies: int, items: list[str], skips: int) -> bool:
    """Whether a round of these items would close after these polls."""
    events = [
        Event(one.answered_at, one.id, one.key.split("/", 2)[2].rpartition("/")[0], one.annotator, one.action)
        for one in answers_of(polls)
    ]
    annotation = Annotation(tool="label_studio", skips_to_review=skips)
    pushed = datetime(2026, 1, 1, tzinfo=UTC)
    return closing_time(events, dict.fromkeys(items, copies), pushed, annotation) is not None


def said(answers: list[Answer]) -> list[tuple[str, str, str]]:
    return [(one.annotator.partition("@")[0], one.action, one.key.rpartition("/")[2]) for one in answers]


def test_a_skipped_task_is_dealt_to_others_who_fill_both_copies(
    live_server: LiveServer, opened: Open, workspace: Workspace
) -> None:
    """Through the server's queue: skipped by one, answered by two, whatever was polled in between."""
    push(opened, workspace, tasks_of("r000", ["a"], 2))
    polls: list[Poll] = []
    for person, value in (("ada", None), ("ben", "cat"), ("cy", "dog")):
        assert live_server.work_queue(person, "farm", lambda data, value=value: value) == 1
        assert not closes(polls, 2, ["a"], 2)
        polls.append(opened().poll(polls[-1].now if polls else None))
    answers = answers_of(polls)
    assert said(answers)[1:] == [("ben", "submitted", "0"), ("cy", "submitted", "1")]
    assert said(answers)[0][:2] == ("ada", "skipped")
    assert closes(polls, 2, ["a"], 2)
    assert said(opened().poll(None).answers) == said(answers)


def test_an_item_that_enough_have_skipped_is_given_up(
    live_server: LiveServer, opened: Open, workspace: Workspace
) -> None:
    push(opened, workspace, tasks_of("r000", ["a"], 2))
    live_server.work_queue("ada", "farm", lambda data: None)
    live_server.work_queue("ben", "farm", lambda data: "cat")
    first = opened().poll(None)
    assert not closes([first], 2, ["a"], 2)
    live_server.work_queue("cy", "farm", lambda data: None)
    assert closes([first, opened().poll(first.now)], 2, ["a"], 2)


def test_an_answer_deleted_on_the_page_is_noticed_and_the_task_asked_again(
    live_server: LiveServer, opened: Open, workspace: Workspace
) -> None:
    """Also right after a push, when everything else on the server is as young as that."""
    push(opened, workspace, tasks_of("r000", ["a", "ümlaut"], 1))
    live_server.work_queue("ada", "farm", lambda data: "cat", most=1)
    polls = [opened().poll(None)]
    (task, *_) = live_server.tasks("farm", fields="all")
    live_server.client().delete(f"/api/annotations/{task['annotations'][0]['id']}/")
    polls.append(opened().poll(polls[-1].now))
    assert said(answers_of(polls)) == [("ada", "submitted", "0"), ("ada", "deleted", "0")]
    assert live_server.work_queue("ben", "farm", lambda data: "dog", most=1) == 1
    polls.append(opened().poll(polls[-1].now))
    assert not closes(polls, 1, ["a", "ümlaut"], 2)
    assert live_server.work_queue("ben", "farm", lambda data: "dog") == 1
    polls.append(opened().poll(polls[-1].now))
    assert closes(polls, 1, ["a", "ümlaut"], 2)


def test_a_poll_right_after_a_push_reads_only_what_was_answered(
    live_server: LiveServer, opened: Open, workspace: Workspace
) -> None:
    """Its cost is what is new, not what was pushed: else large batches make every poll slow."""
    push(opened, workspace, tasks_of("r000", [f"i{n}" for n in range(300)], 1))
    live_server.work_queue("ada", "farm", lambda data: "cat", most=3)
    now = opened().poll(None).now
    live_server.work_queue("ada", "farm", lambda data: "cat", most=2)
    tool = opened()
    rows: list[dict[str, Any]] = []
    listed = tool._server.tasks  # type: ignore[attr-defined]

    def counted(*arguments: Any, **query: Any) -> Any:
        for row in listed(*arguments, **query):
            rows.append(row)
            yield row

    tool._server.tasks = counted  # type: ignore[attr-defined]
    assert len(tool.poll(now).answers) == 2
    assert len(rows) == 5


def test_tasks_deleted_by_hand_are_named_and_what_was_answered_stays(
    live_server: LiveServer, opened: Open, workspace: Workspace
) -> None:
    tasks = tasks_of("r000", ["a", "ümlaut", "0012"], 1)
    push(opened, workspace, tasks)
    live_server.work_queue("ada", "farm", lambda data: "cat", most=1)
    first = opened().poll(None)
    assert first.gone == []
    ids = sorted(task["id"] for task in live_server.tasks("farm"))
    for number in ids[:2]:
        live_server.client().delete(f"/api/tasks/{number}/")
    for _ in range(2):
        poll = opened().poll(None)
        assert sorted(poll.gone) == sorted(keys_of(tasks)[:2])
        assert [one.action for one in poll.answers] == ["submitted"]


def test_the_prediction_that_was_shown_goes_with_the_answer(
    live_server: LiveServer, opened: Open, workspace: Workspace
) -> None:
    """The page sends the prediction's id with what was made of it; who starts empty sends none."""
    push(opened, workspace, tasks_of("r000", ["a"], 3))
    (task,) = live_server.tasks("farm")
    prediction = {"task": task["id"], "result": result_of("dog"), "score": 0.7, "model_version": "m1"}
    number = live_server.client().post("/api/predictions/", json=prediction).json()["id"]
    for person, value, parent in (("ada", "dog", number), ("ben", "cat", number), ("cy", "cat", None)):
        body = {"result": result_of(value), "parent_prediction": parent}
        reply = live_server.client(person).post(f"/api/tasks/{task['id']}/annotations/", json=body)
        assert reply.status_code == 201
    answers = opened().poll(None).answers
    assert [(one.value, one.prelabel) for one in answers] == [("dog", "dog"), ("cat", "dog"), ("cat", None)]


def test_a_draft_is_no_answer_until_it_is_submitted(
    live_server: LiveServer, opened: Open, workspace: Workspace
) -> None:
    """What somebody chose and did not submit stands in the task, and counts for nothing."""
    push(opened, workspace, tasks_of("r000", ["a"], 2))
    (task,) = live_server.tasks("farm")
    drafts = f"/api/tasks/{task['id']}/drafts?project={task['project']}"

    def leave_a_draft() -> None:
        reply = live_server.client("ada").post(drafts, json={"result": result_of("dog"), "lead_time": 3.0})
        assert reply.status_code == 201, reply.text

    leave_a_draft()
    polls = [opened().poll(None)]
    live_server.answer("ben", task["id"], "cat")
    leave_a_draft()
    polls.append(opened().poll(polls[-1].now))
    assert live_server.client("ada").get(f"/api/tasks/{task['id']}/").json()["drafts"]
    assert said(answers_of(polls)) == [("ben", "submitted", "0")]
    assert not closes(polls, 2, ["a"], 2)
    live_server.answer("ada", task["id"], "dog")
    polls.append(opened().poll(polls[-1].now))
    assert said(answers_of(polls))[1:] == [("ada", "submitted", "1")]
    assert closes(polls, 2, ["a"], 2)
    assert not any(poll.refusals or poll.gone for poll in polls)


def test_nothing_is_asked_of_the_future(live_server: LiveServer, opened: Open, workspace: Workspace) -> None:
    """Times are the server's, whatever this machine's clock says."""
    push(opened, workspace, tasks_of("r000", ["a"], 1))
    live_server.work_queue("ada", "farm", lambda data: "cat")
    poll = opened().poll(None)
    assert poll.refusals == []
    assert all(poll.now - timedelta(minutes=10) < one.answered_at <= poll.now for one in poll.answers)


def test_the_check_finds_nothing_wrong_with_a_good_server_and_names_what_is(
    live_server: LiveServer, opened: Open, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before there is a project, with one, and with one that somebody has edited."""
    monkeypatch.setattr(tool_check, "project_now", lambda *_: PROJECT)
    params = "campaign:\n  name: {}\nannotation:\n  tool: label_studio\n"
    other = Workspace.at(workspace.root / "other")
    files.write_text(other.params, params.format("forest"))
    states = {check.name: check.state for check in tool_check.check_tool(other)}
    assert states == dict.fromkeys(("notes", "server", "version", "clock", "token", "account", "rights",
                                    "project"), "ok")  # fmt: skip
    assert len(live_server.projects()) == 1
    workspace.params.write_text(params.format("farm"))
    found = tool_check.check_tool(Workspace.at(workspace.root))
    assert {check.state for check in found} == {"ok"}
    assert len(found) == 12
    project = live_server.project("farm")
    assert project is not None
    change = {"label_config": project["label_config"].replace('value="cat"', 'value="cats"'),
              "show_collab_predictions": True, "skip_queue": "IGNORE_SKIPPED"}  # fmt: skip
    assert live_server.client().patch(f"/api/projects/{project['id']}/", json=change).status_code == 200
    states = {check.name: check.state for check in tool_check.check_tool(Workspace.at(workspace.root))}
    assert (states["labeling interface"], states["predictions"], states["skipped tasks"]) == (
        "fail", "warn", "warn",
    )  # fmt: skip


def test_a_wrong_token_is_told_by_a_real_server(
    live_server: LiveServer, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "0" * 40)
    workspace.params.write_text("annotation:\n  tool: label_studio\n")
    checks = tool_check.check_tool(workspace)
    assert (checks[-1].name, checks[-1].state) == ("account", "fail")
    assert "LABEL_STUDIO_API_KEY" in checks[-1].says
