"""Second looks through whole rounds: who is asked, what closes a round, and that a kill changes nothing."""

from __future__ import annotations

import itertools
from pathlib import Path

import pandas as pd
import pytest
from killed_campaigns import outlive_kills
from second_look_campaigns import SETTINGS, campaign, finished, relabeled

from labelloop import files, tables
from labelloop.workspace import Workspace

KEPT = ("batch", "asked", "tasks", "votes", "closed", "collected", "fused", "review", "labels", "metrics")


def contents(workspace: Workspace) -> dict[str, bytes]:
    paths = [getattr(folder, name) for folder in workspace.rounds() for name in KEPT]
    return {workspace.relative(path): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A campaign with second looks that ran through."""
    return finished(campaign(tmp_path_factory.mktemp("done") / "looks"))


def test_nobody_is_asked_twice_and_no_item_more_often_than_it_may_be(done: Workspace) -> None:
    """Each round spends what it would have spent without; copies go on where they ended."""
    rounds = list(done.rounds())
    assert sum(len(relabeled(folder)) for folder in rounds) > 10
    everything = pd.concat([tables.TASKS.read(folder.tasks) for folder in rounds])
    assert everything["key"].is_unique
    copies = everything.groupby("item")["copy"]
    assert (copies.max() + 1 == copies.size()).all() and copies.size().max() <= 4
    asked = tables.ASKED.read(rounds[-1].asked).set_index("item")["overlap"]
    assert (copies.size() == asked[copies.size().index]).all()
    votes = tables.VOTES.read(rounds[-1].collected)
    assert not votes.duplicated(["item", "annotator"]).any()
    for folder in rounds[1:]:
        batch = tables.BATCH.read(folder.batch)
        assert batch["overlap"].sum() == 40
        looks = relabeled(folder)
        assert looks["overlap"].sum() <= 0.5 * 40
        assert files.read_json(folder.selection)["second_looks"]["votes"] == looks["overlap"].sum()
        assert files.read_json(folder.closed)["asked"] == 40


def test_control_items_are_looked_at_again_and_stay_control_items(done: Workspace) -> None:
    rounds = list(done.rounds())
    again = {item for folder in rounds for item in relabeled(folder)["item"]}
    first = pd.concat([tables.BATCH.read(folder.batch) for folder in rounds])
    first = first[first["arm"] != "relabel"].set_index("item")["arm"]
    assert set(first[list(again)]) == {"control", "strategy"}
    labels = tables.LABELS.read(rounds[-1].labels).set_index("item")
    assert (labels.loc[list(again), "arm"] == first[list(again)]).all()


def test_only_labels_below_the_target_get_more_votes_and_it_is_told_what_they_changed(
    done: Workspace,
) -> None:
    rounds = list(done.rounds())
    for before, folder in itertools.pairwise(rounds):
        looks = relabeled(folder)["item"]
        then, now = (tables.LABELS.read(one.labels).set_index("item").loc[looks] for one in (before, folder))
        assert (then["confidence"] < 0.95).all()
        metrics = files.read_json(folder.metrics)
        assert metrics["second_looks"] == (now["votes"] - then["votes"]).sum()
        assert metrics["labels_changed"] == (now["label"] != then["label"]).sum()
        assert f"{metrics['labels_changed']} labels changed" in folder.report.read_text()


def test_what_is_still_unsure_with_every_answer_in_is_for_review(done: Workspace) -> None:
    """Once, in the round in which its last answer came."""
    rounds = list(done.rounds())
    listed = pd.concat([pd.read_csv(folder.review) for folder in rounds])
    listed = listed[listed["why"].str.startswith("still unsure after 4 answers")]
    assert len(listed) and listed["item"].is_unique
    assert sum(files.read_json(folder.metrics)["still_unsure"] for folder in rounds) == len(listed)
    everything = pd.concat([tables.LABELS.read(folder.labels) for folder in rounds])
    full = everything[(everything["votes"] == 4) & (everything["confidence"] < 0.95)]
    assert set(listed["item"]) <= set(full["item"])


def test_kills_and_looking_more_often_change_nothing(
    tmp_path: Path, done: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in every push after the tool took the tasks, and after every stage that knows what is asked."""
    workspace = campaign(tmp_path / "killed")
    assert outlive_kills(workspace, monkeypatch, ("select", "collect", "fuse")) == 4 * 4
    assert contents(workspace) == contents(done)


def test_stragglers_of_earlier_rounds_count_for_a_second_look(tmp_path: Path) -> None:
    """Rounds close at a quorum: what is asked again has all its answers, and nobody answers twice."""
    late = {"deadline_hours": 0.02, "quorum": 0.5}
    workspace = finished(campaign(tmp_path / "late", annotation=SETTINGS["annotation"] | late))
    rounds = list(workspace.rounds())
    votes = tables.VOTES.read(rounds[-1].collected)
    assert not votes.duplicated(["item", "annotator"]).any()
    for before, folder in itertools.pairwise(rounds):
        then = tables.VOTES.read(before.collected)
        answers = then[then["action"] == "submitted"].groupby("item").size()
        asked = tables.ASKED.read(before.asked).set_index("item")["overlap"]
        looks = relabeled(folder)["item"]
        assert (answers[looks] >= asked[looks]).all()
    assert sum(len(relabeled(folder)) for folder in rounds)


def test_without_the_setting_nothing_is_different(tmp_path: Path) -> None:
    """No arm, no further words in selection.json, metrics and report."""
    annotation = SETTINGS["annotation"] | {"max_overlap": None}
    workspace = finished(campaign(tmp_path / "plain", annotation=annotation, stopping={"max_rounds": 2}))
    for folder in workspace.rounds():
        assert not len(relabeled(folder))
        assert "second_looks" not in files.read_json(folder.selection)
        assert not {"second_looks", "labels_changed", "still_unsure"} & set(files.read_json(folder.metrics))
        assert "second look" not in folder.report.read_text()
