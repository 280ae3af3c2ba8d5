"""Label Studio, its own webhooks, Prefect and a worker: the last answer in the one brings the next batch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import live_prefect
import pytest
from live_prefect import PrefectServer, wait_until
from live_server import LiveServer

from labelloop import waking
from labelloop.workspace import Workspace

pytestmark = [pytest.mark.live, pytest.mark.slow]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    with live_prefect.prefect_server(tmp_path_factory.mktemp("prefect-hooks")) as server:
        yield server


def hooks(live_server: LiveServer, project: int) -> list[dict]:  # type: ignore[type-arg]
    return list(live_server.client().get("/api/webhooks/", params={"project": project}).json())


def test_the_last_answer_in_label_studio_brings_the_next_batch(
    live_server: LiveServer, server: PrefectServer, tmp_path: Path
) -> None:
    """No schedule: only the webhook that `labelloop webhook` has registered can have started the run."""
    live_server.delete_projects()
    campaign = live_prefect.make(
        tmp_path / "campaign", campaign={"name": "hooks"}, annotation={"tool": "label_studio"}
    )
    (campaign / ".env").write_text(
        f"LABEL_STUDIO_URL={live_server.url}\nLABEL_STUDIO_API_KEY={live_server.token}\n"
    )
    server.call("deploy", campaign)
    with live_prefect.worker(server):
        assert server.ended(server.start("advance/hooks"), 120)["state_name"] == "Waiting"
        project = live_server.project("hooks")
        assert project is not None
        for _ in range(2):
            # A receiver on another port is another webhook; on the same one it stays one.
            with live_prefect.receiver(server, campaign, port=_port(tmp_path)) as url:
                wait_until(lambda: hooks(live_server, project["id"]), 60, "a webhook")
        registered = hooks(live_server, project["id"])
        assert [(hook["url"], hook["send_payload"]) for hook in registered] == [(url, False)]

        with live_prefect.receiver(server, campaign, port=_port(tmp_path)):
            # What comes before the last answer wakes too, and leaves the round open.
            live_server.work_queue("ada", "hooks", lambda data: str(len(str(data)) % 10))
            began = time.monotonic()
            wait_until((campaign / "rounds" / "r001" / "tasks.parquet").exists, 120, "the next batch")
            print(f"next batch {time.monotonic() - began:.1f} s after the last answer")
            wait_until(lambda: not waking.is_pending(Workspace.at(campaign)), 60, "the end of the run")
    runs = server.runs("advance/hooks")
    assert {run["created_by"]["type"] for run in runs[1:]} == {"AUTOMATION"}
    everything = [
        path.read_bytes() for path in (tmp_path / "campaign" / "rounds").rglob("*") if path.is_file()
    ]
    assert not any(live_prefect.SECRET.encode() in content for content in everything)


def _port(folder: Path) -> int:
    """A free port, the same one every time."""
    note = folder / "port"
    if not note.exists():
        note.write_text(str(live_prefect.free_port()))
    return int(note.read_text())
