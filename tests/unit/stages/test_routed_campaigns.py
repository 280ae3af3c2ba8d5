"""Routing, experts, quotas and hidden re-asks through whole rounds, and that a kill changes nothing."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from killed_campaigns import outlive_kills
from second_look_campaigns import finished, written
from small_campaigns import UNRECORDED

from labelloop import files, tables
from labelloop.fusion.votes_table import fuse_votes
from labelloop.round_folder import RoundFolder
from labelloop.workspace import Workspace

GOOD, BAD = ("p0", "p1"), ("p4", "p5")
CREW = [
    {"name": f"p{n}", "accuracy": accuracy, "cost_per_vote": 0.05, "skip_rate": 0.02}
    for n, accuracy in enumerate((0.95, 0.95, 0.8, 0.8, 0.55, 0.55))
] + [{"name": "eva", "accuracy": 0.99, "cost_per_vote": 0.2}]
ROUTING = {"mode": "skill", "people": {"eva": {"tier": "expert"}}, "quota": 60}
SETTINGS: dict[str, dict[str, Any]] = {
    "campaign": {"name": "routed", "seed": 1},
    "dataset": {"kind": "table", "path": "rows.csv", "test_path": "test.csv", "label_column": "label"},
    "model": {"name": "logistic", "pool": "none"},
    "acquisition": {"strategy": "margin", "batch_size": 40, "first_batch_size": 60, "control_share": 0.2},
    "annotation": {
        "overlap": 2, "test_overlap": 1, "max_overlap": 3, "simulation": {"annotators": CREW},
        "routing": ROUTING,
    },
    "fusion": {"method": "map_dawid_skene"},
    "gold": {"known": 60, "share": 0.1},
    "quality": {"reask_share": 0.1, "reask_after": 1},
    "evaluation": {"bootstrap": 20},
    "stopping": {"max_rounds": 5},
    **UNRECORDED,
}  # fmt: skip
EXPERT_ARMS = {"gold", "relabel", "reask"}
CLASSES = ("class-0", "class-1", "class-2")
KEPT = ("batch", "asked", "routing", "tasks", "votes", "closed", "collected", "fused", "review", "quality",
        "labels", "metrics")  # fmt: skip


def campaign(folder: Path, **changes: dict[str, Any]) -> Workspace:
    return written(folder, SETTINGS, changes, items=600, apart=1.0)


def routing_of(folder: RoundFolder) -> pd.DataFrame:
    """With the keys of the tasks beside it."""
    routing, tasks = tables.ROUTING.read(folder.routing), tables.TASKS.read(folder.tasks)
    again = routing["why"] == "reask"
    copies = routing[~again].assign(turn=routing[~again].groupby("item").cumcount())
    copies = copies.merge(tasks[tasks["arm"] != "reask"].assign(
        turn=lambda rows: rows.groupby("item").cumcount()), on=["item", "turn"])  # fmt: skip
    asked_again = routing[again].merge(tasks[tasks["arm"] == "reask"], on="item")
    return pd.concat([copies, asked_again], ignore_index=True)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A campaign with all of it that ran through."""
    return finished(campaign(tmp_path_factory.mktemp("done") / "routed"))


def test_every_question_is_for_one_person_who_answers_it(done: Workspace) -> None:
    """Unless they skip it: then it is anybody else's, as without routing."""
    for folder in done.rounds():
        routing, tasks = routing_of(folder), tables.TASKS.read(folder.tasks)
        assert sorted(routing["key"]) == sorted(tasks["key"])
        votes = tables.VOTES.read(folder.votes).merge(routing, on="key")
        skipped = set(votes.loc[votes["action"] == "skipped", "key"])
        direct = votes[~votes["key"].isin(skipped)]
        assert len(direct) > 60 and (direct["annotator_x"] == direct["annotator_y"]).all()


def test_nobody_is_asked_twice_about_an_item_or_beyond_the_quota(done: Workspace) -> None:
    routing = pd.concat([routing_of(folder).assign(round=folder.id) for folder in done.rounds()])
    ordinary = routing[routing["why"] != "reask"]
    assert not ordinary.duplicated(["item", "annotator"]).any()
    assert routing.groupby(["round", "annotator"]).size().max() <= 60
    votes = tables.VOTES.read(list(done.rounds())[-1].collected)
    assert not votes[votes["action"] != "reasked"].duplicated(["item", "annotator"]).any()


def test_who_answers_better_is_asked_more_by_skill_and_as_often_by_chance(done: Workspace) -> None:
    routing = pd.concat([routing_of(folder) for folder in list(done.rounds())[1:]])
    by_skill = routing[routing["why"] == "skill"]["annotator"].value_counts()
    assert by_skill[list(GOOD)].min() > 1.5 * by_skill.reindex(BAD).fillna(0).max()
    drawn = routing[routing["why"] == "explore"]
    assert set(drawn["annotator"]) >= {*GOOD, *BAD} and drawn["chance"].notna().all()


def test_gold_is_dealt_at_random_to_experts_too(done: Workspace) -> None:
    routing = pd.concat([routing_of(folder) for folder in done.rounds()])
    gold = routing[routing["arm"] == "gold"]
    assert len(gold) and (gold["why"] == "explore").all()
    assert {"gold", "relabel"} <= set(routing[routing["annotator"] == "eva"]["arm"]) <= EXPERT_ARMS


def test_experts_are_asked_about_what_others_split_on_or_leave_unsure_before_it_is_reviewed(
    done: Workspace,
) -> None:
    rounds, asked_before = list(done.rounds()), 0
    escalated: set[str] = set()
    for before, folder in itertools.pairwise(rounds):
        routing = tables.ROUTING.read(folder.routing)
        mine = routing[routing["why"] == "expert"]
        assert (mine["annotator"] == "eva").all()
        then = tables.LABELS.read(before.labels).set_index("item").loc[mine["item"]]
        assert ((then["votes"] >= 3) | then["tie"]).all() and (then["confidence"] < 0.95).all()
        asked_before += len(mine)
        escalated |= set(mine["item"])
        unsure = pd.read_csv(folder.review)
        unsure = unsure[unsure["why"].str.startswith("still unsure")]
        assert set(unsure["item"]) <= escalated
    assert asked_before > 3
    votes = tables.VOTES.read(rounds[-1].collected)
    given = votes[(votes["annotator"] == "eva") & votes["action"].isin(["submitted", "reasked"])]
    assert (given["cost"] == 0.2).all()


def test_an_experts_look_counts_as_many_votes_as_it_costs(done: Workspace) -> None:
    for folder in list(done.rounds())[1:]:
        looks = files.read_json(folder.selection)["second_looks"]
        assert looks["votes_that_an_expert_costs"] == pytest.approx(4.0)
        usual = looks["votes"] - looks["asked_of_experts"]
        assert 4 * looks["asked_of_experts"] + usual <= 2 * looks["new_items_left_out"]


@pytest.mark.parametrize("strategy", ["margin", "relabel"])
def test_an_experts_quota_leaves_the_other_votes_to_new_items(tmp_path: Path, strategy: str) -> None:
    """Dozens of items wait for the expert, who has two a round: nothing is put off for the rest."""
    tight = {"mode": "skill", "people": {"eva": {"tier": "expert", "quota": 2}}, "explore": 0.1}
    cheap = [one | {"cost_per_vote": 0.05, "accuracy": 0.6} for one in CREW]
    workspace = finished(
        campaign(
            tmp_path / "tight",
            annotation={"routing": tight, "simulation": {"annotators": cheap}},
            acquisition={"strategy": strategy},
            gold={"known": 0},
            quality={"reask_share": 0.0},
            stopping={"max_rounds": 4},
        )
    )
    for folder in list(workspace.rounds())[1:]:
        batch, about = tables.BATCH.read(folder.batch), files.read_json(folder.selection)["second_looks"]
        routing = tables.ROUTING.read(folder.routing)
        assert about["votes"] == (batch["arm"] == "relabel").sum()
        assert about["asked_of_experts"] == (routing["why"] == "expert").sum() <= 2
        assert 2 * 40 - 1 <= batch["overlap"].sum() <= 2 * 40


def test_people_are_asked_again_blind_and_no_label_rests_on_it(done: Workspace) -> None:
    rounds = list(done.rounds())
    votes = tables.VOTES.read(rounds[-1].collected)
    again = votes[votes["action"] == "reasked"]
    assert len(again) > 10 and (again["cost"] > 0).all() and (again["round"] > "r000").all()
    first = votes[votes["action"] == "submitted"].set_index(["item", "annotator"])
    for vote in again.itertuples():
        before = first.loc[(vote.item, vote.annotator)]
        assert before["answered_at"] < vote.answered_at and before["round"] < vote.round
    labels = tables.LABELS.read(rounds[-1].labels)
    assert not {one for ids in labels["vote_ids"] for one in ids} & set(again["vote"])
    same = sum(vote.value == first.loc[(vote.item, vote.annotator), "value"] for vote in again.itertuples())
    told = files.read_json(rounds[-1].quality)["consistency"]
    assert (told["answers"], told["same"]) == (len(again), same)
    assert told["low"] < told["share"] < told["high"]
    assert f"of {len(again)} answers as before" in rounds[-1].report.read_text()
    payloads = (done.state / "simulated" / "rounds" / f"{rounds[-1].id}.jsonl").read_text()
    assert '"arm"' not in payloads


def test_labels_are_what_they_would_be_without_the_answers_to_re_asks(done: Workspace) -> None:
    last = list(done.rounds())[-1]
    votes = tables.VOTES.read(last.collected)
    assert (votes["action"] == "reasked").any()
    kept = votes[votes["action"] != "reasked"].reset_index(drop=True)
    assert fuse_votes(votes, CLASSES).table.equals(fuse_votes(kept, CLASSES).table)


def test_kills_and_looking_more_often_change_nothing(
    tmp_path: Path, done: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in every push after the tool took the tasks, and after every stage that knows who is asked."""
    workspace = campaign(tmp_path / "killed")
    assert outlive_kills(workspace, monkeypatch, ("select", "push", "collect", "fuse")) == 5 * 5
    for name in KEPT:
        for one, other in zip(done.rounds(), workspace.rounds(), strict=True):
            assert getattr(one, name).read_bytes() == getattr(other, name).read_bytes(), (one.id, name)
