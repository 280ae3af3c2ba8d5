"""The contract of every labeling tool, kept by a real Label Studio server."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "contract"))

from live_server import LiveServer
from test_tools import *  # noqa: F403
from test_tools import CLASSES, PROJECT, Driver, keys_of, tasks_of

pytestmark = pytest.mark.live


class LabelStudioDriver(Driver):
    """A real server whose people work through its queue."""

    server: LiveServer

    def people_answer(self, round_id: str, people: Sequence[str] = ("ada", "ben", "cy")) -> None:
        for person in people:
            self.server.work_queue(person, "farm", lambda data: CLASSES[len(data["text"]) % 3])

    def stored_keys(self) -> list[str]:
        keys = {}
        for path in (self.root / ".labelloop/label_studio").glob("keys.jsonl"):
            for line in path.read_text().splitlines():
                entry = json.loads(line)
                keys[entry["opaque"]] = entry["key"].rpartition("/")[0]
        return [
            f"{keys[task['data']['labelloop_key']]}/{copy}"
            for task in self.server.tasks("farm")
            for copy in range(task["overlap"])
        ]

    def shown(self) -> str:
        project = self.server.project("farm")
        assert project is not None
        tasks = self.server.tasks("farm")
        return (
            json.dumps([[t["data"], t["meta"]] for t in tasks]) + project["label_config"] + project["title"]
        )


@pytest.fixture
def driver(live_server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Driver:
    monkeypatch.setenv("LABEL_STUDIO_URL", live_server.url)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", live_server.token)
    live_server.delete_projects()
    driver = LabelStudioDriver("label_studio", tmp_path)
    driver.server = live_server
    driver.open().create(PROJECT)
    return driver


def test_a_push_that_overtakes_an_earlier_one_leaves_no_repeat(driver: Driver) -> None:
    """A push that was cut off may still arrive after the next run has looked for its tasks."""
    tasks = tasks_of("r000")
    first = driver.open().push(tasks)
    again = driver.open().push(tasks)
    assert sorted(driver.stored_keys()) == sorted(keys_of(tasks))
    assert first == again
