"""Nothing secret gets out where a worker, `labelloop serve` and webhooks drive a campaign, with errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import live_campaigns
import live_prefect
import pytest
from faulty_proxy import FaultyProxy
from live_prefect import PrefectServer, wait_until
from live_server import LiveServer
from personal_tokens import personal_token
from secret_search import found, kept, kept_files, parts_of

from labelloop import waking
from labelloop.ledger import Ledger
from labelloop.workspace import Workspace

pytestmark = [pytest.mark.live, pytest.mark.slow]

SECRET = "hook-0c9d2e71b64f4a58a3d7e6f19b20"
WRONG_TOKEN = "0f1e2d3c4b5a69788796a5b4c3d2e1f001234567"

CRASH = """
import httpx, os
send = httpx.Client.send
def crash(self, request, **named):
    if str(request.url).startswith({url!r}) and os.path.exists({flag!r}):
        raise RuntimeError("the network card is on fire")
    return send(self, request, **named)
httpx.Client.send = crash
"""
"""A mistake in a run of a flow, with the request and its token in the frames of the traceback."""


class OnlyItsEnv(PrefectServer):
    """Processes with the secret in the campaign's .env, not in their environment."""

    @property
    def environment(self) -> dict[str, str]:
        return {name: text for name, text in super().environment.items() if not name.startswith("LABEL")}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    with live_prefect.prefect_server(tmp_path_factory.mktemp("prefect-secrets")) as server:
        yield OnlyItsEnv(server.url, server.folder)


def test_no_secret_leaves_the_env_of_a_served_campaign(
    live_server: LiveServer, server: PrefectServer, labelloop: Any, tmp_path: Path
) -> None:
    """A personal token over a bad network: a worker and `labelloop webhook`, then `serve --webhook-port`.

    Looked at: the campaign but .env, what git, DVC and MLflow keep, Prefect's database and all logs of its
    server, the worker, the receivers and the commands, every task, and what Prefect's API tells.
    """
    root = make_campaign(tmp_path / "campaign", labelloop, live_server)
    token = personal_token(live_server)
    proxy = FaultyProxy(live_server.url, rate=0.15, seed=4, hold=0.5)
    live_campaigns.write_env(root, proxy.url, token, f"LABELLOOP_WEBHOOK_SECRET={SECRET}")
    flag = tmp_path / "on-fire"
    crashing = crash_when(tmp_path / "crash", proxy.url, flag)
    workspace = Workspace.at(root)
    try:
        printed = [server.call("deploy", root)]
        with live_prefect.worker(server, PYTHONPATH=crashing), live_prefect.receiver(server, root) as url:
            flag.touch()
            failed = server.ended(server.start("advance/served"), 150)
            flag.unlink()
            push(server, workspace)
            printed.append(refused(server, root))
            work(live_server, url)
            wait_until(workspace.round("r001").tasks.exists, 240, "the next batch")
            wait_until(lambda: is_quiet(server, workspace), 240, "the end of the runs")
        deployed = server.runs("advance/served")
        with serving(server, root) as url:
            work(live_server, url)
            wait_until(lambda: Ledger.read(workspace.ledger).stopped, 240, "the end of the campaign")
            wait_until(lambda: is_quiet(server, workspace), 240, "the end of the runs")
        served = server.runs("advance/served")[len(deployed) :]
    finally:
        proxy.close()
    accesses = proxy.tokens - {"", WRONG_TOKEN, token}
    needles = parts_of(token, live_server.token, SECRET, live_prefect.SECRET, WRONG_TOKEN, *accesses)
    needles |= {one.rpartition(".")[2] for one in (token, *accesses)}
    assert accesses, "no access token was used"
    assert sum(proxy.faults.values()) >= 5, proxy.faults
    assert failed["state"]["type"] == "FAILED", failed["state"]
    assert "on fire" in server.log(failed["id"]) and "Traceback" in server.log(failed["id"])
    print(dict(proxy.faults), len(accesses), "access tokens")
    for runs in (deployed, served):
        woken = [run["state_name"] for run in runs if (run["created_by"] or {}).get("type") == "AUTOMATION"]
        assert set(woken) & {"Waiting", "Stopped"}, woken

    told = [server.ask(what) for what in ("flow_runs", "task_runs", "logs", "artifacts", "deployments")]
    assert all(told), [len(one) for one in told]
    project = live_server.project("served")
    assert project is not None
    told += [live_server.tasks("served", fields="all"), [project]]
    for text in [*printed, *(json.dumps(one) for one in told)]:
        assert not found(text.encode(), needles), text
    look_through(root, server.folder, needles)


def look_through(root: Path, folder: Path, needles: set[str]) -> None:
    """Everything in the campaign and in the folder of the Prefect server; that something is there, too."""
    files = ("prefect.db", "mlflow.db", ".parquet", "worker-", "webhook-", "serve-", "server.log")
    places = dict.fromkeys((*files, "git object"), 0)
    for where, content in [*kept(root), *kept_files(folder)]:
        assert not found(content, needles), f"{where} has {found(content, needles)}"
        places |= {place: places[place] + 1 for place in places if place in where and content}
    print(places)
    assert all(places.values()), places
    # The search finds what is there.
    assert found((root / ".env").read_bytes(), needles)
    database = [content for where, content in kept_files(folder) if where.endswith("prefect.db")]
    assert any(b"the network card is on fire" in content for content in database)


def make_campaign(root: Path, labelloop: Any, server: LiveServer) -> Path:
    """Everything that keeps something is switched on."""
    return live_campaigns.make_sentences(
        root,
        labelloop,
        server,
        campaign={"name": "served"},
        annotation={"payload_columns": ["sentence"], "prelabels": "none"},
        evaluation={"test_size": 6},
        tracking={"enabled": True},
        versioning={"enabled": True, "git_commit": True, "git_tag": True},
    )


def crash_when(folder: Path, url: str, flag: Path) -> str:
    """A PYTHONPATH with which requests to `url` crash while `flag` is there."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(CRASH.format(url=url, flag=str(flag)))
    return os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)


def push(server: PrefectServer, workspace: Workspace) -> None:
    """Have the first batch pushed, however often the network breaks off."""
    for _ in range(8):
        server.ended(server.start("advance/served"), 200)
        if workspace.round("r000").tasks.exists():
            return
    raise AssertionError("the first batch was never pushed")


def refused(server: PrefectServer, root: Path) -> str:
    """A command with a wrong token, shown by the same Prefect server; all that it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "labelloop", "advance", str(root)],
        env=server.environment | {"LABEL_STUDIO_API_KEY": WRONG_TOKEN},
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def serving(server: PrefectServer, root: Path) -> Any:
    """`labelloop serve` with a receiver of webhooks; its schedule does not come to pass."""
    return live_prefect.receiver(server, root, words=("serve", "--every", "86400", "--webhook-port", "0"))


def work(live_server: LiveServer, url: str) -> None:
    """Everybody answers the open round, once its webhook is there."""
    project = live_server.project("served")
    assert project is not None

    def is_registered() -> bool:
        hooks = live_server.client().get("/api/webhooks/", params={"project": project["id"]}).json()
        return url in [hook["url"] for hook in hooks]

    wait_until(is_registered, 240, "a webhook")
    for person in live_server.people:
        live_server.work_queue(person, "served", meant)


def is_quiet(server: PrefectServer, workspace: Workspace) -> bool:
    """Whether nothing runs, and nobody has answered since."""
    states = {run["state"]["type"] for run in server.runs("advance/served")}
    return states <= set(live_prefect.FINAL) and not waking.is_pending(workspace)


def meant(data: dict[str, Any]) -> str:
    """What a person answers: the label that the sentence's first word stands for."""
    return live_campaigns.MEANING[data["sentence"].split()[0]]
