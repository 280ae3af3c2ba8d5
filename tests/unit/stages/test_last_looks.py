"""Rounds that only look again, once there is nothing new to ask about."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from killed_campaigns import outlive_kills
from second_look_campaigns import CREW, SETTINGS, campaign, finished, relabeled, written

from labelloop import files, loop, status, tables
from labelloop.evaluation import curve as curves
from labelloop.ledger import Ledger
from labelloop.round_folder import RoundFolder
from labelloop.stages.last_looks import affordable_looks, looked_again
from labelloop.stages.runner import Round
from labelloop.stopping import Progress, RoundSummary, Signals, history_of, may_look_again
from labelloop.stopping.limits import max_rounds
from labelloop.workspace import Workspace

BUDGET: dict[str, dict[str, Any]] = {
    "budget": {"labels": 42},
    "stopping": {"max_rounds": None, "plateau": 1e-9},
}
KEPT = ("batch", "asked", "selection", "tasks", "votes", "closed", "collected", "fused", "labels", "metrics",
        "curve", "stopping", "forecast", "report")  # fmt: skip


def last_looks(workspace: Workspace) -> list[RoundFolder]:
    return [one for one in workspace.rounds() if Round(workspace, one.id).only_looks]


def labeling(workspace: Workspace) -> list[RoundFolder]:
    return [one for one in workspace.rounds() if not Round(workspace, one.id).only_looks]


def stopped(workspace: Workspace) -> dict[str, str]:
    found = Ledger.read(workspace.ledger).stopped
    assert found is not None
    return found


def contents(workspace: Workspace) -> dict[str, bytes]:
    paths = [getattr(folder, name) for folder in workspace.rounds() for name in KEPT]
    return {workspace.relative(path): path.read_bytes() for path in paths}


def with_params(workspace: Workspace, folder: Path, **changes: dict[str, Any]) -> Workspace:
    """A copy of a campaign that goes on with other settings, to its end."""
    shutil.copytree(workspace.root, folder)
    params = yaml.safe_load((folder / "params.yaml").read_text())
    settings = params | {name: params.get(name, {}) | changes[name] for name in changes}
    (folder / "params.yaml").write_text(yaml.safe_dump(settings))
    return finished(Workspace.at(folder))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A campaign that used its budget of labels up, and then looked again as often as it paid."""
    return finished(campaign(tmp_path_factory.mktemp("done") / "c", **BUDGET))


def test_every_question_is_a_second_look_at_an_unsure_item_worth_its_price(done: Workspace) -> None:
    rounds = list(done.rounds())
    looking = last_looks(done)
    assert len(looking) > 1 and rounds[-len(looking) :] == looking
    for before, folder in itertools.pairwise(rounds):
        if folder not in looking:
            continue
        batch, told = relabeled(folder), files.read_json(folder.selection)["second_looks"]
        assert len(batch) == len(tables.BATCH.read(folder.batch)) == told["votes"] > 0
        assert (batch["overlap"] == 1).all() and (batch["score"] >= told["price_of_a_vote"]).all()
        sure = tables.LABELS.read(before.labels).set_index("item")["confidence"]
        assert (sure[batch["item"]] < 0.95).all()


def test_nobody_is_asked_twice_and_no_item_more_often_than_it_may_be(done: Workspace) -> None:
    everything = pd.concat([tables.TASKS.read(folder.tasks) for folder in done.rounds()])
    assert everything["key"].is_unique
    assert everything.groupby("item").size().max() == 4
    votes = tables.VOTES.read(list(done.rounds())[-1].collected)
    assert not votes.duplicated(["item", "annotator"]).any()


def test_it_ends_by_the_reason_that_it_had_and_tells_what_it_did_since(done: Workspace) -> None:
    """And stays at its end: nothing is left to ask about."""
    looking, before = last_looks(done), labeling(done)[-1]
    rows = curves.read_curve(looking[-1].curve).set_index("round")
    votes = rows["votes"].iloc[-1] - rows.loc[before.id, "votes"]
    assert stopped(done) == {
        "rule": "budget_labels",
        "reason": "42 labeled items are used up, and budget.labels is 42. "
        f"{len(looking)} further rounds have looked again at what was unsure, with {votes} answers.",
    }
    was = done.ledger.read_bytes()
    finished(done)
    assert done.ledger.read_bytes() == was


def test_votes_and_money_rise_and_labels_do_not(done: Workspace) -> None:
    looking, before = last_looks(done), labeling(done)[-1]
    curve = curves.read_curve(looking[-1].curve)
    assert curve["only_looks"].sum() == len(looking) and not curve["settles"].any()
    since = curve.iloc[-len(looking) - 1 :]
    assert since["labels"].nunique() == 1 and since["control_labels"].nunique() == 1
    assert since["votes"].is_monotonic_increasing and since["votes"].is_unique
    assert since["cost"].diff().iloc[1:].to_numpy() == pytest.approx(0.05 * since["votes"].diff().iloc[1:])
    assert looked_again(curve.iloc[: -len(looking)]) == ""
    text = status.as_text(status.read_status(done))
    assert f"{looking[-1].id}, which only looked again, moved it by" in text
    asked = files.read_json(looking[0].metrics)["second_looks"]
    assert f"This round's {asked} second looks cost" in looking[0].report.read_text()
    assert [path.name for path in looking[0].scores.iterdir()] == ["scores.json"]
    assert "only_looks" not in before.curve.read_text()


def test_they_teach_nothing_about_what_more_labels_would_bring(done: Workspace) -> None:
    """Rules, forecast and savings are about the rounds that brought new labels."""
    looking, before = last_looks(done)[-1], labeling(done)[-1]
    now, then = (files.read_json(one.stopping) for one in (looking, before))
    assert now["signals"] == then["signals"] and now["rules"] == then["rules"]
    assert files.digest(looking.stop_set) == files.digest(before.stop_set)
    told = files.read_json(looking.forecast)
    assert told == files.read_json(before.forecast) and told["round"] == before.id
    history = history_of(curves.read_curve(looking.curve))
    assert [one.round for one in history] == [one.id for one in labeling(done)]
    assert history[-1].looks == len(last_looks(done))
    assert history[-1].money == files.read_json(looking.metrics)["cost"]
    twin = pd.read_csv(done.twin)
    assert twin["labels"].tolist() == [one.labels for one in history]


def test_with_more_labels_allowed_it_asks_about_new_items_again(done: Workspace, tmp_path: Path) -> None:
    workspace = with_params(done, tmp_path / "c", budget={"labels": 46})
    following = list(workspace.rounds())[len(list(done.rounds())) :]
    assert {"strategy", "control"} & set(tables.BATCH.read(following[0].batch)["arm"])
    names = [one["round"] for one in files.read_json(following[-1].stopping)["signals"]]
    assert names == [one.id for one in labeling(workspace)]
    assert stopped(workspace)["reason"].startswith("46 labeled items are used up")


def test_kills_change_nothing(tmp_path: Path, done: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in every push after the tool took the tasks, and after choosing, collecting and fusing."""
    workspace = campaign(tmp_path / "killed", **BUDGET)
    deaths = outlive_kills(workspace, monkeypatch, ("select", "collect", "fuse"))
    assert deaths == 4 * len(list(done.rounds()))
    assert contents(workspace) == contents(done)
    assert stopped(workspace) == stopped(done)


def test_where_the_pool_is_used_up_they_are_paid_out_of_the_money_that_is_left(tmp_path: Path) -> None:
    """Also with an expert who costs eight times as much."""
    crew = [*CREW, {"name": "eva", "accuracy": 0.95, "cost_per_vote": 0.4}]
    changes: dict[str, dict[str, Any]] = {
        "acquisition": SETTINGS["acquisition"] | {"first_batch_size": 30},
        "annotation": SETTINGS["annotation"]
        | {"routing": {"mode": "skill", "people": {"eva": {"tier": "expert"}}},
           "simulation": {"annotators": crew}},
        "stopping": {"max_rounds": 30},
    }  # fmt: skip
    free = finished(written(tmp_path / "free", SETTINGS, changes, items=30, apart=1.2))
    assert stopped(free)["rule"] == "pool_exhausted" and len(last_looks(free)) > 1
    costs = curves.read_curve(list(free.rounds())[-1].curve)["cost"]
    money = float(costs.iloc[0] + 0.6 * (costs.iloc[-1] - costs.iloc[0]))
    changes["budget"] = {"money": money}
    short = finished(written(tmp_path / "short", SETTINGS, changes, items=30, apart=1.2))
    spent = curves.read_curve(list(short.rounds())[-1].curve)["cost"].iloc[-1]
    assert costs.iloc[0] < spent <= money + 1e-9
    assert stopped(short)["rule"] == "pool_exhausted" and last_looks(short)


def test_what_a_verdict_tells_more_about_for_its_money_is_left_to_reviewers(tmp_path: Path) -> None:
    changes: dict[str, dict[str, Any]] = {
        "acquisition": {"strategy": "relabel", "batch_size": 20, "first_batch_size": 42},
        "review": {"cost_per_verdict": 0.45},
        **BUDGET,
    }
    workspace = finished(campaign(tmp_path / "c", **changes))
    looking = last_looks(workspace)[0]
    left = files.read_json(looking.selection)["second_looks"]["for_review"]
    assert len(relabeled(looking)) and left and not set(left) & set(relabeled(looking)["item"])


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"annotation": {"max_overlap": None}}, "budget_labels"),
        ({"stopping": {"target_accuracy": 0.01}}, "target_accuracy"),
        ({"stopping": {"max_rounds": 1}}, "budget_labels"),
        ({"budget": {"labels": 40, "hours": 0.001}}, "budget_labels"),
        ({"budget": {"labels": 40, "money": 4.0}}, "budget_labels"),
        ({"annotation": {"target_confidence": 0.01}}, "budget_labels"),
    ],
    ids=["no second looks", "evidence", "rounds", "hours", "money", "all sure"],
)
def test_no_round_looks_again_where_none_may(changes: dict[str, Any], rule: str, tmp_path: Path) -> None:
    """Nor does the reason tell of any."""
    given = {"budget": {"labels": 40}, "stopping": {"max_rounds": None}} | {
        name: SETTINGS.get(name, {}) | values for name, values in changes.items()
    }
    workspace = finished(campaign(tmp_path / "c", **given))
    assert [one.id for one in workspace.rounds()] == ["r000"]
    assert stopped(workspace)["rule"] == rule and "looked again" not in stopped(workspace)["reason"]
    assert "only_looks" not in next(iter(workspace.rounds())).curve.read_text()


def test_a_round_that_found_nobody_to_ask_is_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People's quotas and pauses are known only when a batch is dealt."""
    from labelloop.stages import select

    dealt: Callable[..., Any] = select.route_batch

    def to_nobody(current: Any, prepared: Any, batch: Any, further: Any, *others: Any) -> Any:
        return dealt(current, prepared, batch, further.iloc[:0], *others)

    monkeypatch.setattr(select, "route_batch", to_nobody)
    workspace = finished(campaign(tmp_path / "c", budget={"labels": 40}, stopping={"max_rounds": 5}))
    assert [one.id for one in last_looks(workspace)] == ["r001"]
    assert stopped(workspace)["reason"].endswith(
        "1 further round has looked again at what was unsure, with 0 answers."
    )
    assert isinstance(loop.advance(workspace), loop.Stopped)
    assert len(list(workspace.rounds())) == 2


def test_only_what_ends_new_items_and_no_other_limit_leaves_room() -> None:
    """Every round that asks somebody is one of `max_rounds`."""
    from labelloop.campaign import Budget, Stopping

    history = [RoundSummary("r000", 40, 4.0, 1.0, 0.5), RoundSummary("r001", 60, 6.0, 2.0, 0.5, looks=2)]
    signals: list[Signals] = []

    def room(rule: str, budget: dict[str, float], rounds: int | None) -> bool:
        progress = Progress(Stopping(max_rounds=rounds), Budget(**budget), history, 0, signals)
        return may_look_again(rule, progress)

    assert room("pool_exhausted", {"money": 7}, 5) and room("composition", {}, None)
    assert room("budget_labels", {"labels": 60, "hours": 3}, None)
    assert not room("pool_exhausted", {"money": 6}, None) and not room("pool_exhausted", {"hours": 2}, None)
    assert not room("pool_exhausted", {}, 4)
    for rule in ("target_accuracy", "kappa", "plateau", "budget", "budget_money", "max_rounds"):
        assert not room(rule, {}, None)
    told = max_rounds(Progress(Stopping(max_rounds=4), Budget(), history, 0, signals))
    assert told is not None and told.sentence == "4 rounds are finished and stopping.max_rounds is 4."


@given(st.lists(st.sampled_from([0.0, 0.05, 0.1, 0.4]), max_size=20), st.integers(0, 9), st.integers(0, 99))
def test_the_money_goes_to_the_best_looks_that_it_pays_for(
    prices: list[float], tenths: int, seed: int
) -> None:
    """Nothing that was passed over could have been paid beside those that came before it."""
    order, money = np.random.default_rng(seed).permutation(len(prices)), tenths / 10
    taken = affordable_looks(order, np.array(prices), money).tolist()
    spent = 0.0
    for place in order.tolist():
        assert (place in taken) == (spent + prices[place] <= money + 1e-9)
        spent += prices[place] if place in taken else 0.0
    assert spent <= money + 1e-9


def test_the_price_is_what_the_last_vote_adds() -> None:
    """All votes' parts together are the label's worth."""
    from labelloop.fusion.vote_gain import last_votes_worth, new_votes_worth

    for classes, accuracy in ((2, 0.7), (3, 0.6), (10, 0.8)):
        parts = sum(last_votes_worth(classes, accuracy, votes) for votes in range(1, 5))
        assert parts == pytest.approx(4 * new_votes_worth(classes, accuracy, 4), abs=0.03)
        assert last_votes_worth(classes, accuracy, 1) == new_votes_worth(classes, accuracy, 1)
    assert last_votes_worth(1, 0.8, 3) == 0.0
