"""A whole campaign over a bad network whose process is killed again and again: the same as one in peace."""

from __future__ import annotations

import hashlib
import os
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import live_campaigns
import pandas as pd
import pytest
from faulty_proxy import FaultyProxy
from live_server import ROOT, LiveServer
from stepping import TIMEOUT

from labelloop import tables
from labelloop.workspace import Workspace

pytestmark = [pytest.mark.live, pytest.mark.slow]

FAULTS = int(os.environ.get("LABELLOOP_TEST_FAULTS", "20"))
"""Requests that go wrong; 200 and more are the long proof. A kill comes with every five of them."""

KILLS = FAULTS // 5
LONG = FAULTS >= 200
PEOPLE = ("ada", "ben")
PREFECT_SHARE = 0.1
"""Of the commands, that go through Prefect's flows; they take longer to start."""

SETTINGS: dict[str, dict[str, Any]] = {
    "annotation": {"payload_columns": ["sentence"], "overlap": 2, "test_overlap": 2},
    "acquisition": {"batch_size": 6, "control_share": 0.25},
    "evaluation": {"test_size": 6, "bootstrap": 20},
    "stopping": {"max_rounds": 5 if LONG else 3},
}


@dataclass
class Stepper:
    """Runs `labelloop advance` in processes of its own, some of which are killed."""

    root: Path
    chance: random.Random
    moments: int = 60
    """How much a command that went through has done at most."""
    killed: Counter[str] = field(default_factory=Counter)
    done: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    def advance(self, *, kill: bool, prefect: bool = False) -> str:
        """One command; what it said, empty if it was killed."""
        way = self.chance.choice(["moment", "time"]) if kill else ""
        # Most commands do little: early moments come more often.
        last = self.chance.randint(1, self.chance.choice([6, 20, self.moments])) if way == "moment" else 0
        command: list[Any] = [sys.executable, Path(__file__).with_name("stepping.py"), last, "advance"]
        command += [self.root] + ([] if prefect else ["--plain"])
        home = {"PREFECT_HOME": str(self.root.parent / "prefect-home"), "PYTHONUNBUFFERED": "1"}
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("LABEL_STUDIO", "PREFECT"))}
        process = subprocess.Popen(
            [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT,
            env=kept | home, start_new_session=True, text=True,
        )  # fmt: skip
        assert process.stdout is not None and process.stdout.readline() == "started\n"
        try:
            said, _ = process.communicate(timeout=self.chance.uniform(0, 4) if way == "time" else 300)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            said, _ = process.communicate()
        if process.returncode == -signal.SIGKILL:
            self.killed["Prefect's flow" if prefect else way] += 1
            return ""
        assert "Traceback" not in said, said
        self.done += 1
        self.moments = max(self.moments, int(re.findall(r"moments: (\d+)", said)[-1]))
        if process.returncode:
            told = re.search(r"broke off|with \d+|cannot be reached|broken JSON|lost", said)
            assert told is not None, said
            self.failures[told[0]] += 1
        return said


@dataclass
class Answers:
    """What people have answered on the server, each of them every task once."""

    server: LiveServer
    given: dict[tuple[int, str], str] = field(default_factory=dict)

    def give(self, chance: random.Random, most: int) -> int:
        """Up to so many further answers, in a random order; how many there were."""
        tasks = self.server.tasks("live", fields="all")
        open_ones = [(task, who) for task in tasks for who in PEOPLE if (task["id"], who) not in self.given]
        chosen = chance.sample(open_ones, max(0, min(most, len(open_ones))))
        for task, who in chosen:
            self.given[task["id"], who] = value = answer_of(who, task["data"]["sentence"])
            self.server.answer(who, task["id"], value)
        return len(chosen)


def answer_of(who: str, sentence: str) -> str:
    """What a person says: ada what the first word means, ben something else about every fifth sentence."""
    digest = hashlib.sha256(sentence.encode()).digest()
    meaning = live_campaigns.MEANING[sentence.split(maxsplit=1)[0]]
    classes = list(live_campaigns.MEANING.values())
    return classes[digest[1] % 3] if who == "ben" and digest[0] % 5 == 0 else meaning


def test_a_campaign_in_a_storm_ends_as_in_peace(
    live_server: LiveServer, labelloop: Any, tmp_path: Path
) -> None:
    """Kills and faults in every step: no task twice, no vote lost, and the same labels and models."""
    chance = random.Random(5)
    calm = live_campaigns.make_sentences(tmp_path / "calm" / "live", labelloop, live_server, **SETTINGS)
    people = Answers(live_server)
    while "max_rounds" not in (said := labelloop("advance", calm, "--plain")).out:
        assert said.code == 0, said
        assert people.give(chance, 1000), said
    expected = len(people.given)
    tasks_expected = len(live_server.tasks("live"))

    root = live_campaigns.make_sentences(tmp_path / "storm" / "live", labelloop, live_server, **SETTINGS)
    proxy = FaultyProxy(live_server.url, rate=0.3, seed=6, hold=TIMEOUT + 0.5)
    live_campaigns.write_env(root, proxy.url, live_server.token)
    people, stepper, said_last = Answers(live_server), Stepper(root, chance), ""
    try:
        for _ in range(10 * FAULTS):
            share = min(proxy.faults.total() / FAULTS, stepper.killed.total() / KILLS)
            proxy.rate = 0.3 if share < 1 else 0.0
            said_last = stepper.advance(
                kill=share < 1 and chance.random() < 0.6, prefect=chance.random() < PREFECT_SHARE
            )
            if "max_rounds" in said_last:
                break
            # Answers come as the mishaps do, so that each part of the campaign gets its share of them.
            people.give(chance, int(min(share, 1) * expected) - len(people.given))
    finally:
        proxy.close()
    print(f"\n{proxy.faults.total()} faults {dict(proxy.faults)}; killed {dict(stepper.killed)}, "
          f"went through {stepper.done}, of them failed {dict(stepper.failures)}; "
          f"{len(people.given)} votes on {tasks_expected} tasks")  # fmt: skip
    assert "max_rounds" in said_last, said_last
    assert proxy.faults.total() >= FAULTS and stepper.killed.total() >= KILLS

    keys = Counter(task["data"]["labelloop_key"] for task in live_server.tasks("live"))
    assert len(keys) == tasks_expected and max(keys.values()) == 1
    check_votes(Workspace.at(root), people)
    assert outcome_of(Workspace.at(root)) == outcome_of(Workspace.at(calm))
    verified = labelloop("verify", root)
    assert verified.code == 0, verified


def check_votes(workspace: Workspace, people: Answers) -> None:
    """The campaign has every answer once, and nothing else."""
    votes = tables.VOTES.read(workspace.rounds()[-1].collected)
    got = [
        ((int(row.tool_ref.rpartition("=")[2]), row.annotator.partition("@")[0]), row.value)
        for row in votes.itertuples()
    ]
    assert len(got) == len(dict(got))
    assert dict(got) == people.given


def outcome_of(workspace: Workspace) -> dict[str, Any]:
    """What each round asked, what became of the answers, and the model; without times and vote ids."""
    outcome: dict[str, Any] = {}
    for folder in workspace.rounds():
        batch = tables.BATCH.read(folder.batch)
        labels = tables.LABELS.read(folder.labels).drop(columns="vote_ids")
        outcome[f"{folder.id} batch"] = batch.to_json()
        outcome[f"{folder.id} labels"] = pd.DataFrame(labels).to_json(double_precision=12)
        for path in sorted(folder.model.rglob("*")):
            if path.is_file():
                outcome[f"{folder.id} {path.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return outcome
