"""The strategy `relabel`: votes go where they bring most for their cost, and nothing fixes the share."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from second_look_campaigns import SETTINGS, campaign, finished, relabeled

from labelloop import datasets, files, loop, settling, tables
from labelloop.acquisition.relabel import vote_gain
from labelloop.annotators import pausing
from labelloop.campaign import Annotation
from labelloop.errors import SettingsError
from labelloop.reviewing.review import write_queue
from labelloop.stages.acceptance import time_of
from labelloop.stages.one_scale import prices_of_those_left, reason_for, share_votes
from labelloop.workspace import Workspace

gains = st.lists(st.floats(0, 1), max_size=12).map(lambda values: np.sort(values)[::-1])
RELABEL = SETTINGS["acquisition"] | {"strategy": "relabel"}


@settings(max_examples=150, deadline=None)
@given(gains, gains, st.integers(0, 30), st.integers(1, 3))
def test_votes_are_shared_by_gain_and_none_is_left_that_could_be_used(
    new: np.ndarray, again: np.ndarray, votes: int, overlap: int
) -> None:
    items, looks = share_votes(new, again, votes, overlap)
    spent = items * overlap + looks
    assert spent <= votes and items <= len(new) and looks <= len(again)
    assert (again[:looks] > 0).all()
    if items and looks < len(again):  # the last new item was at least as good as the next second look
        assert new[items - 1] >= again[looks]
    left = votes - spent
    assert not (looks < len(again) and again[looks] > 0 and left)
    assert items == len(new) or left < overlap
    if looks and items < len(new) and left >= overlap:
        assert again[looks - 1] > new[items]


def test_equal_gains_go_to_the_new_item_and_worthless_looks_to_nobody() -> None:
    assert share_votes(np.array([0.4, 0.4]), np.array([0.4, 0.3]), 3, 1) == (2, 1)
    assert share_votes(np.array([0.0]), np.array([0.0, 0.0]), 9, 3) == (1, 0)
    assert share_votes(np.array([0.1]), np.array([0.9] * 9), 9, 3) == (0, 9)


def test_an_expert_who_costs_as_much_as_three_takes_three_votes() -> None:
    each = np.array([3.0, 1.0, 3.0])
    assert share_votes(np.array([0.1]), np.array([0.9, 0.8, 0.7]), 5, 1, each) == (1, 2)
    assert share_votes(np.empty(0), np.array([0.9, 0.8]), 2, 1, each) == (0, 0)


def test_a_look_that_only_dear_people_could_give_costs_more() -> None:
    crew = [{"name": "ada", "cost_per_vote": 0.3}, {"name": "ben", "cost_per_vote": 0.1}, {"name": "cy"}]
    annotation = Annotation(overlap=1, test_overlap=1, cost_per_vote=0.2, simulation={"annotators": crew})
    votes = pd.DataFrame({"item": ["a", "a", "b"], "annotator": ["ben", "cy", "ada"]})
    prices = prices_of_those_left(annotation, votes, ["a", "b", "c"], np.zeros(3, dtype=bool))
    assert prices == pytest.approx([1.5, 0.75, 1.0])
    free = annotation.model_copy(update={"cost_per_vote": 0.0, "tool": "files"})
    assert prices_of_those_left(free, votes, ["a", "b"], np.zeros(2, dtype=bool)).tolist() == [1.0, 1.0]


def test_a_look_costs_what_those_experts_take_who_are_not_paused() -> None:
    people = {
        "eva": {"tier": "expert", "cost_per_vote": 0.6},
        "fay": {"tier": "expert", "cost_per_vote": 0.2},
    }
    annotation = Annotation.model_validate(
        {"tool": "files", "annotators": ["ada", "ben", "eva", "fay"], "overlap": 1, "test_overlap": 1,
         "max_overlap": 2, "cost_per_vote": 0.1, "routing": {"mode": "skill", "people": people}}
    )  # fmt: skip
    votes = pd.DataFrame({"item": ["a"], "annotator": ["ada"]})
    paused = pausing.without(annotation, {"eva": {}})
    assert "2 second looks took 8 of the round's votes and 3 new items 3," in reason_for(
        2, 8.0, 3, 9, annotation
    )
    for who, price in ((annotation, 4.0), (paused, 2.0)):
        assert prices_of_those_left(who, votes, ["a"], np.ones(1, dtype=bool)) == pytest.approx([price])


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return finished(campaign(tmp_path_factory.mktemp("scale") / "looks", acquisition=RELABEL))


def test_every_round_spends_the_same_votes_and_shares_them_otherwise(done: Workspace) -> None:
    rounds = list(done.rounds())[1:]
    batches = [tables.BATCH.read(folder.batch) for folder in rounds]
    assert {int(batch["overlap"].sum()) for batch in batches} == {40}
    looks = [int(relabeled(folder)["overlap"].sum()) for folder in rounds]
    assert sum(looks) and len(set(looks)) > 1
    for folder, votes in zip(rounds, looks, strict=True):
        about = files.read_json(folder.selection)
        assert about["strategy"] == "relabel" and about["second_looks"]["votes"] == votes
        reason = about["second_looks"]["reason"]
        assert reason in folder.report.read_text()
        if votes > 1:
            assert f"{votes} second looks took {votes} of the round's votes" in reason


def test_no_new_item_that_was_left_out_brings_more_than_a_second_look(done: Workspace) -> None:
    pool = datasets.open_prepared(done.data).pool
    checked = 0
    for folder in list(done.rounds())[1:]:
        batch, about = tables.BATCH.read(folder.batch), files.read_json(folder.selection)["second_looks"]
        probabilities = np.load(folder.scores / "probabilities.npy")
        left = np.setdiff1d(
            np.arange(len(pool)), pool.rows_of(tables.ASKED.read(folder.asked)["item"].tolist())
        )
        gains = vote_gain(probabilities, left, accuracy=about["accuracy_of_a_vote"], votes=2)
        new, looks = (batch[batch["arm"] == arm]["score"] for arm in ("strategy", "relabel"))
        assert new.is_monotonic_decreasing and looks.is_monotonic_decreasing
        assert gains.max() <= new.min()
        # One vote may be left over that pays for no new item of two.
        assert (looks.iloc[:-1] >= gains.max()).all()
        checked += len(looks)
    assert checked > 5


def test_nobody_is_asked_twice_about_an_item(done: Workspace) -> None:
    rounds = list(done.rounds())
    votes = tables.VOTES.read(rounds[-1].collected)
    assert not votes.duplicated(["item", "annotator"]).any()
    for before, folder in itertools.pairwise(rounds):
        unsure = tables.LABELS.read(before.labels).set_index("item")["confidence"]
        assert (unsure[relabeled(folder)["item"]] < 0.95).all()


def test_the_share_of_second_looks_has_no_limit(tmp_path: Path) -> None:
    """Where answers about new items cost fifty times as much, nearly all votes go to older ones."""
    changes = {
        "dataset": SETTINGS["dataset"] | {"numeric_columns": list("abcd")},
        "acquisition": RELABEL | {"control_share": 0.0, "compose": {"cost_column": "effort"}},
        "stopping": {"max_rounds": 2},
    }
    place = campaign(tmp_path / "dear", **changes)
    rows = pd.read_csv(place.root / "rows.csv")
    rows.assign(effort=1.0).to_csv(place.root / "rows.csv", index=False)
    first, second = finished(place).rounds()
    usual = relabeled(second)["overlap"].sum()
    asked = datasets.open_prepared(place.data).pool.rows_of(tables.ASKED.read(first.asked)["item"].tolist())
    place = campaign(tmp_path / "dearer", **changes)
    rows["effort"] = 50.0
    rows.loc[asked, "effort"] = 1.0
    rows.to_csv(place.root / "rows.csv", index=False)
    first, second = finished(place).rounds()
    assert set(asked) == set(
        datasets.open_prepared(place.data).pool.rows_of(tables.ASKED.read(first.asked)["item"].tolist())
    )
    assert usual < relabeled(second)["overlap"].sum() == 40


def test_verdicts_are_weighed_by_their_price(done: Workspace, tmp_path: Path) -> None:
    """Cheap ones take the place of all second looks, dear ones of none."""
    for price, cheap in ((0.001, True), (1000.0, False)):
        workspace = finished(
            campaign(
                tmp_path / f"at{price}", acquisition=RELABEL, stopping={"max_rounds": 2},
                review={"cost_per_verdict": price},
            )
        )  # fmt: skip
        last, same = list(workspace.rounds())[1], list(done.rounds())[1]
        left = files.read_json(last.selection)["second_looks"]["for_review"]
        queue = queue_items(workspace)
        if cheap:
            assert left and not len(relabeled(last))
            assert {item for item, reason in queue if reason == "worth a verdict"} <= set(left)
            assert set(left) & {item for item, _ in queue}
            settling.open_settling(workspace, anyway=True, told=print)
            finished(workspace)
            assert len(workspace.rounds()) == 3
            assert queue_items(workspace) == queue, "a round that asks nobody chooses nothing anew"
        else:
            assert not left and last.batch.read_bytes() == same.batch.read_bytes()
            assert "worth a verdict" not in {reason for _, reason in queue}


def queue_items(workspace: Workspace) -> list[tuple[str, str]]:
    out = workspace.root / "queue.csv"
    now = time_of(workspace)
    write_queue(workspace, out, now=now, unsure_below=0.1, at_random=0, ask_model=False, blind=False)
    return [tuple(row) for row in pd.read_csv(out)[["item", "reason"]].to_numpy()]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"annotation": SETTINGS["annotation"] | {"max_overlap": None}}, "set annotation.max_overlap above"),
        ({"acquisition": RELABEL | {"cold_start": "relabel"}}, "acquisition.cold_start: .* first round"),
        (
            {"acquisition": RELABEL | {"compose": {"mix": {"relabel": 0.5, "margin": 0.5}}}},
            "acquisition.compose.mix: 'relabel' shares out",
        ),
    ],
)
def test_a_campaign_that_could_not_ask_again_is_refused(tmp_path: Path, changes: dict, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        loop.advance(campaign(tmp_path / "bad", **({"acquisition": RELABEL} | changes)))
