"""Gold: asked blind, drawn at random, judged on, and never part of what is learned, tested or saved."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from gold_campaigns import rounds, write

from labelloop import datasets, files, tables
from labelloop.campaign import parse_settings
from labelloop.errors import DataError
from labelloop.export import export_labels, with_truth_of_gold
from labelloop.reviewing.review import take_verdicts
from labelloop.stages import gold_arm
from labelloop.stages.savings import control_labels
from labelloop.workspace import Workspace

Play = Callable[..., Path]


@pytest.fixture(scope="module")
def play(playing: Callable[..., Play]) -> Play:
    return playing(write)


@pytest.fixture(scope="module")
def golden(play: Play) -> Path:
    return play()


def test_gold_is_asked_at_its_share_and_its_chance_is_recorded(golden: Path) -> None:
    """A quarter of what is asked, 6 beside 18, as far as the 40 last; drawn from those not asked before."""
    left = 40
    for current, expected in zip(rounds(golden), (6, 6, 6), strict=True):
        batch = tables.BATCH.read(current.folder.batch)
        gold = batch[batch["arm"] == "gold"]
        assert len(gold) == expected
        assert gold["probability"].tolist() == [expected / left] * expected
        assert set(gold["overlap"]) == {3}
        assert batch["rank"].tolist() == list(range(len(batch)))
        left -= expected


def test_small_batches_get_gold_in_time() -> None:
    """A tenth of five a round is less than one item; over rounds it is the share all the same."""
    settings = parse_settings({"gold": {"known": 40, "share": 0.1}, "stopping": {"max_rounds": 1}})
    ids = np.array([f"i{number:03d}" for number in range(300)], dtype=object)
    prepared: Any = SimpleNamespace(pool=SimpleNamespace(ids_of=lambda rows: ids[rows]))
    asked = tables.ASKED.empty()
    counts = []
    for number in range(40):
        current: Any = SimpleNamespace(settings=settings, about={"seed": number})
        batch = pd.DataFrame(
            {"item": ids[40 + 5 * number : 45 + 5 * number], "arm": "strategy", "rank": range(5),
             "score": 0.5, "probability": 1.0, "overlap": 3}
        )  # fmt: skip
        before = frozenset(asked.loc[asked["arm"] == "gold", "item"])
        rows = np.array([row for row in range(40) if ids[row] not in before])
        gold = gold_arm.GoldArm({}, np.zeros(300, dtype=bool), before, rows)
        both, _ = gold_arm.mixed(current, batch, gold, prepared, asked)
        assert both.loc[both["arm"] != "gold", "item"].tolist() == batch["item"].tolist()
        counts.append(int((both["arm"] == "gold").sum()))
        newly = both[["item", "arm", "overlap"]].assign(round="r")
        asked = pd.concat([asked, newly], ignore_index=True) if len(asked) else newly
    assert sum(counts) == 5 * 40 // 9 and max(counts) == 1


def test_nothing_that_an_annotator_sees_tells_gold_from_the_rest(golden: Path) -> None:
    """Keys have the same form, payloads the same columns, and places are anywhere among the others."""
    places, sizes = [], []
    pool = datasets.open_prepared(golden / "data").pool
    for current in rounds(golden):
        tasks = tables.TASKS.read(current.folder.tasks)
        assert set(tasks["key"]) == {
            f"golden/{current.id}/{item}/{copy}"
            for item, copy in zip(tasks["item"], tasks["copy"], strict=True)
        }
        batch = tables.BATCH.read(current.folder.batch)
        payloads = pool.payload(pool.rows_of(batch["item"].tolist()))
        assert len({tuple(payload) for payload in payloads}) == 1
        assert "gold" not in json.dumps(payloads)
        places += np.flatnonzero(batch["arm"] == "gold").tolist()
        sizes.append(len(batch))
        before = batch[batch["arm"] != "gold"]
        assert before.index.is_monotonic_increasing
    assert min(places) < 0.3 * max(sizes) and len(set(places)) > 9


def test_gold_belongs_to_no_other_arm_and_no_model_learns_from_it(golden: Path) -> None:
    last = rounds(golden)[-1]
    gold = set(gold_arm.read_gold_csv(last.folder.gold))
    assert len(gold) == 40
    prepared = datasets.open_prepared(golden / "data")
    assert not gold & set(prepared.pool.ids[prepared.splits])
    asked = tables.ASKED.read(last.folder.asked)
    assert set(asked.loc[asked["item"].isin(gold), "arm"]) == {"gold"}
    labels = tables.LABELS.read(last.folder.labels)
    assert set(labels.loc[labels["item"].isin(gold), "split"]) == {"gold"}
    training = labels[labels["split"] == "train"]
    metrics = files.read_json(last.folder.metrics)
    assert metrics["labels"] == len(training) == (asked["arm"].isin(["strategy", "control"])).sum()
    assert not set(control_labels(last, prepared, labels)["item"]) & gold


def test_gold_keeps_its_true_label_whatever_people_say(golden: Path) -> None:
    last = rounds(golden)[-1]
    truth = gold_arm.read_gold_csv(last.folder.gold)
    fused = tables.FUSED.read(last.folder.fused)
    gold = fused[fused["gold"]]
    assert len(gold) == 18
    assert gold["label"].tolist() == [truth[item] for item in gold["item"]]
    assert (gold["agreeing"] < gold["votes"]).any()
    assert files.read_json(last.folder.fusion)["gold_items"] == 18


def test_gold_is_exported_as_gold_whether_or_not_anybody_was_asked(golden: Path, tmp_path: Path) -> None:
    """Its truth is known, and people have not made it; with --all a row tells all that it rests on."""
    last = rounds(golden)[-1]
    truth = gold_arm.read_gold_csv(last.folder.gold)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    out, told = tmp_path / "labels.csv", []
    for _ in range(2):
        told.append((export_labels(last.workspace, out, now=now, everything=True), out.read_bytes()))
    assert told[0] == told[1]
    exported = pd.read_csv(out, keep_default_na=False).set_index("item")
    gold = exported[exported["source"] == "gold"]
    assert gold["label"].to_dict() == truth
    assert (gold["votes"] > 0).sum() == 18
    assert gold["gold"].all() and not exported["gold"].drop(gold.index).any()
    labels = tables.LABELS.read(last.folder.labels).set_index("item")
    assert told[0][0]["rows"] == {"gold": 40, "people": len(labels) - 18}
    for item in labels.index[::7]:
        row, kept = exported.loc[item], labels.loc[item]
        shares = [float(row[f"posterior.class-{code}"]) for code in range(3)]
        np.testing.assert_allclose(shares, kept["posterior"])
        assert json.loads(row["dissenters"]) == list(kept["dissenters"])
        assert json.loads(row["vote_ids"]) == list(kept["vote_ids"])
        assert (row["method"], row["parameters"], row["arm"]) == (
            kept["method"],
            kept["parameters"],
            kept["arm"],
        )
    unheard = gold[gold["votes"] == 0].iloc[0]
    assert (unheard["posterior.class-0"], unheard["vote_ids"], unheard["round"]) == ("", "[]", "")


def test_a_label_of_the_data_that_is_gold_is_exported_as_gold_whatever_it_says() -> None:
    labels = tables.LABELS.empty().reindex(range(3)).assign(
        item=["a", "b", "c"], label="x", status=["given", "given", "fused"], gold=[False, False, True]
    )  # fmt: skip
    exported = with_truth_of_gold(labels, {"a": "y", "b": "x", "c": "x", "d": "y"})
    told = {row["item"]: (row["label"], row["status"]) for row in exported.to_dict("records")}
    assert told == {"a": ("y", "gold"), "b": ("x", "gold"), "c": ("x", "fused"), "d": ("y", "gold")}


def test_the_draw_depends_on_the_items_and_not_on_their_order_in_the_pool() -> None:
    settings = parse_settings({"gold": {"known": 5}, "stopping": {"max_rounds": 1}})
    ids = np.array([f"i{number}" for number in range(50)], dtype=object)
    labels = np.array([f"l{number % 2}" for number in range(50)], dtype=object)
    labels[:10] = None
    order = np.random.default_rng(0).permutation(50)
    asked = pd.DataFrame({"item": ["i20", "i21"], "arm": ["strategy", "gold"]})

    def drawn(order: np.ndarray) -> dict[str, str]:
        prepared: Any = SimpleNamespace(
            pool=SimpleNamespace(ids=ids[order]), known=labels[order], splits=np.isin(ids[order], ["i30"])
        )
        return gold_arm.gold_labels(Path(), settings, prepared, asked)

    found = drawn(np.arange(50))
    assert found == drawn(order)
    assert len(found) == 5 and not {"i20", "i30"} & set(found)
    assert all(labels[int(item[1:])] == label for item, label in found.items())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("item,label\nrow001,class-0\nnobody,class-1\n", "item 'nobody' is not in the pool"),
        ("item,label\nrow001,class-9\n", "'class-9', which is not one of the 3 classes: class-0"),
        ("item,label\nrow001,class-0\nrow001,class-1\n", "item 'row001' has more than one label"),
        ("row,class\nrow001,class-0\n", "has no column 'item'"),
        (None, "gold.csv is not there"),
    ],
)
def test_gold_that_makes_no_sense_is_refused_before_a_round_opens(
    tmp_path: Path, labelloop: Callable[..., Any], content: str | None, told: str
) -> None:
    labelloop("init", tmp_path)
    write(tmp_path, gold={"known": 0, "path": "gold.csv"})
    if content is not None:
        (tmp_path / "gold.csv").write_text(content)
    said = labelloop("run", "--plain", tmp_path)
    assert said.code == 2 and told in said.error
    assert not list((tmp_path / "rounds").glob("r*"))


def test_a_file_of_gold_may_come_later_and_takes_nothing_from_other_arms(play: Play) -> None:
    """Of what it names, items that were asked already stay what they are; the rest is gold from then on."""
    folder = play(gold={"known": 0}, stopping={"max_rounds": 1})
    assert gold_arm.read_gold_csv(rounds(folder)[0].folder.gold) == {}
    assert "gold" not in files.read_json(rounds(folder)[0].folder.selection)
    asked = tables.ASKED.read(rounds(folder)[-1].folder.asked)
    rows = pd.read_csv(folder / "rows.csv", dtype=str)
    elsewhere = asked["item"].tolist()[:10]
    fresh = rows.loc[~rows["id"].isin(asked["item"]), "id"].tolist()[:12]
    named = rows[rows["id"].isin([*elsewhere, *fresh])]
    named[["id", "label"]].set_axis(["item", "label"], axis=1).to_csv(folder / "gold.csv", index=False)
    play(folder, gold={"known": 0, "path": "gold.csv", "share": 0.4}, stopping={"max_rounds": 2})
    last = rounds(folder)[-1]
    assert set(gold_arm.read_gold_csv(last.folder.gold)) == set(fresh)
    labels = tables.LABELS.read(last.folder.labels).set_index("item")["split"]
    assert set(labels[elsewhere]) <= {"train", "test"}
    assert (tables.ASKED.read(last.folder.asked)["arm"] == "gold").sum() == 12
    notices = files.read_json(last.folder.quality)["notices"]
    assert notices == [notices[0]] and notices[0].startswith("no gold is left to ask: 12 items")


def test_gold_that_nobody_gets_to_keeps_no_campaign_going(play: Play) -> None:
    """The pool is used up when all but test set and gold is labeled."""
    folder = play(rows=100, acquisition={"batch_size": 30}, gold={"known": 40, "share": 0.05},
                  stopping={"max_rounds": 3})  # fmt: skip
    asked = tables.ASKED.read(rounds(folder)[-1].folder.asked)
    assert asked["arm"].isin(["strategy", "control"]).sum() == 100 - 30 - 40
    assert len(rounds(folder)) == 1


def test_more_known_labels_than_there_are_cannot_be_gold(play: Play, tmp_path: Path) -> None:
    settings = parse_settings({"gold": {"known": 5}, "stopping": {"max_rounds": 1}})
    prepared: Any = SimpleNamespace(
        pool=SimpleNamespace(ids=np.array(["a", "b"], dtype=object)),
        known=np.array(["x", None], dtype=object), splits=np.zeros(2, dtype=bool),
    )  # fmt: skip
    with pytest.raises(DataError, match=r"gold\.known is 5, but only 1 item of"):
        gold_arm.gold_labels(tmp_path, settings, prepared, tables.ASKED.empty())


def test_reviewers_are_shown_no_gold_and_the_share_of_wrong_labels_is_of_the_others(play: Play) -> None:
    """With gold in it, whose labels are right by definition, fewer labels would seem wrong."""
    everything = {"list_random": 1000}
    folder = play(review=everything, stopping={"max_rounds": 2})
    last = rounds(folder)[-1]
    gold = set(gold_arm.read_gold_csv(last.folder.gold))
    voted = set(tables.FUSED.read(last.folder.fused)["item"])
    listed = pd.read_csv(last.folder.review, dtype=str, keep_default_na=False)
    drawn = listed[listed["reason"] == "random"]
    assert gold & voted and set(drawn["item"]) == voted - gold
    truth = pd.read_csv(folder / "rows.csv").set_index("id")["label"]
    drawn.assign(answer=drawn["item"].map(truth)).to_csv(folder / "filled.csv", index=False)
    take_verdicts(Workspace.at(folder), folder / "filled.csv", "eva", datetime(2026, 1, 5, tzinfo=UTC))
    last = rounds(play(folder, review=everything, stopping={"max_rounds": 3}))[-1]
    fused = tables.FUSED.read(last.folder.fused)
    mine = fused[fused["item"].isin(drawn["item"])]
    wrong = mine["label"] != mine["item"].map(truth)
    metrics = files.read_json(last.folder.metrics)
    assert metrics["overturned_by_reason"]["random"]["reviewed"] == len(drawn)
    assert metrics["review_error"] == pytest.approx(wrong.mean()) and wrong.any()
