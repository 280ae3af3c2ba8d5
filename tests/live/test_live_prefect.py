"""A real Prefect server with a worker: events start runs, no answer is lost, the dead are found."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import live_prefect
import pytest
from live_prefect import PrefectServer, wait_until

from labelloop import waking
from labelloop.workspace import Workspace

pytestmark = [pytest.mark.live, pytest.mark.slow]

SLOW = '''
"""A strategy that takes until a file says that it may go on."""
import time
from pathlib import Path

from labelloop.acquisition.base import needs
from labelloop.acquisition.random import pick_random


@needs()
def pick(context, batch_size):
    Path({began!r}).touch()
    while not Path({go!r}).exists():
        time.sleep(0.05)
    return pick_random(context, batch_size)
'''


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    with live_prefect.prefect_server(tmp_path_factory.mktemp("prefect")) as server:
        yield server


def deployed(server: PrefectServer, folder: Path, name: str, *options: str, **changes: dict) -> Path:  # type: ignore[type-arg]
    campaign = live_prefect.make(folder, campaign={"name": name}, **changes)
    server.call("deploy", campaign, *options)
    return campaign


def test_deploying_again_changes_nothing(server: PrefectServer, tmp_path: Path) -> None:
    """The same deployments, one trigger, one automation; a schedule stays as it was set."""
    campaign = deployed(server, tmp_path / "campaign", "again", "--schedule", "5m")

    def there() -> tuple[list[str], list[str], list[object]]:
        ids = [server.deployment(f"{flow}/again")["id"] for flow in ("advance", "active-learning", "approve")]
        names = sorted(one["name"] for one in server.ask("automations"))
        schedules = server.deployment("advance/again")["schedules"]
        return ids, names, [(one["active"], one["schedule"]["interval"]) for one in schedules]

    before = there()
    server.call("deploy", campaign)
    assert there() == before
    assert before[2] == [(True, 300.0)]
    assert len([name for name in before[1] if "again" in name]) == 1
    assert len([name for name in before[1] if "silent" in name]) == 1
    server.call("deploy", campaign, "--schedule", "1h")
    assert there()[2] == [(True, 3600.0)]
    found = server.deployment("advance/again")
    assert found["global_concurrency_limit"]["limit"] == 1
    assert found["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"


def test_a_name_that_is_taken_is_refused(server: PrefectServer, tmp_path: Path) -> None:
    """Another campaign's deployments are never turned to another folder."""
    deployed(server, tmp_path / "one", "taken")
    other = live_prefect.make(tmp_path / "two", campaign={"name": "taken"})
    assert "--name" in server.call("deploy", other, accept=2)
    server.call("deploy", other, "--name", "taken-too")


def test_the_last_answer_brings_the_next_batch(server: PrefectServer, tmp_path: Path) -> None:
    """By a webhook and nothing else: the schedule is inactive. The hook is answered at once."""
    campaign = deployed(server, tmp_path / "campaign", "hooked")
    with live_prefect.worker(server), live_prefect.receiver(server, campaign) as url:
        server.ended(server.start("advance/hooked"))
        live_prefect.answer(campaign, "r000")
        assert live_prefect.hook(url, "wrong").status_code == 401
        began = time.monotonic()
        assert live_prefect.hook(url).status_code == 202
        answered = time.monotonic() - began
        wait_until((campaign / "rounds" / "r001" / "tasks.parquet").exists, 60, "the next batch")
        took = time.monotonic() - began
        print(f"hook answered in {1000 * answered:.0f} ms, next batch after {took:.1f} s")
        wait_until(lambda: not waking.is_pending(Workspace.at(campaign)), 60, "an end of the run")
        woken = [server.ended(run["id"]) for run in server.runs("advance/hooked")[1:]]
    assert {run["created_by"]["type"] for run in woken} == {"AUTOMATION"}
    # On a machine that is slow beyond measure the event is repeated, and the repetition cancelled.
    assert {run["state_name"] for run in woken} - {"Cancelled"} == {"Waiting"}
    assert answered < 1


def test_overlapping_triggers_are_cancelled_and_no_answer_is_lost(
    server: PrefectServer, tmp_path: Path
) -> None:
    """Webhooks while a run works: new runs are cancelled, and the working one looks once more."""
    began, go = tmp_path / "began", tmp_path / "go"
    campaign = live_prefect.make(
        tmp_path / "campaign", campaign={"name": "overlap"}, acquisition={"strategy": "slow:pick"},
        stopping={"max_rounds": 2},
    )  # fmt: skip
    (campaign / "slow.py").write_text(SLOW.format(began=str(began), go=str(go)))
    server.call("deploy", campaign)
    with live_prefect.worker(server), live_prefect.receiver(server, campaign) as url:
        server.ended(server.start("advance/overlap"))
        live_prefect.answer(campaign, "r000")
        live_prefect.hook(url)
        wait_until(began.exists, 60, "a run that selects")
        live_prefect.hook(url)

        def cancelled() -> list[dict]:  # type: ignore[type-arg]
            return [run for run in server.runs("advance/overlap") if run["state"]["type"] == "CANCELLED"]

        wait_until(cancelled, 60, "a run that is cancelled")
        working = [run for run in server.runs("advance/overlap") if run["state"]["type"] == "RUNNING"]
        assert len(working) == 1
        assert waking.is_pending(Workspace.at(campaign))
        go.touch()
        server.ended(working[0]["id"])
        wait_until(lambda: not waking.is_pending(Workspace.at(campaign)), 60, "a look that hears")
        live_prefect.answer(campaign, "r001")
        live_prefect.hook(url)
        wait_until((campaign / "rounds" / "r001" / "manifest.json").exists, 60, "the last round's end")
        wait_until(lambda: {run["state"]["type"] for run in server.runs("advance/overlap")}
                   == {"COMPLETED", "CANCELLED"}, 60, "runs that ended well")  # fmt: skip


def test_a_run_whose_machine_dies_is_marked_crashed_and_the_next_goes_on(
    server: PrefectServer, tmp_path: Path
) -> None:
    """Worker and flow are killed, so nobody is left to say so but the automation."""
    began, go = tmp_path / "began", tmp_path / "go"
    campaign = live_prefect.make(
        tmp_path / "campaign", campaign={"name": "dying"}, acquisition={"cold_start": "slow:pick"}
    )
    (campaign / "slow.py").write_text(SLOW.format(began=str(began), go=str(go)))
    server.call("deploy", campaign)
    _shorten_silence(server, 45)
    with live_prefect.worker(server) as running:
        run = server.start("advance/dying")
        wait_until(began.exists, 60, "a run that selects")
        # Until a heartbeat has been seen, silence means nothing.
        wait_until(lambda: _heartbeats(server, run), 60, "a heartbeat")
        live_prefect.kill(running.pid, *live_prefect.family(running.pid))
    assert server.run(run)["state"]["type"] == "RUNNING"
    dead = server.ended(run, 150)
    assert dead["state"]["type"] == "CRASHED"
    assert "No heartbeat" in dead["state"]["message"]
    go.touch()
    with live_prefect.worker(server):
        assert server.ended(server.start("advance/dying"))["state_name"] == "Waiting"
    assert (campaign / "rounds" / "r000" / "tasks.parquet").exists()


def test_a_batch_waits_for_a_form_and_holds_nothing(server: PrefectServer, tmp_path: Path) -> None:
    """Suspended once, however often `advance` looks; approved by the form, it is pushed at once."""
    campaign = deployed(server, tmp_path / "campaign", "gated", annotation={"approval": True})
    with live_prefect.worker(server) as running:
        for _ in range(3):
            ended = server.ended(server.start("advance/gated"))
            assert ended["state_name"] == "Waiting"
            assert "waits for approval" in ended["state"]["message"]
        waiting = wait_until(lambda: _suspended(server, "approve/gated"), 60, "a form")
        assert len(server.runs("approve/gated")) == 1
        wait_until(lambda: not live_prefect.family(running.pid), 30, "no process at all")
        assert not (campaign / "rounds" / "r000" / "pushed.jsonl").exists()
        asked = server.ask("artifacts", artifacts={"key": {"any_": ["gated-approval"]}})
        assert "| strategy | 7 |" in asked[0]["data"]

        assert server.resume(waiting[0]["id"], decision="perhaps") == "REJECT"
        assert server.resume(waiting[0]["id"], decision="approve", name="eva") == "ACCEPT"
        wait_until((campaign / "rounds" / "r000" / "tasks.parquet").exists, 60, "a push")
        assert server.ended(waiting[0]["id"])["state_name"] == "Approved"
    word = (campaign / "rounds" / "r000" / "approved.json").read_text()
    assert '"by": "eva"' in word


def test_a_rejection_stops_the_campaign_and_the_command_line_ends_the_form(
    server: PrefectServer, tmp_path: Path
) -> None:
    """Rejected in the form; opened anew, and then decided at the command line."""
    campaign = deployed(server, tmp_path / "campaign", "refused", annotation={"approval": True})
    with live_prefect.worker(server):
        server.ended(server.start("advance/refused"))
        waiting = wait_until(lambda: _suspended(server, "approve/refused"), 60, "a form")
        said = server.resume(waiting[0]["id"], decision="reject", name="eva", reason="too dear")
        assert said == "ACCEPT"
        assert server.ended(waiting[0]["id"])["state_name"] == "Rejected"
        ended = server.ended(server.start("advance/refused"))
        assert (ended["state_name"], "too dear" in ended["state"]["message"]) == ("Stopped", True)
        assert "too dear" in server.call("status", campaign)
        server.call("approve", campaign, "--reopen")
        server.ended(server.start("advance/refused"))
        again = wait_until(lambda: _suspended(server, "approve/refused"), 60, "another form")
        assert again[0]["id"] != waiting[0]["id"]
        server.call("approve", campaign, "--yes")
        assert server.run(again[0]["id"])["state"]["type"] == "CANCELLED"
        wait_until((campaign / "rounds" / "r000" / "tasks.parquet").exists, 60, "a push")


def test_prefect_yaml_deploys_as_it_says(server: PrefectServer, tmp_path: Path) -> None:
    """From a copy of the repository: three deployments, and a trigger for the folder demo of that copy."""
    root = Path(__file__).parents[2]
    for name in ("prefect.yaml", "flows", "tasks"):
        source = root / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    environment = server.environment | {"PWD": str(tmp_path)}
    for words in (["work-pool", "create", "campaigns", "--type", "process", "--overwrite"],
                  ["--no-prompt", "deploy", "--all"]):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "prefect", *words], cwd=tmp_path, env=environment, text=True,
            capture_output=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    for flow in ("advance", "active-learning", "approve"):
        assert server.deployment(f"{flow}/campaign")["work_pool_name"] == "campaigns"
    triggers = [one["trigger"] for one in server.ask("automations") if "demo" in one["name"]]
    assert [one["match"] for one in triggers] == [{"labelloop.folder": str(tmp_path / "demo")}]


def _suspended(server: PrefectServer, name: str) -> list[dict]:  # type: ignore[type-arg]
    return [run for run in server.runs(name) if run["state"]["name"] == "Suspended"]


def _heartbeats(server: PrefectServer, run: str) -> int:
    asked = {"event": {"name": ["prefect.flow-run.heartbeat"]},
             "resource": {"id": [f"prefect.flow-run.{run}"]}}  # fmt: skip
    reply = httpx.post(f"{server.api}/events/filter", json={"filter": asked}, timeout=30)
    return len(reply.json()["events"])


def _shorten_silence(server: PrefectServer, seconds: float) -> None:
    """The automation that `labelloop deploy` made, with a shorter patience."""
    code = (
        "from datetime import timedelta; from flows.automations import crash_silent_runs; "
        f"crash_silent_runs(timedelta(seconds={seconds}))"
    )
    subprocess.run([sys.executable, "-c", code], env=server.environment, check=True, timeout=60)
