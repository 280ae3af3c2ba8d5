"""`labelloop status`: where the campaign stands, in words that fit what is in the files."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from labelloop import files, outages, tables
from labelloop.campaign import load_settings
from labelloop.errors import UnreachableError
from labelloop.ledger import Entry, Ledger, freeze, write_frozen
from labelloop.reviewing import verdicts
from labelloop.stages.prepare import freeze_data
from labelloop.status import as_text, read_status
from labelloop.workspace import Workspace

CURVE = """\
round,labels,test_items,votes,cost,hours,accuracy,accuracy_low,accuracy_high
r000,20,300,60,3.1,0.5,0.71,0.65,0.76
r001,60,300,180,9.25,1.5,0.8,0.75,0.84
"""
FUSION = {"votes": 180, "annotators": 5, "items": 60, "method": "majority", "reason": "", "model": None}


@pytest.fixture
def campaign(tmp_path: Path) -> Workspace:
    """A campaign that has not begun."""
    params = {"campaign": {"name": "digits"}, "annotation": {"tool": "files"}, "budget": {"money": 80}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    return Workspace.at(tmp_path)


def closed(workspace: Workspace, rounds: int = 2) -> Ledger:
    """Closed rounds, with the files of the last that status reads."""
    ledger = Ledger(workspace.ledger, prepare=freeze_data(load_settings(workspace.params)))
    for _ in range(rounds):
        ledger.open = ledger.next_entry()
        ledger.close(ledger.open.id)
    folder = workspace.round(f"r{rounds - 1:03d}")
    files.write_text(folder.curve, CURVE)
    files.write_json(folder.savings, {"sentence": "Too little data yet."})
    files.write_json(folder.metrics, {"reviewed": 7, "overturned": 2, "accepted": 0})
    files.write_json(folder.fusion, FUSION)
    files.write_json(folder.certificate, {"state": "off"})
    ledger.write()
    return ledger


def opened(workspace: Workspace) -> Any:
    """The next round open and nothing done in it; its folder."""
    ledger = closed(workspace)
    ledger.open = Entry("r002", "rounds/r001")
    ledger.write()
    frozen = freeze(load_settings(workspace.params), ledger.open, new_items=2, control_before=0.0)
    write_frozen(workspace.round("r002").settings, frozen)
    return workspace.round("r002")


def test_a_campaign_that_has_not_begun_says_when_it_will_stop(campaign: Workspace) -> None:
    """Rounds and budgets, as they are set or by default."""
    text = as_text(read_status(campaign))
    assert text.startswith(f"digits: not begun  ({campaign.root})")
    assert "Stops at 8 rounds; 80.00 USD, or when the pool is used up." in text


def test_rounds_are_a_table_of_what_was_learned_and_spent(campaign: Workspace) -> None:
    """A row a round, with the interval of its accuracy, and what was saved."""
    closed(campaign)
    lines = as_text(read_status(campaign)).splitlines()
    assert "between rounds, 2 closed" in lines[0]
    rows = [line.split() for line in lines if line.startswith("r0")]
    assert rows == [
        ["r000", "20", "60", "3.10", "71.0%", "65.0%", "to", "76.0%"],
        ["r001", "60", "180", "9.25", "80.0%", "75.0%", "to", "84.0%"],
    ]
    assert "saved     Too little data yet." in lines
    assert (
        "learned   From 71.0% with 20 labels to 80.0% with 60; the last 40 moved it by +9.0 points." in lines
    )
    assert "spent     9.25 USD for 180 votes in 1.5 hours; the last labels cost 0.154 USD each." in lines


def test_an_open_round_names_its_next_step(campaign: Workspace) -> None:
    """The first file of the chain that is not there tells."""
    folder = opened(campaign)
    for step, made in (("score", "scores"), ("select", "batch.parquet"), ("push", None)):
        text = as_text(read_status(campaign))
        assert f"Round r002 is open; next step: {step}. `labelloop run` does it." in text
        if made:
            (folder.path / made).write_text("")


def test_people_are_waited_for_by_number(campaign: Workspace) -> None:
    """Asked, answered, since when, the last answer, and answers that were refused with where to look."""
    folder = opened(campaign)
    for path in (folder.scores, folder.batch):
        path.write_text("")
    keys = [f"digits/r002/i{n}/0" for n in range(3)]
    tasks = pd.DataFrame(
        {"key": keys, "item": ["i0", "i1", "i2"], "arm": "strategy", "copy": 0, "tool_id": "1"}
    )
    tables.TASKS.write(tasks, folder.tasks)
    files.append_line(folder.pushed, {"event": "receipts", "at": "2026-01-05T09:00:00+00:00", "tasks": {}})
    assert "0 of 3 answers are in, pushed 2026-01-05 09:00." in as_text(read_status(campaign))
    time = pd.Timestamp("2026-01-05T10:30:00", tz="UTC").as_unit("us")
    votes = pd.DataFrame(
        {"vote": ["1", "2", "3", "4"], "key": [keys[0], keys[0], "digits/r001/i9/0", keys[2]],
         "item": ["i0", "i0", "i9", "i2"], "annotator": ["a", "a", "a", "ben"], "value": "x",
         "action": ["submitted", "updated", "submitted", "skipped"], "answered_at": time,
         "lead_seconds": 1.0, "cost": 0.0, "round": ["r002", "r002", "r001", "r002"], "tool": "files",
         "tool_ref": None, "prelabel": None}
    )  # fmt: skip
    tables.VOTES.write(votes, folder.votes)
    files.append_line(folder.quarantine, {"id": "x", "reason": "no such class", "content": None})
    found = read_status(campaign)["waiting"]
    assert (found["for"], found["asked"], found["answered"], found["refused"]) == ("people", 3, 1, 1)
    text = as_text(read_status(campaign))
    assert "Round r002 waits for people (files): 1 of 3 answers are in" in text
    assert "last answer 2026-01-05 10:30. 1 item was skipped by ben and waits for somebody else" in text
    assert "annotation.skips_to_review: 2" in text
    assert (found["skipped"], found["given_up"]) == (1, 0)
    assert "1 answer was refused; rounds/r002/quarantine.jsonl says why." in text


def test_an_outage_is_told_since_it_began(campaign: Workspace) -> None:
    """From what is on the disk: nobody is asked."""
    opened(campaign)
    assert read_status(campaign)["outage"] is None
    for hour in (8, 9):
        error = UnreachableError("Label Studio at http://127.0.0.1:9 cannot be reached; start it")
        outages.note(campaign, error, now=datetime(2026, 3, 1, hour, tzinfo=UTC))
    found = read_status(campaign)
    assert (found["outage"]["attempts"], found["outage"]["since"]) == (2, "2026-03-01T08:00:00+00:00")
    assert "since 2026-03-01 08:00:00 UTC (2 attempts" in as_text(found)
    assert "http://127.0.0.1:9 cannot be reached" in as_text(found)


def test_answers_that_are_in_name_what_is_made_of_them_next(campaign: Workspace) -> None:
    """Between the close of a round and its end nobody is waited for."""
    folder = opened(campaign)
    for path in (folder.scores, folder.batch, folder.tasks, folder.closed, folder.collected):
        path.write_text("{}")
    assert "Round r002 has its answers; next step: fuse." in as_text(read_status(campaign))
    for path in (folder.fused, folder.labels, folder.model, folder.manifest):
        path.write_text("{}")
    assert "next step: track." in as_text(read_status(campaign))


def test_a_stopped_campaign_says_why_instead_of_when(campaign: Workspace) -> None:
    """The rule and its sentence; limits to come are not told."""
    ledger = closed(campaign)
    ledger.stopped = {"rule": "budget_money", "reason": "80 in money are used up."}
    ledger.write()
    text = as_text(read_status(campaign))
    assert "stopped after 2 rounds" in text
    assert "Stopped by budget_money: 80 in money are used up." in text
    assert "Stops at" not in text


def test_changes_of_params_are_shown(campaign: Workspace) -> None:
    """What the open round does not follow, and from when it will."""
    opened(campaign)
    params = yaml.safe_load(campaign.params.read_text())
    params["annotation"]["overlap"] = 2
    campaign.params.write_text(yaml.safe_dump(params))
    text = as_text(read_status(Workspace.at(campaign.root)))
    assert "annotation.overlap changed from 3 to 2; applies from round r003" in text


def test_the_status_for_scripts_is_json(campaign: Workspace) -> None:
    """Everything that the page says, with numbers as numbers."""
    closed(campaign)
    found = json.loads(json.dumps(read_status(campaign)))
    assert found["rounds"][1] == {
        "round": "r001", "labels": 60, "test_items": 300, "votes": 180, "cost": 9.25, "hours": 1.5,
        "accuracy": 0.8, "accuracy_low": 0.75, "accuracy_high": 0.84, "settles": False,
        "only_looks": False,
    }  # fmt: skip
    assert found["waiting"] is None and found["stopped"] is None


def test_verdicts_that_no_round_has_counted_are_told(campaign: Workspace) -> None:
    closed(campaign)
    for number in range(3):
        said = verdicts.verdict(f"i{number}", "cat", "eva", "2026-05-01T10:00:00+00:00", "random", "dog")
        verdicts.append(campaign.reviews, [said])
    files.write_json(campaign.round("r001").reviews, [{}])
    assert "2 verdicts not counted yet" in as_text(read_status(campaign))
    files.write_json(campaign.round("r001").reviews, [{}] * 3)
    assert "not counted yet" not in as_text(read_status(campaign))


def test_it_is_said_what_the_labels_rest_on(campaign: Workspace) -> None:
    closed(campaign)
    text = as_text(read_status(campaign))
    assert "180 votes of 5 annotators about 60 items were fused by `majority`." in text
    assert "7 labels rest on a reviewer's word; 2 of them had another label by votes." in text
