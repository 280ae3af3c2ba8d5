"""A stopped campaign counts what has been reviewed since, in a round that asks nobody."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from certified_campaigns import CLASSES, CREW, Campaign, Command

from labelloop import files, tables
from labelloop.evaluation import curve as curves
from labelloop.ledger import Ledger
from labelloop.loop import Stopped
from labelloop.settling import uncounted
from labelloop.stages.runner import Round
from labelloop.stopping import history_of

RULES = {"kappa": 0.9999, "plateau": 1e-6, "target_accuracy": 0.99999, "combine": "all"}
STOPPED: dict[str, dict[str, Any]] = {
    "acquisition": {"batch_size": 60, "first_batch_size": 140, "strategy": "margin"},
    "annotation": {"overlap": 3, "test_overlap": 3, "simulation": {"annotators": CREW}},
    "budget": {"labels": 320},
    "evaluation": {"test_size": 60, "bootstrap": 200, "monitoring_cost": 0.5},
    "stopping": RULES,
}
LAST, NEXT = "r003", "r004"


def play(campaign: Campaign, **more: dict[str, Any]) -> None:
    """As STOPPED says, to the end of the budget."""
    campaign.run(9, **STOPPED | more)


@pytest.fixture(scope="module")
def unread(labelloop: Command, tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    """Four rounds that used the budget of labels up."""
    folder = tmp_path_factory.mktemp("unread") / "c"
    labelloop("init", folder, "--own-git")
    rng = np.random.default_rng(0)
    side = rng.integers(2, size=700)
    points = rng.normal(size=(700, 4)) + 0.9 * (side[:, None] - 0.5)
    np.savez(folder / "points.npz", x_train=points, y_train=np.array(CLASSES)[side])
    campaign = Campaign(folder, labelloop)
    play(campaign)
    assert list(Ledger.read(campaign.workspace.ledger).rounds)[-1] == LAST
    return campaign


@pytest.fixture(scope="module")
def stopped(unread: Campaign, tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    """The same, and then a random review of 90 labels, test items among them."""
    campaign = unread.copy(tmp_path_factory.mktemp("stopped") / "c")
    campaign.review(90)
    return campaign


@pytest.fixture(scope="module")
def settled(stopped: Campaign, tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    """The same, settled."""
    campaign = stopped.copy(tmp_path_factory.mktemp("settled") / "c")
    said = campaign.command("settle", campaign.workspace.root, "--plain")
    assert said.code == 0, said.error
    assert f"Nobody was asked: {NEXT} counts what was reviewed since {LAST} closed." in said.out
    return campaign


def asked_of_the_tool(campaign: Campaign) -> list[bytes]:
    """Everything that the simulated tool was ever given."""
    folder = campaign.workspace.state / "simulated" / "rounds"
    return [path.read_bytes() for path in sorted(folder.glob("*.jsonl"))]


def test_labels_of_the_newest_round_are_certified_by_what_was_reviewed_of_them(
    stopped: Campaign, settled: Campaign
) -> None:
    """The last round could prove nothing about its own labels: nobody had read any."""
    assert stopped.told(LAST)["state"] == "refused"
    told, accepted = settled.told(NEXT), settled.accepted(NEXT)
    assert (told["state"], told["through"], told["looks"]) == ("issued", LAST, 1)
    labels = settled.labels(NEXT).set_index("item").loc[accepted["item"]]
    assert set(labels["round"]) == {"r000", "r001", "r002", LAST}
    assert (accepted["label"] != accepted["item"].map(settled.truth)).mean() <= 0.1


def test_verdicts_are_in_the_snapshot_and_the_model_is_trained_on_them(
    stopped: Campaign, settled: Campaign
) -> None:
    labels = settled.labels(NEXT)
    reviewed = labels[labels["status"] == "reviewed"]
    assert len(reviewed) == 90 and (reviewed["label"] == reviewed["item"].map(settled.truth)).all()
    before = stopped.labels(LAST).set_index("item")["label"]
    assert (before.loc[reviewed["item"]] != reviewed.set_index("item")["label"]).any()
    workspace = settled.workspace
    assert files.digest(workspace.round(NEXT).model) != files.digest(workspace.round(LAST).model)


def test_nobody_is_asked(stopped: Campaign, settled: Campaign) -> None:
    """No item is new, no vote, no cost; the pool is not even scored."""
    folder, before = settled.workspace.round(NEXT), settled.workspace.round(LAST)
    assert asked_of_the_tool(settled) == asked_of_the_tool(stopped)
    assert not len(tables.BATCH.read(folder.batch)) and not len(tables.TASKS.read(folder.tasks))
    assert not len(tables.VOTES.read(folder.votes))
    assert tables.ASKED.read(folder.asked).equals(tables.ASKED.read(before.asked))
    assert [path.name for path in folder.scores.iterdir()] == ["scores.json"]
    now, then = files.read_json(folder.metrics), files.read_json(before.metrics)
    assert all(now[name] == then[name] for name in ("labels", "votes", "cost", "hours"))
    assert "Nobody was asked" in folder.report.read_text()
    assert "everybody agreed" not in folder.report.read_text()


def test_the_campaign_is_stopped_as_before(stopped: Campaign, settled: Campaign) -> None:
    """By the same rule, in the same words, and running it changes nothing."""
    before, now = (Ledger.read(one.workspace.ledger) for one in (stopped, settled))
    assert now.stopped == before.stopped and now.open is None
    assert now.stopped is not None and now.stopped["rule"] == "budget_labels"
    bytes_now = settled.workspace.ledger.read_bytes()
    assert settled.command("advance", settled.workspace.root, "--plain").code == 0
    assert settled.workspace.ledger.read_bytes() == bytes_now


def test_a_round_that_is_not_closed_yet_is_not_told_of_and_no_older_one_for_it(
    settled: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = settled.copy(tmp_path / "c")
    outcome = Stopped("outage", "the tool cannot be reached")
    monkeypatch.setattr("labelloop.driving.advance", lambda workspace, **_: outcome)
    said = campaign.command("settle", campaign.workspace.root, "--plain", "--anyway")
    assert said.code == 0 and "cannot be reached" in said.out
    assert "Nobody was asked" not in said.out


def test_what_rounds_have_taught_is_not_bent(unread: Campaign, tmp_path: Path) -> None:
    """The same labels again are no evidence that more labels bring nothing, and no forecast come true."""
    campaign = unread.copy(tmp_path / "c")
    assert campaign.command("settle", campaign.workspace.root, "--plain", "--anyway").code == 0
    folder, before = campaign.workspace.round(NEXT), campaign.workspace.round(LAST)
    for name in ("labels", "model", "forecast", "stop_set"):
        assert files.digest(getattr(folder, name)) == files.digest(getattr(before, name)), name
    now, then = files.read_json(folder.stopping), files.read_json(before.stopping)
    assert now | {"round": LAST} == then and len(now["rules"]) == 3
    assert files.read_json(folder.savings) == files.read_json(before.savings)


def test_rules_are_held_against_rounds_that_asked_as_reviewers_have_judged_them(settled: Campaign) -> None:
    """Test items were reviewed: that changes what rounds were worth, and not how many there are."""
    folder, before = settled.workspace.round(NEXT), settled.workspace.round(LAST)
    curve = curves.read_curve(folder.curve)
    assert curve["settles"].tolist() == [False] * 4 + [True]
    assert [one.round for one in history_of(curve)] == ["r000", "r001", "r002", LAST]
    assert files.read_json(folder.stopping)["signals"] == files.read_json(before.stopping)["signals"]
    forecast = files.read_json(folder.forecast)
    assert (forecast["round"], forecast["accuracy"]) == (LAST, curve["accuracy"].iloc[3])
    assert curve["accuracy"].iloc[3] != curves.read_curve(before.curve)["accuracy"].iloc[3]


def test_with_more_money_it_goes_on_and_the_settled_round_is_still_left_out(
    settled: Campaign, tmp_path: Path
) -> None:
    """Forecasts of earlier rounds are kept once, neighbouring models are those of rounds that asked."""
    campaign = settled.copy(tmp_path / "c")
    play(campaign, budget={"labels": 360})
    folder = campaign.workspace.round("r005")
    assert len(tables.VOTES.read(folder.votes)) and campaign.labels("r005")["round"].eq("r005").any()
    stopped = files.read_json(folder.stopping)
    asking = ["r000", "r001", "r002", LAST, "r005"]
    assert [one["round"] for one in stopped["signals"]] == asking
    assert list(pd.read_parquet(folder.stop_set).columns) == ["item", *asking]
    assert [one["round"] for one in files.read_json(folder.forecast)["earlier"]] == asking[:-1]
    assert files.read_json(folder.forecast)["round"] == "r005"
    assert (campaign.labels("r005")["status"] == "reviewed").sum() == 90
    twin = pd.read_csv(campaign.workspace.twin)
    assert twin["labels"].tolist() == [140, 200, 260, 320, 360]


def test_it_leaves_the_next_batch_to_the_next_command(
    stopped: Campaign, tmp_path: Path, labelloop: Command
) -> None:
    """Also where params.yaml lets the campaign go on by now."""
    campaign = stopped.copy(tmp_path / "c")
    params = yaml.safe_load(campaign.workspace.params.read_text())
    campaign.workspace.params.write_text(yaml.safe_dump(params | {"budget": {"labels": 330}}))
    said = labelloop("settle", campaign.workspace.root, "--plain")
    ledger = Ledger.read(campaign.workspace.ledger)
    assert said.code == 0 and "`labelloop advance` goes on" in said.out
    assert list(ledger.rounds)[-1] == NEXT and ledger.open is None and ledger.stopped is None
    assert asked_of_the_tool(campaign) == asked_of_the_tool(stopped)
    assert labelloop("run", campaign.workspace.root, "--plain").code == 0
    assert list(Ledger.read(campaign.workspace.ledger).rounds)[-1] == "r005"


def test_it_is_refused_where_nothing_is_new_and_done_anyway_if_told_so(
    settled: Campaign, tmp_path: Path
) -> None:
    campaign = settled.copy(tmp_path / "c")
    said = campaign.command("settle", campaign.workspace.root, "--plain")
    assert said.code == 2 and f"nothing was reviewed since {NEXT} closed" in said.error
    assert Ledger.read(campaign.workspace.ledger).open is None
    assert campaign.command("settle", campaign.workspace.root, "--plain", "--anyway").code == 0
    assert campaign.told("r005")["looks"] == 1, "the same review is not tried twice"
    assert campaign.accepted("r005").equals(campaign.accepted(NEXT))


def test_a_setting_by_which_labels_are_made_is_a_reason(settled: Campaign, tmp_path: Path) -> None:
    """One that says what is asked next is none."""
    campaign = settled.copy(tmp_path / "c")
    params = yaml.safe_load(campaign.workspace.params.read_text())
    params["acquisition"]["batch_size"] = 50
    campaign.workspace.params.write_text(yaml.safe_dump(params))
    assert campaign.command("settle", campaign.workspace.root, "--plain").code == 2
    params["fusion"] = {"method": "majority"}
    campaign.workspace.params.write_text(yaml.safe_dump(params))
    said = campaign.command("settle", campaign.workspace.root, "--plain")
    assert said.code == 0 and "fusion.method changed from 'one_coin' to 'majority'" in said.error
    assert files.read_json(campaign.workspace.round("r005").fusion)["method"] == "majority/1"
    assert "fused otherwise" in campaign.told("r005")["ended"]["reason"]


def test_an_expired_certificate_is_a_reason(
    settled: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = settled.copy(tmp_path / "c")
    made = campaign.told(NEXT)["certificate"]
    end = datetime.fromisoformat(made["expires_at"])
    monkeypatch.setattr("labelloop.stages.acceptance.time_of", lambda workspace: end)
    said = campaign.command("settle", campaign.workspace.root, "--plain")
    assert said.code == 0 and f"certificate {made['id']} has expired" in said.error


def test_an_open_round_and_none_at_all_are_refused(
    stopped: Campaign, tmp_path: Path, labelloop: Command
) -> None:
    folder = tmp_path / "new"
    labelloop("init", folder, "--own-git")
    said = labelloop("settle", folder, "--plain")
    assert said.code == 2 and "no closed round" in said.error
    campaign = stopped.copy(tmp_path / "c")
    ledger = Ledger.read(campaign.workspace.ledger)
    ledger.open = ledger.next_entry()
    ledger.write()
    shutil.copytree(campaign.workspace.round(LAST).path, campaign.workspace.round(NEXT).path)
    said = labelloop("settle", campaign.workspace.root, "--plain")
    assert said.code == 2 and f"round {NEXT} is open" in said.error


def test_status_and_review_say_what_is_not_counted_and_how_to_count_it(
    stopped: Campaign, settled: Campaign, labelloop: Command, tmp_path: Path
) -> None:
    root = stopped.workspace.root
    how = f"`labelloop settle {root}` counts what was reviewed, with nobody asked"
    sentence = f"90 verdicts not counted yet: {how}."
    assert sentence in labelloop("status", root).out
    assert sentence in labelloop("review", root, "--take", root / "queue.csv", "--by", "max").out
    after = labelloop("status", settled.workspace.root).out
    assert "not counted yet" not in after and f"{NEXT}, which asked nobody, moved it by" in after
    told = json.loads(labelloop("status", root, "--json").out)["uncounted"]
    assert told == {"verdicts": 90, "sentence": sentence}
    assert uncounted(settled.workspace) == 0


def test_what_is_written_is_what_verify_expects(settled: Campaign, labelloop: Command) -> None:
    said = labelloop("verify", settled.workspace.root)
    assert said.code == 0, said.error


@pytest.fixture
def busy(stopped: Campaign, tmp_path: Path) -> Callable[..., Campaign]:
    """A stopped campaign, settled with whatever else params.yaml says."""

    def settle(**more: dict[str, Any]) -> Campaign:
        campaign = stopped.copy(tmp_path / "c")
        params = yaml.safe_load(campaign.workspace.params.read_text())
        campaign.workspace.params.write_text(
            yaml.safe_dump(params | {name: params.get(name, {}) | more[name] for name in more})
        )
        said = campaign.command("settle", campaign.workspace.root, "--plain")
        assert said.code == 0, said.error
        return campaign

    return settle


def test_nobody_is_asked_whatever_else_the_campaign_would_ask(
    stopped: Campaign, busy: Callable[..., Campaign]
) -> None:
    """Experts who cost nothing, gold, re-asks, audits, and a batch that would wait for a person's word."""
    crew = [*CREW, {"name": "fay", "accuracy": 0.99, "cost_per_vote": 0.0}]
    annotation = {"max_overlap": 3, "target_confidence": 0.999, "approval": True, "overlap": 2,
                  "routing": {"mode": "skill", "people": {"fay": {"tier": "expert"}}},
                  "simulation": {"annotators": crew}}  # fmt: skip
    campaign = busy(
        annotation=annotation,
        gold={"known": 50, "share": 0.3},
        quality={"reask_share": 0.2, "reask_after": 1},
        accept={"target_error": 0.45, "delta": 0.4, "looks": 1, "audit_share": 1.0},
    )
    assert campaign.accepted(NEXT)["audit"].any()
    assert campaign.command("settle", campaign.workspace.root, "--plain", "--anyway").code == 0
    assert asked_of_the_tool(campaign) == asked_of_the_tool(stopped)
    for name in (NEXT, "r005"):
        folder = campaign.workspace.round(name)
        assert not len(tables.TASKS.read(folder.tasks)) and not len(tables.ROUTING.read(folder.routing))
        assert Round(campaign.workspace, name).settings.annotation.approval


def test_a_label_that_waited_at_a_gate_passes_it(
    stopped: Campaign, busy: Callable[..., Campaign], labelloop: Command
) -> None:
    """One round puts the gate up, the next counts what was said there."""
    campaign = busy(review={"gates": [{"name": "lead", "when": ["random"], "share": 0.2}]})
    root = campaign.workspace.root
    waiting = campaign.labels(NEXT).query("status == 'in review'")["item"]
    assert len(waiting) > 5
    labelloop("review", root, "--out", root / "gate.csv", "--gate", "lead")
    rows = list(csv.DictReader((root / "gate.csv").open()))
    for row in rows:
        row["answer"] = str(campaign.truth[row["item"]])
    pd.DataFrame(rows).to_csv(root / "gate.csv", index=False)
    assert labelloop("review", root, "--take", root / "gate.csv", "--by", "eva").code == 0
    assert campaign.command("settle", root, "--plain").code == 0
    now = campaign.labels("r005").set_index("item").loc[waiting]
    assert set(now["status"]) == {"reviewed"}


def test_a_settled_round_puts_its_totals_to_the_round_before() -> None:
    """Budgets count what was spent; number of rounds and accuracies are those of rounds that asked."""
    row = {"labels": 10, "cost": 1.0, "hours": 1.0, "accuracy": 0.5, "settles": False}
    later = row | {"labels": 12, "cost": 1.5, "hours": 3.0, "accuracy": 0.4, "settles": True}
    curve = pd.DataFrame([row | {"round": "r000"}, later | {"round": "r001"}])
    (one,) = history_of(curve)
    assert (one.round, one.labels, one.money, one.hours, one.accuracy) == ("r000", 12, 1.5, 3.0, 0.5)
