"""Each round lists by itself what a reviewer should look at, and tells what came of it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from second_look_campaigns import campaign, finished

from labelloop import files, tables
from labelloop.reviewing.review import take_verdicts, write_queue
from labelloop.round_folder import RoundFolder
from labelloop.stages.acceptance import time_of
from labelloop.stages.runner import run_stage
from labelloop.status import as_text, read_status
from labelloop.workspace import Workspace

SIZES = {"unsure_below": 0.7, "list_unsure": 5, "list_disagreeing": 4, "list_random": 6}
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two rounds; the whole list of the second is answered, every other label as wrong; a third round."""
    workspace = campaign(tmp_path_factory.mktemp("lists") / "c", review=SIZES, stopping={"max_rounds": 2})
    finished(workspace)
    filled = workspace.root / "filled.csv"
    rows = list(csv.DictReader(workspace.rounds()[-1].review.open(encoding="utf-8", newline="")))
    for number, row in enumerate(rows):
        others = [name for name in ("class-0", "class-1") if name != row["label"]]
        row["answer"] = others[0] if number % 2 or not row["label"] else row["label"]
    with filled.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert take_verdicts(workspace, filled, "eva", NOW)["taken"] == len(rows)
    settings = (workspace.root / "params.yaml").read_text()
    (workspace.root / "params.yaml").write_text(settings.replace("max_rounds: 2", "max_rounds: 3"))
    return finished(workspace)


def listed(folder: RoundFolder) -> pd.DataFrame:
    return pd.read_csv(folder.review, dtype=str, keep_default_na=False)


def test_every_round_lists_all_three_kinds_each_with_its_reason_and_no_more_than_is_wanted(
    done: Workspace,
) -> None:
    for folder in done.rounds():
        table = listed(folder)
        assert table["item"].is_unique and (table["why"] != "").all()
        queued = table[table["asked"] == ""]
        count = queued["reason"].value_counts()
        assert count["unsure"] == 5 and 1 <= count["model disagrees"] <= 4
        assert (table["reason"] == "random").sum() == 6
        labels = tables.LABELS.read(folder.labels).set_index("item")
        named = queued.set_index("item")
        unsure = labels.loc[named.index[named["reason"] == "unsure"]]
        assert ((unsure["confidence"] < 0.7) | unsure["tie"]).all()
        sure = labels.loc[named.index[named["reason"] == "model disagrees"]]
        assert (sure["confidence"] >= 0.7).all()
        said = named.loc[sure.index, "model_says"]
        assert (said != named.loc[sure.index, "label"]).all() and (sure["split"] == "train").all()


def test_what_was_reviewed_is_listed_no_more_and_the_next_round_tells_what_came_of_it(
    done: Workspace,
) -> None:
    second, third = done.rounds()[1:]
    before = listed(second)
    assert not set(before["item"]) & set(listed(third)["item"])
    metrics = files.read_json(third.metrics)
    told = metrics["overturned_by_reason"]
    for reason, row in told.items():
        if reason != "random":
            shown = before[(before["reason"] == reason) & (before["label"] != "")]
            assert row["reviewed"] == len(shown)
    assert metrics["review_error"] == told["random"]["overturned"] / told["random"]["reviewed"]
    assert metrics["review_error_low"] < metrics["review_error"] < metrics["review_error_high"]
    assert sum(metrics["to_review"].values()) == len(listed(third))
    for text in (third.report.read_text(), as_text(read_status(done))):
        assert f"{len(listed(third))} labels to review in rounds/r002/review.csv" in text
        assert "Overturned by reviewers so far: model disagrees" in text
        assert "by this unbiased estimate (95% interval" in text


def test_the_same_list_is_made_again(done: Workspace) -> None:
    """Also after more was reviewed: a round's list follows from what it had when it closed."""
    folder = done.rounds()[1]
    made = folder.review.read_bytes()
    folder.review.unlink()
    run_stage(done, "fuse", folder.id, force=True)
    assert folder.review.read_bytes() == made


def test_a_list_of_given_size_zero_trains_nothing_and_lists_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained(*_: object) -> None:
        raise AssertionError("nobody asked what a model says")

    monkeypatch.setattr("labelloop.stages.review_queue.out_of_fold", trained)
    nothing = {"list_unsure": 0, "list_disagreeing": 0, "list_random": 0}
    workspace = finished(campaign(tmp_path / "c", review=nothing, stopping={"max_rounds": 1}))
    assert not (listed(workspace.rounds()[0])["asked"] == "").any()


def test_the_whole_queue_takes_the_campaign_s_word_for_what_is_unsure(
    done: Workspace, tmp_path: Path
) -> None:
    def unsure(**how: float) -> int:
        workspace = Workspace.at(done.root)
        told = write_queue(
            workspace, tmp_path / "queue.csv", now=time_of(workspace), at_random=0, ask_model=False, **how
        )
        return int(told["rows"]["unsure"])

    params = done.root / "params.yaml"
    before, few = params.read_text(), unsure()
    params.write_text(before.replace("unsure_below: 0.7", "unsure_below: 0.9"))
    assert unsure() == unsure(unsure_below=0.9) > few == unsure(unsure_below=0.7)
    params.write_text(before)


def test_a_model_that_uses_the_pool_is_asked_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its gate would train it many times over for every fold."""
    asked: list[str] = []

    def spied(learner: object, *_: object) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        asked.append(type(learner).__name__)
        return lambda items, codes: np.full((len(items), 3), np.nan)

    monkeypatch.setattr("labelloop.stages.review_queue.out_of_fold", spied)
    finished(campaign(tmp_path / "c", model={"pool": "graph"}, stopping={"max_rounds": 1}))
    assert asked and "PoolLearner" not in asked
