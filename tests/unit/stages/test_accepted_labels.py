"""A campaign that accepts labels of its model: under a certificate, audited, and reviewed by somebody."""

from __future__ import annotations

import csv
import itertools
import json
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from labelloop import tables
from labelloop.export import export_labels
from labelloop.reviewing import verdicts
from labelloop.stages.gold_arm import read_gold_csv
from labelloop.workspace import Workspace

CLASSES = ("left", "right")
CREW = [{"name": name, "accuracy": 1.0} for name in ("ann", "bob", "cy")]
ROUNDS = ("r000", "r001", "r002", "r003")


def settings(rounds: int, crew: list[dict[str, Any]], accept: dict[str, Any]) -> dict[str, Any]:
    return {
        "campaign": {"name": "halves"},
        "dataset": {"kind": "arrays", "path": "points.npz"},
        "model": {"name": "logistic", "pool": "none"},
        "acquisition": {"batch_size": 40, "first_batch_size": 30, "strategy": "margin"},
        "annotation": {"overlap": 1, "test_overlap": 3, "simulation": {"annotators": crew}},
        "evaluation": {"test_size": 150},
        "stopping": {"max_rounds": rounds},
        "accept": {"target_error": 0.1, "delta": 0.2, "looks": 4, "audit_share": 0.5} | accept,
        "gold": {"known": 30, "share": 0.1},
        "tracking": {"enabled": False},
        "versioning": {"enabled": False},
    }


@pytest.fixture(scope="module")
def campaign(labelloop: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Four rounds: two of people who are always right, one of people who guess, one after a look into that.

    A verdict comes between the first two.
    """
    folder = tmp_path_factory.mktemp("halves") / "c"
    labelloop("init", folder, "--own-git")
    rng = np.random.default_rng(0)
    side = rng.integers(2, size=1200)
    points = rng.normal(size=(1200, 4)) + 6.0 * (side[:, None] - 0.5)
    np.savez(folder / "points.npz", x_train=points, y_train=np.array(CLASSES)[side])

    def run(rounds: int, crew: list[dict[str, Any]], **accept: Any) -> None:
        (folder / "params.yaml").write_text(yaml.safe_dump(settings(rounds, crew, accept)))
        said = labelloop("run", folder, "--plain")
        assert said.code == 0, said.error

    workspace = Workspace.at(folder)
    run(1, CREW)
    labels = labels_of(workspace, "r000")
    row = labels[(labels["split"] == "train")].iloc[0]
    other = next(name for name in CLASSES if name != row["label"])
    queue = folder / "filled.csv"
    queue.write_text(f"item,reason,label,answer\n{row['item']},random,{row['label']},{other}\n")
    said = labelloop("review", folder, "--take", queue, "--by", "eva")
    assert said.code == 0, said.error
    run(2, CREW)
    guessing = [person | {"accuracy": 0.25} for person in CREW]
    run(3, guessing)
    run(4, CREW, audits_from="r003")
    return workspace


def labels_of(workspace: Workspace, round_id: str) -> pd.DataFrame:
    return tables.LABELS.read(workspace.round(round_id).labels)


def told(workspace: Workspace, round_id: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(workspace.round(round_id).certificate.read_text())
    return content


def accepted(workspace: Workspace, round_id: str) -> pd.DataFrame:
    return tables.ACCEPTED.read(workspace.round(round_id).accepted)


def test_only_items_that_nobody_labels_are_accepted_and_each_names_the_certificate(
    campaign: Workspace,
) -> None:
    for name in ("r000", "r001", "r003"):
        table, made = accepted(campaign, name), told(campaign, name)
        assert made["state"] == "issued"
        assert len(table) > 400
        assert set(table["certificate"]) == {made["certificate"]["id"]}
        assert not set(table["item"]) & set(labels_of(campaign, name)["item"])
        assert (table["confidence"] >= made["certificate"]["threshold"]).all()
    assert told(campaign, "r000")["certificate"]["id"] != told(campaign, "r001")["certificate"]["id"]


def test_gold_is_neither_accepted_nor_audited(campaign: Workspace) -> None:
    """Its truth is known; as an audit it would be trained on."""
    gold = {row["item"] for row in csv.DictReader(campaign.round("r000").gold.open())}
    assert len(gold) == 30
    for name in ROUNDS:
        batch = tables.BATCH.read(campaign.round(name).batch)
        assert not gold & set(accepted(campaign, name)["item"])
        assert not gold & set(batch.loc[batch["arm"] == "audit", "item"])
        labels = labels_of(campaign, name)
        assert set(labels.loc[labels["item"].isin(gold), "split"]) <= {"gold"}


def test_what_all_certificates_may_err_is_never_more_than_was_said(campaign: Workspace) -> None:
    spent = [told(campaign, name)["spent"] for name in ROUNDS]
    assert spent == sorted(spent) and spent[-1] <= 0.2


def test_a_revoked_certificate_of_the_model_vouches_for_nothing(
    campaign: Workspace, labelloop: Callable[..., Any], tmp_path: Path
) -> None:
    """Neither in the export, at once, nor do later models have one, until it is said from when on."""
    root = tmp_path / "c"
    shutil.copytree(campaign.root, root, symlinks=True)
    made = told(campaign, "r003")["certificate"]
    revoked = {"audits_from": "r003", "revoked": {made["id"]: "the test set was labeled in a hurry"}}
    now = datetime.fromisoformat(made["expires_at"]) - timedelta(seconds=1)
    (root / "params.yaml").write_text(yaml.safe_dump(settings(4, CREW, revoked)))
    exported = export_labels(Workspace.at(root), tmp_path / "a.csv", now=now)
    assert "model" not in exported["rows"] and "labeled in a hurry" in exported["certificate"]
    for rounds, state, audits_from in (
        (5, "suspended", "r003"),
        (6, "suspended", "r003"),
        (7, "issued", "r005"),
    ):
        (root / "params.yaml").write_text(
            yaml.safe_dump(settings(rounds, CREW, revoked | {"audits_from": audits_from, "looks": 9}))
        )
        said = labelloop("run", root, "--plain")
        assert said.code == 0, said.error
        now_told = told(Workspace.at(root), f"r{rounds - 1:03d}")
        assert now_told["state"] == state
        assert ("labeled in a hurry" in now_told.get("reason", "")) == (state == "suspended")


def test_an_expired_certificate_vouches_for_nothing(campaign: Workspace, tmp_path: Path) -> None:
    end = datetime.fromisoformat(told(campaign, "r003")["certificate"]["expires_at"])
    before = export_labels(campaign, tmp_path / "a.csv", now=end - timedelta(seconds=1))
    after = export_labels(campaign, tmp_path / "b.csv", now=end)
    assert before["rows"]["model"] == len(accepted(campaign, "r003"))
    assert "model" not in after["rows"]
    assert "expired" in after["certificate"]


def test_audits_come_from_what_was_drawn_and_leave_room_for_the_strategy(campaign: Workspace) -> None:
    batch = tables.BATCH.read(campaign.round("r001").batch)
    audited = set(batch.loc[batch["arm"] == "audit", "item"])
    before = accepted(campaign, "r000")
    assert 0 < len(audited) <= len(batch) / 2
    assert audited <= set(before.loc[before["audit"], "item"])
    assert {one["item"] for one in told(campaign, "r001")["audits"]} == audited


def test_audits_that_find_errors_end_acceptance_and_all_labels_return(campaign: Workspace) -> None:
    assert not any(one["accepted"] != one["found"] for one in told(campaign, "r001")["audits"])
    made = told(campaign, "r002")
    assert made["state"] == "suspended"
    assert "certificate" not in made
    assert accepted(campaign, "r002").empty
    assert "returned to the queue" in campaign.round("r002").report.read_text()


def test_after_somebody_has_looked_into_it_acceptance_may_begin_anew(campaign: Workspace) -> None:
    """Old audits are left aside, not forgotten."""
    assert told(campaign, "r003")["state"] == "issued"
    assert len(told(campaign, "r003")["audits"]) >= len(told(campaign, "r002")["audits"])


def test_each_try_has_its_part_of_the_chance_to_be_wrong(campaign: Workspace) -> None:
    """The suspended round has looked at nothing."""
    assert [told(campaign, name)["looks"] for name in ROUNDS] == [1, 2, 2, 3]
    assert told(campaign, "r003")["certificate"]["delta"] == pytest.approx(0.2 / 4)


def test_a_verdict_outranks_votes_from_the_next_round_on(campaign: Workspace) -> None:
    (one,) = verdicts.read(campaign.reviews)
    before = labels_of(campaign, "r000").set_index("item").loc[one.item]
    after = labels_of(campaign, "r001").set_index("item").loc[one.item]
    fused = tables.FUSED.read(campaign.round("r001").fused).set_index("item").loc[one.item]
    assert (before["status"], after["status"]) == ("fused", "reviewed")
    assert (after["label"], fused["label"]) == (one.label, one.was)
    assert list(after["dissenters"]) and after["agreeing"] == 0
    assert list(after["vote_ids"]) == list(fused["vote_ids"])
    metrics = json.loads(campaign.round("r001").metrics.read_text())
    assert (metrics["reviewed"], metrics["overturned"]) == (1, 1)


def test_a_rebuild_counts_the_same_verdicts(campaign: Workspace, labelloop: Callable[..., Any]) -> None:
    """Those of the round, whatever was said later."""
    folder = campaign.round("r000")
    before = folder.labels.read_bytes()
    said = labelloop("stage", "snapshot", "r000", "--force", cwd=campaign.root)
    assert said.code == 0, said.error
    assert folder.labels.read_bytes() == before


def test_the_export_says_where_each_label_comes_from(
    campaign: Workspace, labelloop: Callable[..., Any], tmp_path: Path
) -> None:
    out = tmp_path / "labels.csv"
    made = datetime.fromisoformat(told(campaign, "r003")["certificate"]["issued_at"])
    export_labels(campaign, out, now=made)
    rows = {row["item"]: row for row in csv.DictReader(out.open())}
    assert {row["source"] for row in rows.values()} == {"people", "reviewed", "gold", "model"}
    assert all((row["source"] == "model") == bool(row["certificate"]) for row in rows.values())
    truth = read_gold_csv(campaign.round("r003").gold)
    assert {item: row["label"] for item, row in rows.items() if row["source"] == "gold"} == truth
    unheard = set(truth) - set(labels_of(campaign, "r003")["item"])
    assert unheard
    assert len(rows) == len(accepted(campaign, "r003")) + len(labels_of(campaign, "r003")) + len(unheard)
    assert labelloop("export", campaign.root, "--out", tmp_path / "labels.txt").code == 2


@pytest.mark.parametrize("wrong", [True, False])
def test_audits_that_were_answered_since_count_in_the_export(
    campaign: Workspace, tmp_path: Path, wrong: bool
) -> None:
    """A reviewer has given what people had skipped; the round that would count it may never come."""
    workspace = Workspace.at(shutil.copytree(campaign.root, tmp_path / "c", symlinks=True))
    folder = workspace.round("r003")
    content = told(workspace, "r003")
    labels = labels_of(workspace, "r003")[:30]
    content["open_audits"] = [
        {"item": row.item, "round": "r003", "certificate": "c-0",
         "accepted": next(name for name in CLASSES if (name != row.label) == wrong)}
        for row in labels.itertuples()
    ]  # fmt: skip
    folder.certificate.write_text(json.dumps(content))
    made = datetime.fromisoformat(content["certificate"]["issued_at"])
    said = export_labels(workspace, tmp_path / "labels.csv", now=made)
    assert ("model" in said["rows"]) == (not wrong)
    assert ("labels of the model are left out: people found" in said["certificate"]) == wrong


@pytest.mark.parametrize(
    ("line", "says"), [("nobody,left", "'nobody' is not in the pool"), ("points-0000,up", "'up' is none of")]
)
def test_a_queue_with_a_mistake_is_refused_whole(
    campaign: Workspace, labelloop: Callable[..., Any], tmp_path: Path, line: str, says: str
) -> None:
    before = campaign.reviews.read_bytes()
    item = labels_of(campaign, "r003")["item"].iloc[3]
    queue = tmp_path / "queue.csv"
    queue.write_text(f"item,answer\n{item},left\n{line.replace('points-0000', item)}\n")
    said = labelloop("review", campaign.root, "--take", queue, "--by", "eva")
    assert said.code == 2
    assert says in said.error and "Nothing was taken in" in said.error
    assert campaign.reviews.read_bytes() == before


def test_the_report_and_status_say_what_became_of_the_labels_accepted_before(
    campaign: Workspace, labelloop: Callable[..., Any]
) -> None:
    """r002 is the breach; r003 accepts anew, by another model."""
    for before, name in itertools.pairwise(ROUNDS):
        old, new = accepted(campaign, before), accepted(campaign, name)
        change = told(campaign, name)["change"]
        assert change["before"] == len(old)
        assert change["kept"] + change["relabelled"] + change["returned"] == len(old)
        assert change["kept"] + change["relabelled"] + change["new"] == len(new)
    assert told(campaign, "r002")["change"]["returned"] == len(accepted(campaign, "r001")) > 400
    assert f"and {len(accepted(campaign, 'r001'))} are back in the queue" in (
        campaign.round("r002").report.read_text()
    )
    said = labelloop("status", campaign.root)
    assert told(campaign, "r003")["certificate"]["id"] in said.out
    assert " were fused by `" in said.out
