"""A push that is cut off anywhere and done again leaves every item once, asked of as many as it should be."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

import httpx
import pytest
from label_studio_double import Killed, LabelStudioDouble

from labelloop.adapters.tools import label_studio, label_studio_listing, label_studio_push
from labelloop.adapters.tools.base import Prediction, Project, Task
from labelloop.adapters.tools.label_studio import LabelStudioTool
from labelloop.adapters.tools.label_studio_push import OnServer, wanted_overlap
from labelloop.adapters.tools.label_studio_server import Server
from labelloop.errors import ToolError
from labelloop.workspace import Workspace

PROJECT = Project("farm", "choice", ("cat", "dog"), "Which animal?", "text", ("text",))
VERSION = "farm r000 12345678"
COPIES = {"few": 1, "usual": 3, "many": 5}


def tasks_of(copies: dict[str, int] = COPIES) -> list[Task]:
    prediction = Prediction("cat", 0.75, VERSION)
    return [
        Task(f"farm/r001/{item}/{copy}", item, copy, {"text": item}, prediction if item == "usual" else None)
        for item, number in copies.items()
        for copy in range(number)
    ]


def tool(server: LabelStudioDouble, folder: Path) -> LabelStudioTool:
    """As a new process would open it."""
    asked = Server("http://ls.test", "t" * 40, transport=httpx.MockTransport(server), sleep=lambda _: None)
    return LabelStudioTool(
        asked, workspace=Workspace.at(folder), campaign="farm", overlap=3, sleep=lambda _: None
    )


def push(server: LabelStudioDouble, folder: Path, tasks: list[Task]) -> None:
    """As the stage does it after a failure."""
    opened = tool(server, folder)
    opened.create(PROJECT)
    found = {receipt.key for receipt in opened.find([task.key for task in tasks])}
    opened.push([task for task in tasks if task.key not in found])


def requests_of_a_push() -> int:
    with tempfile.TemporaryDirectory() as folder:
        server = LabelStudioDouble()
        push(server, Path(folder), tasks_of())
        return len(server.requests)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("request_number", range(requests_of_a_push()))
def test_a_kill_at_any_request_is_made_good(request_number: int, after: bool, tmp_path: Path) -> None:
    """Between the import and the overlaps too, up and down; the queue's model version is told in the end."""
    server = LabelStudioDouble()
    server.die_at, server.after = request_number, after
    with pytest.raises(Killed):
        push(server, tmp_path, tasks_of())
    server.die_at = None
    push(server, tmp_path, tasks_of())
    assert {task["data"]["text"]: task["overlap"] for task in server.tasks.values()} == COPIES
    assert len(server.tasks) == len(COPIES)
    assert server.project is not None and server.project["model_version"] == VERSION
    keys = [receipt.key for receipt in tool(server, tmp_path).find([task.key for task in tasks_of()])]
    assert sorted(keys) == sorted(task.key for task in tasks_of())


@pytest.mark.parametrize("looks", range(1, 6))
def test_an_import_that_arrives_late_is_taken_once(looks: int, tmp_path: Path) -> None:
    """The connection broke, but the server goes on with it: before we send again, or after."""
    server = LabelStudioDouble()
    server.late = looks
    opened = tool(server, tmp_path)
    opened.create(PROJECT)
    receipts = opened.push(tasks_of())
    assert {task["data"]["text"]: task["overlap"] for task in server.tasks.values()} == COPIES
    assert len(server.tasks) == len(COPIES)
    assert {int(receipt.tool_id.partition(".")[0]) for receipt in receipts} == set(server.tasks)


def test_two_kills_in_a_row_are_made_good(tmp_path: Path) -> None:
    """The second push is cut off at each of its requests in turn."""
    for number in range(requests_of_a_push()):
        folder = tmp_path / str(number)
        server = LabelStudioDouble()
        for die_at in (3 + number // 2, number):
            server.die_at, server.after = len(server.requests) + die_at, bool(number % 2)
            try:
                push(server, folder, tasks_of())
            except Killed:
                continue
        server.die_at = None
        push(server, folder, tasks_of())
        assert {task["data"]["text"]: task["overlap"] for task in server.tasks.values()} == COPIES
        assert len(server.tasks) == len(COPIES)


def test_a_fresh_clone_asks_nothing_twice(tmp_path: Path) -> None:
    """What was pushed of an open round reaches no other machine: the server is asked what it has.

    Neither the stage's intent nor the keys are there, and the first machine has pushed a part.
    """
    server = LabelStudioDouble()
    first = tool(server, tmp_path / "first")
    first.create(PROJECT)
    first.push(tasks_of({"few": 1, "many": 5}))
    second = tool(server, tmp_path / "clone")
    second.create(PROJECT)
    receipts = second.push(tasks_of({"few": 1, "usual": 3}))
    receipts += second.push(tasks_of({"many": 5}))
    assert {task["data"]["text"]: task["overlap"] for task in server.tasks.values()} == COPIES
    assert len(server.tasks) == len(COPIES)
    assert [receipt.key for receipt in receipts] == [task.key for task in tasks_of()]


def test_the_machine_before_learns_what_the_clone_has_pushed(tmp_path: Path) -> None:
    """It has keys of its own, but fewer than the server has tasks."""
    server = LabelStudioDouble()
    push(server, tmp_path / "first", tasks_of({"few": 1}))
    push(server, tmp_path / "clone", tasks_of({"usual": 3, "many": 5}))
    back = tool(server, tmp_path / "first")
    back.create(PROJECT)
    back.push(tasks_of({"usual": 3, "many": 5}))
    assert len(server.tasks) == len(COPIES)


def test_a_push_whose_tasks_are_all_known_here_is_not_looked_up(tmp_path: Path) -> None:
    """A lookup takes longer the more tasks the project has."""
    server = LabelStudioDouble()
    for items in (["a", "b"], ["c"], ["d", "e"]):
        opened = tool(server, tmp_path)
        opened.create(PROJECT)
        opened.push(tasks_of(dict.fromkeys(items, 3)))
    assert len(server.tasks) == 5
    assert "GET /api/tasks/" not in server.requests


@pytest.mark.parametrize(
    ("overlap", "answers", "skips", "copies", "wanted"),
    [(3, 0, 0, 5, 5), (3, 0, 0, 1, 1), (3, 2, 0, 1, 2), (3, 3, 0, 1, 3), (3, 2, 1, 1, 1), (3, 9, 0, 3, 3)],
)
def test_an_overlap_never_falls_below_the_answers(
    overlap: int, answers: int, skips: int, copies: int, wanted: int
) -> None:
    """What people have answered is theirs to keep; a skip is no answer."""
    assert wanted_overlap(OnServer(1, overlap, answers, None, skips), copies) == wanted


def test_a_task_with_more_answers_than_copies_is_not_pushed_for_ever(tmp_path: Path) -> None:
    """Somebody was quicker than the request that lowers its overlap: it counts as pushed."""
    server = LabelStudioDouble()
    push(server, tmp_path, tasks_of())
    for task in server.tasks.values():
        task |= {"overlap": 4, "total_annotations": 4}
    few = [task for task in tasks_of() if task.item == "few"]
    assert len(tool(server, tmp_path).find([task.key for task in few])) == 1


def test_tasks_with_the_projects_overlap_cost_no_request_of_their_own(tmp_path: Path) -> None:
    """Each takes the server longer than its share of an import."""
    server = LabelStudioDouble()
    push(server, tmp_path, tasks_of({str(item): 3 for item in range(50)}))
    assert not [said for said in server.requests if said.startswith("PATCH /api/tasks/")]


def test_predictions_travel_inside_the_import(tmp_path: Path) -> None:
    """With their score and model; a task without one carries none."""
    server = LabelStudioDouble()
    push(server, tmp_path, tasks_of())
    carried = {task["data"]["text"]: task["predictions"] for task in server.tasks.values()}
    assert carried["few"] == carried["many"] == []
    (prediction,) = carried["usual"]
    assert (prediction["score"], prediction["model_version"]) == (0.75, VERSION)
    assert prediction["result"][0]["value"] == {"choices": ["cat"]}


@pytest.mark.parametrize(
    "prediction",
    [
        Prediction("cow", 0.5, VERSION),
        Prediction("cat", 1.7, VERSION),
        Prediction("cat", float("nan"), VERSION),
    ],
)
def test_a_prediction_that_does_not_fit_stops_the_push_before_anything_is_sent(
    prediction: Prediction, tmp_path: Path
) -> None:
    """The server would store it; the message names the item."""
    server = LabelStudioDouble()
    bad = Task("farm/r001/odd/0", "odd", 0, {"text": "odd"}, prediction)
    with pytest.raises(ToolError, match="odd"):
        push(server, tmp_path, [*tasks_of(), bad])
    assert not server.tasks


def test_many_keys_are_found_by_a_listing_and_few_by_a_query(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both find the same."""
    server = LabelStudioDouble()
    tasks = tasks_of({str(item): 1 + item % 4 for item in range(40)})
    push(server, tmp_path, tasks)
    keys = [task.key for task in tasks if task.item != "7"]
    by_query = tool(server, tmp_path).find(keys)
    monkeypatch.setattr(label_studio_listing, "MANY", 10)
    monkeypatch.setattr(label_studio_listing, "LISTED", 7)
    assert tool(server, tmp_path).find(keys) == by_query
    assert [receipt.key for receipt in by_query] == keys


@pytest.mark.parametrize("time", [["now"], {}, 7, None, "yesterday"])
def test_a_task_whose_time_of_pushing_is_no_time_is_found_all_the_same(time: object, tmp_path: Path) -> None:
    """Somebody wrote into it; were it not found, the question would be asked once more."""
    server = LabelStudioDouble()
    keys = ["farm/r001/a/0", "farm/r001/a/1"]
    push(server, tmp_path, tasks_of({"a": 2}))
    server.tasks[1]["meta"]["pushed_at"] = time
    assert [(one.key, one.at) for one in tool(server, tmp_path).find(keys)] == [(key, None) for key in keys]


def test_the_next_import_is_made_ready_while_the_server_is_at_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server answers an import only once the next one's pictures were read; it never has two at once."""
    monkeypatch.setattr(label_studio_push, "MOST", 4)
    server = LabelStudioDouble()
    pictures = [tmp_path / f"{number}.png" for number in range(10)]
    read: dict[str, threading.Event] = {str(path): threading.Event() for path in pictures}
    for path in pictures:
        path.write_bytes(b"picture")
    seen = label_studio.task_data

    def watched(project: Project, payload: dict[str, object], key: str) -> dict[str, object]:
        read[str(payload["image"])].set()
        return seen(project, payload, key)

    at_work = threading.Lock()

    def answer(request: httpx.Request) -> httpx.Response:
        assert at_work.acquire(blocking=False), "two requests at a time"
        try:
            response = server(request)
            if request.url.path.endswith("/import"):
                following = pictures[len(server.tasks) : len(server.tasks) + 4]
                assert all(read[str(path)].wait(60) for path in following)
            return response
        finally:
            at_work.release()

    monkeypatch.setattr(label_studio, "task_data", watched)
    asked = Server("http://ls.test", "t" * 40, transport=httpx.MockTransport(answer))
    opened = LabelStudioTool(asked, workspace=Workspace.at(tmp_path), campaign="farm", overlap=1)
    opened.create(Project("farm", "choice", ("cat", "dog"), "Which animal?", "images", ("image",)))
    tasks = [Task(f"farm/r001/{p.name}/0", p.name, 0, {"image": str(p)}) for p in pictures]
    receipts = opened.push(tasks)
    assert [receipt.tool_id for receipt in receipts] == [f"{number}.0" for number in range(1, 11)]
    assert sum(said.endswith("/import") for said in server.requests) == 3


def test_the_calls_of_one_push_ask_for_the_project_once(tmp_path: Path) -> None:
    """Each such request takes as long as several hundred tasks; a change from here is known all the same."""
    server = LabelStudioDouble()
    push(server, tmp_path, tasks_of({"first": 3}))
    opened = tool(server, tmp_path)
    opened.create(PROJECT)
    before = len(server.requests)
    for number in range(5):
        opened.push(tasks_of({f"{number}": 3}))
    asked = [said for said in server.requests[before:] if said == "GET /api/projects/1/"]
    assert len(asked) <= 1
