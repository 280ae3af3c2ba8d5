"""The model's predictions on a real server: they order the queue, and are seen only where they may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from live_server import LiveServer

from labelloop.adapters.tools.base import Prediction, Project, Task
from labelloop.adapters.tools.label_studio import LabelStudioTool
from labelloop.adapters.tools.label_studio_server import Server
from labelloop.workspace import Workspace

pytestmark = pytest.mark.live

PROJECT = Project("pre", "choice", ("cat", "dog"), "Which animal?", "text", ("text",))
SCORES = {"sure": 0.99, "so-so": 0.7, "unsure": 0.51, "fair": 0.8}


def tool(live_server: LiveServer, folder: Path, prelabels: str) -> LabelStudioTool:
    server = Server(live_server.url, live_server.token)
    opened = LabelStudioTool(
        server, workspace=Workspace.at(folder), campaign="pre", overlap=1, prelabels=prelabels
    )
    opened.create(PROJECT)
    return opened


def tasks_of(round_id: str, model: str, scores: dict[str, float]) -> list[Task]:
    return [
        Task(f"pre/{round_id}/{item}/0", item, 0, {"text": item}, Prediction("dog", score, model))
        for item, score in scores.items()
    ]


def dealt(live_server: LiveServer, most: int = 100) -> list[dict[str, Any]]:
    """Tasks as the queue gives them to one annotator, answered one by one."""
    project = live_server.project("pre")
    assert project is not None
    tasks: list[dict[str, Any]] = []
    while len(tasks) < most:
        reply = live_server.client("ada").get(f"/api/projects/{project['id']}/next")
        if reply.status_code == 404:
            break
        tasks.append(reply.json())
        live_server.answer("ada", tasks[-1]["id"], "cat")
    return tasks


def test_hidden_predictions_order_the_queue_and_are_not_in_it(
    live_server: LiveServer, tmp_path: Path
) -> None:
    """Least certain first, for each round's model anew; nothing is preselected."""
    live_server.delete_projects()
    tool(live_server, tmp_path, "hidden").push(tasks_of("r001", "pre r000 aaaaaaaa", SCORES))
    first = dealt(live_server)
    assert [task["data"]["text"] for task in first] == sorted(SCORES, key=lambda item: SCORES[item])
    tool(live_server, tmp_path, "hidden").push(tasks_of("r002", "pre r001 bbbbbbbb", {"x": 0.9, "y": 0.6}))
    second = dealt(live_server)
    assert [task["data"]["text"] for task in second] == ["y", "x"]
    assert [task["predictions"] for task in first + second] == [[]] * 6
    stored = live_server.tasks("pre", fields="all")
    assert all(task["total_predictions"] == 1 for task in stored)


def test_shown_predictions_are_preselected_until_the_setting_changes(
    live_server: LiveServer, tmp_path: Path
) -> None:
    """And only those of the latest model."""
    live_server.delete_projects()
    tool(live_server, tmp_path, "shown").push(tasks_of("r001", "pre r000 aaaaaaaa", SCORES))
    (task,) = dealt(live_server, most=1)
    (prediction,) = task["predictions"]
    assert prediction["result"][0]["value"] == {"choices": ["dog"]}
    assert prediction["model_version"] == "pre r000 aaaaaaaa"
    tool(live_server, tmp_path, "hidden")
    assert [task["predictions"] for task in dealt(live_server)] == [[]] * 3
    project = live_server.project("pre")
    assert project is not None and project["show_collab_predictions"] is False


def test_a_task_without_a_prediction_carries_none(live_server: LiveServer, tmp_path: Path) -> None:
    """As those of the control arm and of the test set are pushed, beside others."""
    live_server.delete_projects()
    plain = [Task(f"pre/r001/plain-{n}/0", f"plain-{n}", 0, {"text": f"plain-{n}"}) for n in range(3)]
    pushed = [*plain, *tasks_of("r001", "pre r000 aaaaaaaa", SCORES)]
    tool(live_server, tmp_path, "shown").push(pushed)
    carried = {task["data"]["text"]: task["predictions"] for task in dealt(live_server)}
    assert len(carried) == 7
    assert all((predictions == []) == text.startswith("plain") for text, predictions in carried.items())
