"""Nothing secret leaves the .env, and nothing reaches the server that annotators need not see."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import live_campaigns
import pytest
from faulty_proxy import FaultyProxy
from live_server import LiveServer
from secret_search import found, kept, parts_of

pytestmark = pytest.mark.live

SECRET = "hook-5f0e6c1d9ab24473b8e1"
HOOK = f"LABELLOOP_WEBHOOK_SECRET={SECRET}"
WRONG_TOKEN = "0f1e2d3c4b5a69788796a5b4c3d2e1f001234567"
COLUMNS = {"sentence", "labelloop_key"}
"""All that a task may carry: the columns of annotation.payload_columns, and the opaque key."""

CRASH = """
import httpx, sys
def crash(self, *arguments, **named):
    raise RuntimeError("the network card is on fire")
httpx.Client.request = httpx.Client.send = crash
from labelloop.cli import main
main()
"""
"""A mistake of labelloop's own, with a traceback, in the middle of talking to the server."""


def test_no_secret_leaves_the_env(live_server: LiveServer, labelloop: Any, tmp_path: Path) -> None:
    """After a campaign of two rounds through Prefect, MLflow and DVC over a bad network, with errors.

    Looked at: every file but .env, what git, DVC, MLflow and Prefect keep, also packed, all that was printed,
    and every task and the project on the server.
    """
    root = make_campaign(tmp_path / "campaign", labelloop, live_server)
    proxy = FaultyProxy(live_server.url, rate=0.3, seed=4, hold=0.5)
    live_campaigns.write_env(root, proxy.url, live_server.token, HOOK)
    printed = []
    try:
        printed.append(command(root, "run", crash=True))
        assert "on fire" in printed[-1], "no traceback to look at"
        printed.append(command(root, "run", token=WRONG_TOKEN))
        for _ in range(8):
            printed.append(command(root, "run"))
            if "max_rounds" in printed[-1]:
                break
            if live_server.project("live") is not None:
                for person in live_server.people:
                    live_server.work_queue(person, "live", meant)
        printed += [command(root, "advance", crash=True), command(root, "status"), command(root, "verify")]
        command(root, "advance", token=WRONG_TOKEN)
    finally:
        proxy.close()
    assert "max_rounds" in "".join(printed), printed[-4:]
    assert sum(proxy.faults.values()) >= 10, proxy.faults
    needles = parts_of(live_server.token, WRONG_TOKEN, SECRET) | {
        password for _, password in live_server.logins.values()
    }
    for text in printed:
        assert not found(text.encode(), needles), f"printed: {text}"
    looked = 0
    for where, content in kept(root):
        looked += 1
        assert not found(content, needles), f"{where} has {found(content, needles)}"
    assert looked > 100, f"only {looked} things were looked at"
    assert len(live_server.projects()) == 1
    project = live_server.project("live")
    assert project is not None
    whole = live_server.client().get(f"/api/projects/{project['id']}/").json()
    on_server = json.dumps([whole, live_server.tasks("live", fields="all")])
    assert not found(on_server.encode(), needles)
    # The search finds what is there: the token in the .env, and words that it must meet when it unpacks.
    assert found((root / ".env").read_bytes(), needles)
    words = {
        "git object": b"live-question",
        ".parquet": b"@localhost.local",
        "prefect.db": b"active-learning",
        "mlflow.db": b"r001",
        "files/md5/": b"@localhost.local",
    }
    for place, word in words.items():
        assert any(place in where and word in content for where, content in kept(root)), place


def test_tasks_carry_what_is_allowed_and_nothing_else(
    live_server: LiveServer, labelloop: Any, tmp_path: Path
) -> None:
    """Over all tasks of two rounds: the allowed column and an opaque key; no label, id or arm."""
    root = make_campaign(tmp_path / "campaign", labelloop, live_server)
    live_campaigns.write_env(root, live_server.url, live_server.token, HOOK)
    with (root / "notes.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    hidden = {row[column] for row in rows for column in ("note", "patient", "diagnosis")}
    looked = 0
    for _ in range(2):
        said = labelloop("run", root, "--plain")
        assert said.code == 0, said
        # Before anybody has answered: then a class in a task can only have come with it.
        for task in live_server.tasks("live", fields="all"):
            if task["total_annotations"] == 0:
                looked += 1
                assert set(task["data"]) == COLUMNS
                assert set(task["meta"]) <= {"pushed_at", "labelloop_key"}
                text = json.dumps(task)
                assert not [value for value in hidden if value in text]
                assert not [arm for arm in ("strategy", "control", "gold") if arm in text]
        for person in live_server.people:
            live_server.work_queue(person, "live", meant)
    assert looked == len(live_server.tasks("live")) == 14


def make_campaign(root: Path, labelloop: Any, server: LiveServer) -> Path:
    """Everything that keeps something is switched on."""
    return live_campaigns.make_sentences(
        root,
        labelloop,
        server,
        annotation={"payload_columns": ["sentence"], "prelabels": "none"},
        evaluation={"test_size": 6},
        tracking={"enabled": True},
        versioning={"enabled": True, "git_commit": True, "git_tag": True},
    )


def meant(data: dict[str, Any]) -> str:
    """What a person answers: the label that the sentence's first word stands for."""
    return live_campaigns.MEANING[data["sentence"].split()[0]]


def command(root: Path, *words: str, token: str = "", crash: bool = False) -> str:
    """A labelloop command in a process of its own, as a user would type it; all that it printed."""
    environment = {n: v for n, v in os.environ.items() if not n.startswith(("LABEL_STUDIO", "PREFECT"))}
    environment |= {"PREFECT_HOME": str(root / "prefect-home"), "PYTHONUNBUFFERED": "1"}
    if token:
        environment["LABEL_STUDIO_API_KEY"] = token
    start = ["-c", CRASH] if crash else ["-m", "labelloop"]
    done = subprocess.run(
        [sys.executable, *start, words[0], str(root), *words[1:]],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.stdout + done.stderr
