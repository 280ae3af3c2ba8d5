"""A campaign whose labels by votes need no further person: certified on random reviews, audited, revoked."""

from __future__ import annotations

import csv
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from certified_campaigns import CLASSES, FUSED, Campaign, Command, settings

from labelloop import tables
from labelloop.annotators.campaign_quality import headline
from labelloop.campaign import Acceptance
from labelloop.errors import SettingsError
from labelloop.export import export_labels
from labelloop.reviewing.random_slice import in_order
from labelloop.reviewing.review import write_queue
from labelloop.stages.fused_stream import as_if_unread
from labelloop.stages.overruling import kept_verdicts
from labelloop.stages.review_queue import accepted_in, drawn_verdicts
from labelloop.stages.routing import route_batch
from labelloop.stages.runner import Round
from labelloop.stages.unsure_items import by_votes, eligible_items
from labelloop.workspace import Workspace

SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def certified(labelloop: Command, tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    """Two rounds, a review of 90 labels drawn at random, and a round that certifies labels by it."""
    folder = tmp_path_factory.mktemp("crowd") / "c"
    labelloop("init", folder, "--own-git")
    rng = np.random.default_rng(0)
    side = rng.integers(2, size=1500)
    points = rng.normal(size=(1500, 4)) + 3.0 * (side[:, None] - 0.5)
    np.savez(folder / "points.npz", x_train=points, y_train=np.array(CLASSES)[side])
    campaign = Campaign(folder, labelloop)
    campaign.run(2)
    campaign.review(90)
    campaign.run(3)
    return campaign


@pytest.fixture(scope="module")
def later(certified: Campaign, tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    """A round further, in which nobody has reviewed anything."""
    campaign = certified.copy(tmp_path_factory.mktemp("later") / "c")

    def routed(*given: Any) -> Any:
        campaign.routed_by = given[4]
        return route_batch(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("labelloop.stages.select.route_batch", routed)
        campaign.run(4)
    return campaign


def test_sure_labels_of_the_reviewed_rounds_name_the_certificate_and_are_as_good_as_it_says(
    certified: Campaign,
) -> None:
    told, table = certified.told("r002"), certified.accepted("r002")
    made = told["certificate"]
    labels = certified.labels("r002").set_index("item").loc[table["item"]]
    assert told["state"] == "issued" and told["accepted"] == len(table) > 150
    assert set(table["certificate"]) == {made["id"]}
    assert (table["confidence"] >= made["threshold"]).all()
    assert set(labels["status"]) == {"fused"} and set(labels["round"]) == {"r000", "r001"}
    assert (table["label"] != table["item"].map(certified.truth)).mean() <= 0.1


def test_it_is_proven_on_the_beginning_of_an_order_that_no_answer_has_a_say_in(certified: Campaign) -> None:
    """All labels of the rounds that it speaks of are in that order, and none of the beginning is left out."""
    told, labels = certified.told("r002"), certified.labels("r002").set_index("item")
    assert told["through"] == "r001"
    mine = in_order(labels.index[labels["round"] <= "r001"], 0)
    assert told["certificate"]["stream"] == len(mine)
    assert told["certificate"]["gold_total"] == 90
    assert set(labels.loc[mine[:90], "status"]) == {"reviewed"}


def test_it_says_how_many_of_its_verdicts_were_given_without_the_label_in_view(
    certified: Campaign, later: Campaign
) -> None:
    """All of them: rows that are drawn at random show none, also on an open queue."""
    for campaign, name in ((certified, "r002"), (later, "r003")):
        assert campaign.told(name)["certificate"]["blind"] == 90
        said = "of all 90 verdicts 90 were given without the label in view"
        assert said in campaign.workspace.round(name).report.read_text()


def test_without_further_reviews_it_holds_and_costs_no_further_look(later: Campaign) -> None:
    """Labels of the new round are not under it; those that votes have changed are no longer."""
    before, now = later.told("r002"), later.told("r003")
    assert now["certificate"] == before["certificate"]
    assert (now["looks"], now["spent"]) == (1, before["spent"])
    assert set(later.accepted("r003")["item"]) <= set(later.accepted("r002")["item"])
    assert "Nothing of the random slice was reviewed" in now["why_no_other"]
    assert f"No further one was proven: {now['why_no_other']}." in (
        later.workspace.round("r003").report.read_text()
    )


def test_a_rebuild_gives_the_same_bytes(certified: Campaign, labelloop: Command) -> None:
    folder = certified.workspace.round("r002")
    before = folder.certificate.read_bytes(), folder.accepted.read_bytes()
    said = labelloop("stage", "evaluate", "r002", "--force", cwd=certified.workspace.root)
    assert said.code == 0, said.error
    assert (folder.certificate.read_bytes(), folder.accepted.read_bytes()) == before


def test_export_and_status_name_the_certificate_until_it_expires(
    certified: Campaign, labelloop: Command, tmp_path: Path
) -> None:
    made, end = certified.told("r002")["certificate"], certified.end

    def named(now: datetime) -> set[str]:
        told = export_labels(certified.workspace, tmp_path / "labels.csv", now=now)
        assert ("name no certificate any more" in told["by_votes"]) == (now >= end)
        rows = csv.DictReader((tmp_path / "labels.csv").open())
        return {row["item"] for row in rows if row["certificate"] == made["id"]}

    assert named(end - SECOND) == set(certified.accepted("r002")["item"])
    assert named(end) == set()
    assert made["id"] in labelloop("status", certified.workspace.root).out
    assert made["id"] in certified.workspace.round("r002").report.read_text()


def test_the_review_queue_has_accepted_labels_only_as_drawn_ones(
    certified: Campaign, labelloop: Command, tmp_path: Path
) -> None:
    """Without the draw they would not be audited; for no other reason need anybody see them."""
    accepted, queue = set(certified.accepted("r002")["item"]), tmp_path / "queue.csv"
    words = ("--out", queue, "--unsure-below", "1", "--random", "40", "--open")
    assert labelloop("review", certified.workspace.root, *words).code == 0
    rows = [(row["item"], row["reason"]) for row in csv.DictReader(queue.open())]
    assert {reason for item, reason in rows if item in accepted} == {"random"}
    assert {reason for item, reason in rows if item not in accepted} >= {"random", "unsure"}


def test_once_it_has_expired_its_labels_are_on_the_queue_and_get_second_looks(
    certified: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round knows from when it opens, so that what it asks stays the same."""
    accepted, queue = set(certified.accepted("r002")["item"]), tmp_path / "queue.csv"

    def unsure(now: datetime) -> set[str]:
        write_queue(certified.workspace, queue, now=now, unsure_below=1, at_random=0, ask_model=False)
        return {row["item"] for row in csv.DictReader(queue.open())} & accepted

    assert not unsure(certified.end - SECOND)
    assert len(unsure(certified.end)) > 50
    monkeypatch.setattr("labelloop.stages.fused_stream.time_of", lambda workspace: certified.end)
    campaign = certified.copy(tmp_path / "c")
    campaign.run(4)
    current = Round(campaign.workspace, "r003")
    asked, before = tables.ASKED.read(current.previous.asked), tables.LABELS.read(current.previous.labels)
    assert current.about["expired"] == campaign.told("r002")["certificate"]["id"]
    open_ones, _ = as_if_unread(current, asked, before, before)
    assert accepted <= set(open_ones["item"])
    del current.about["expired"]
    open_ones, _ = as_if_unread(current, asked, before, before)
    assert not accepted & set(open_ones["item"])


def test_labels_that_the_model_had_right_are_listed_like_others(certified: Campaign, tmp_path: Path) -> None:
    """What people were asked about to audit the model is under no certificate for labels by votes."""
    campaign = certified.copy(tmp_path / "c")
    more = {
        "accept": {"target_error": 0.3, "delta": 0.4, "audit_share": 1.0} | FUSED,
        "review": {"unsure_below": 1.0, "list_unsure": 10_000, "list_disagreeing": 0},
    }
    campaign.run(5, **more)
    model, labels = campaign.accepted("r003"), campaign.labels("r004")
    told = json.loads(campaign.workspace.round("r003").certificate.read_text())
    assert told["state"] == told["fused"]["state"] == "issued"
    labels = labels[(labels["arm"] == "audit") & (labels["confidence"] < 1)]
    agreed = set(labels[["item", "label"]].merge(model, on=["item", "label"])["item"])
    listed = list(csv.DictReader(campaign.workspace.round("r004").review.open()))
    assert agreed and agreed <= {row["item"] for row in listed}


def test_the_next_round_lists_accepted_labels_only_as_drawn_ones(later: Campaign) -> None:
    accepted = set(later.accepted("r002")["item"])
    listed = list(csv.DictReader(later.workspace.round("r003").review.open()))
    assert {row["reason"] for row in listed if row["item"] in accepted} <= {"random"}
    folder, labels, now = later.workspace.round("r002"), later.labels("r002"), later.end - SECOND
    assert accepted_in(folder, labels, now, Acceptance()) == accepted
    assert not accepted_in(folder, labels.assign(label="other"), now, Acceptance())
    assert not accepted_in(folder, labels, later.end, Acceptance())
    revoked = Acceptance(revoked={later.told("r002")["certificate"]["id"]: "a mistake"})
    assert not accepted_in(folder, labels, now, revoked)


def test_verdicts_that_prove_labels_have_no_say_in_how_these_are_made(certified: Campaign) -> None:
    current = Round(certified.workspace, "r002")
    assert len(kept_verdicts(current)) == 90
    assert drawn_verdicts(current) == {}


def test_second_looks_see_no_verdict_and_leave_out_what_is_certified(later: Campaign) -> None:
    """Read labels go through the same votes as the others, or they would prove nothing about these."""
    current = Round(later.workspace, "r003")
    asked, before = tables.ASKED.read(current.previous.asked), tables.LABELS.read(current.previous.labels)
    votes, annotation = tables.VOTES.read(current.previous.collected), current.settings.annotation

    def open_to_looks(asked: pd.DataFrame, labels: pd.DataFrame) -> set[str]:
        return set(eligible_items(asked, by_votes(labels), votes, annotation)["item"])

    usual = open_to_looks(asked, before)
    blind = open_to_looks(*as_if_unread(current, asked, before, before))
    fused = tables.FUSED.read(current.previous.fused).set_index("item")["confidence"]
    rounds = before.set_index("item")["round"]
    threshold = later.told("r002")["certificate"]["threshold"]
    reviewed = set(before.loc[before["status"] == "reviewed", "item"])
    certified = {item for item in fused.index[fused >= threshold] if rounds[item] <= "r001"}
    everybody = open_to_looks(asked, before.assign(status="fused", method="votes", confidence=before[
        "item"].map(fused)))  # fmt: skip
    assert usual & certified and everybody & reviewed - certified
    assert blind == everybody - certified
    assert "reviewed" not in set(later.routed_by["status"])


def test_a_breach_returns_all_labels_until_somebody_has_looked_into_it(
    certified: Campaign, tmp_path: Path
) -> None:
    """The audit is the slice read on: here every verdict about an accepted label is against it.

    To accept nothing for a round is no look into it.
    """
    campaign = certified.copy(tmp_path / "c")
    before = campaign.accepted("r002")
    campaign.review(40, lambda item: item in set(before["item"]))
    campaign.run(4)
    told = campaign.told("r003")
    assert told["state"] == "suspended" and campaign.accepted("r003").empty
    assert told["audit"]["errors"] > 0 and told["change"]["returned"] == len(before)
    assert told["ended"]["certificate"] == before["certificate"].iloc[0]
    assert "returned to the queue" in campaign.workspace.round("r003").report.read_text()
    campaign.run(5, accept={})
    assert campaign.told("r004")["state"] == "off"
    campaign.run(6)
    assert campaign.told("r005")["state"] == "suspended"
    campaign.run(7, audits_from="r006")
    again = campaign.told("r006")
    assert again["state"] == "refused" and again["looks"] == 2
    assert len(again["audits"]) == len(told["audits"])


def test_a_certificate_that_somebody_revokes_ends_as_by_a_breach(
    certified: Campaign, tmp_path: Path, labelloop: Command
) -> None:
    """At once for whoever takes labels out; with the next round for second looks and reviewers."""
    campaign = certified.copy(tmp_path / "c")
    before, name = campaign.accepted("r002"), campaign.told("r002")["certificate"]["id"]
    revoked = FUSED | {"revoked": {name: "reviewers were mixed up"}}
    params = campaign.workspace.root / "params.yaml"
    params.write_text(yaml.safe_dump(settings(3, "r000", accept=revoked)))
    why = f"{name} is revoked in params.yaml (reviewers were mixed up); the next round"
    told = export_labels(
        Workspace.at(campaign.workspace.root), tmp_path / "labels.csv", now=campaign.end - SECOND
    )
    assert {row["certificate"] for row in csv.DictReader((tmp_path / "labels.csv").open())} == {""}
    assert why in told["by_votes"]
    assert why in labelloop("status", campaign.workspace.root).out.replace("\n", " ")
    campaign.run(4, accept=revoked)
    told = campaign.told("r003")
    assert told["state"] == "suspended" and campaign.accepted("r003").empty
    assert told["change"]["returned"] == len(before) and told["ended"]["certificate"] == name
    assert Round(campaign.workspace, "r003").about["expired"] == name
    campaign.run(5, accept=revoked)
    assert "(reviewers were mixed up)" in campaign.told("r004")["reason"]
    assert campaign.told("r004")["looks"] == 1
    campaign.run(6, accept=revoked | {"audits_from": "r004"})
    assert campaign.told("r005")["looks"] == 2 and "revoked" not in campaign.told("r005")


def test_to_revoke_what_was_never_issued_is_refused(certified: Campaign, tmp_path: Path) -> None:
    """A misspelt certificate would go on vouching for its labels."""
    campaign = certified.copy(tmp_path / "c")
    name = campaign.told("r002")["certificate"]["id"]
    other = name[:-1] + ("0" if name[-1] != "0" else "1")
    accept = FUSED | {"revoked": {other: "a mistake"}}
    (campaign.workspace.root / "params.yaml").write_text(yaml.safe_dump(settings(3, "r000", accept=accept)))
    with pytest.raises(SettingsError, match=f"{other}'; did you mean '{name}'"):
        export_labels(Workspace.at(campaign.workspace.root), tmp_path / "labels.csv", now=campaign.end)
    for wrong in ({"a certificate": "why"}, {name: " "}):
        with pytest.raises(ValueError, match=r"is no certificate|needs a reason"):
            Acceptance(revoked=wrong)


@pytest.mark.parametrize("wrong", [True, False])
def test_a_breach_counts_in_the_export_before_a_round_does(
    certified: Campaign, tmp_path: Path, wrong: bool
) -> None:
    """Verdicts count there at once, so what they break must not vouch for labels that leave the campaign."""
    campaign = certified.copy(tmp_path / "c")
    before = set(campaign.accepted("r002")["item"])
    campaign.review(40, lambda item: wrong and item in before)
    told = export_labels(campaign.workspace, tmp_path / "labels.csv", now=campaign.end - SECOND)
    rows = list(csv.DictReader((tmp_path / "labels.csv").open()))
    assert bool({row["certificate"] for row in rows} - {""}) == (not wrong)
    read = sum(row["item"] in before and row["source"] == "reviewed" for row in rows)
    assert read > 5
    said = (
        f"reviewers found {read} of {read} accepted labels wrong" if wrong
        else f"of {read} audited labels under it were wrong"
    )  # fmt: skip
    assert said in told["by_votes"]


def test_another_fusion_ends_it(certified: Campaign, tmp_path: Path) -> None:
    campaign = certified.copy(tmp_path / "c")
    campaign.run(4, fusion={"method": "majority"})
    told = campaign.told("r003")
    assert told["looks"] == 2
    assert told["ended"]["certificate"] == campaign.told("r002")["certificate"]["id"]
    assert not set(campaign.accepted("r003")["certificate"]) & set(campaign.accepted("r002")["certificate"])
    assert "fused otherwise" in campaign.workspace.round("r003").report.read_text()


@pytest.mark.parametrize("trusted", [[], ["ann"]])
def test_somebody_who_gets_worse_ends_it_unless_trusted(
    certified: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: list[str]
) -> None:
    flagged = [{"annotator": "ann", "flags": ["drift"]}]
    monkeypatch.setattr(
        "labelloop.stages.quality.headline", lambda found: headline(found) | {"flagged": flagged}
    )
    campaign = certified.copy(tmp_path / "c")
    campaign.run(4, quality={"trusted": trusted}, accept={"target_error": 0.1} | FUSED)
    told = campaign.told("r003")
    of_model = json.loads(campaign.workspace.round("r003").certificate.read_text())
    assert (of_model["state"] == "suspended") == (told["state"] == "suspended") == (not trusted)
    if trusted:
        assert told["state"] == "issued"
        return
    assert "drift alarm: ann" in of_model["reason"]
    assert told["state"] == "suspended" and campaign.accepted("r003").empty
    assert "drift alarm: ann" in told["ended"]["reason"]
    assert "drift alarm: ann" in campaign.workspace.round("r003").report.read_text()
