"""How campaigns end: pool, budgets, target; and rounds that close before everybody has answered."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

Clouds = Callable[..., Path]
Command = Callable[..., Any]


SLOW = {"simulation": {"annotators": [{"name": "ada", "seconds_per_item": 120}]}}
"""Half a working hour a round."""


def finished(folder: Path, labelloop: Command) -> pd.DataFrame:
    """Run to the end; the learning curve."""
    ended = labelloop("run", "--plain", folder)
    assert ended.code == 0, ended.error
    return pd.read_csv(folder / "reports" / "learning_curve.csv")


def stopped(folder: Path) -> dict[str, str]:
    return dict(yaml.safe_load((folder / "rounds.yaml").read_text())["stopped"])


def read(folder: Path, round_id: str, name: str) -> pd.DataFrame:
    return pq.read_table(folder / "rounds" / round_id / f"{name}.parquet").to_pandas()


def test_a_campaign_ends_when_the_pool_is_used_up(clouds: Clouds, labelloop: Command) -> None:
    """The last batch is what is left, every item is asked once, and that is the reason given."""
    folder = clouds(rows=45, stopping={"max_rounds": None}, budget={"labels": 1000})
    curve = finished(folder, labelloop)
    assert curve["labels"].tolist() == [10, 20, 25]
    assert stopped(folder)["rule"] == "pool_exhausted"
    assert read(folder, "r002", "asked")["item"].is_unique


def test_a_budget_of_labels_cuts_the_last_batch(clouds: Clouds, labelloop: Command) -> None:
    """Exactly as many items are labeled as were paid for."""
    folder = clouds(stopping={"max_rounds": None}, budget={"labels": 24})
    assert finished(folder, labelloop)["labels"].tolist() == [10, 20, 24]
    assert stopped(folder)["rule"] == "budget_labels"


def test_a_budget_of_money_is_never_overdrawn(clouds: Clouds, labelloop: Command) -> None:
    """The test set is paid from it too, and the last batch is what the rest affords."""
    crew = [{"name": "ada", "accuracy": 1.0}]
    folder = clouds(
        stopping={"max_rounds": None},
        budget={"money": 3.75},
        annotation={"cost_per_vote": 0.1, "simulation": {"annotators": crew}},
    )
    curve = finished(folder, labelloop)
    assert curve["cost"].tolist() == pytest.approx([3.0, 3.7])
    assert stopped(folder)["rule"] == "budget" and "budget" in stopped(folder)["reason"]


def test_a_budget_of_hours_ends_it(clouds: Clouds, labelloop: Command) -> None:
    """No round is opened once the hours from the first push to the last answer are used up."""
    folder = clouds(stopping={"max_rounds": None}, budget={"hours": 1.5}, annotation=SLOW)
    hours = finished(folder, labelloop)["hours"].tolist()
    assert stopped(folder)["rule"] == "budget_hours"
    assert hours[-1] >= 1.5 and all(earlier < 1.5 for earlier in hours[:-1])


def test_a_target_must_be_held_for_as_long_as_patience_says(clouds: Clouds, labelloop: Command) -> None:
    """It ends at the first round that completes enough rounds in a row at the target."""
    folder = clouds(stopping={"max_rounds": 4, "target_accuracy": 0.3, "patience": 2})
    accuracy = finished(folder, labelloop)["accuracy"].tolist()
    assert stopped(folder)["rule"] == "target_accuracy"
    assert len(accuracy) >= 2 and min(accuracy[-2:]) >= 0.3
    assert all(min(pair) < 0.3 for pair in itertools.pairwise(accuracy[:-1]))


def test_a_stopped_campaign_goes_on_with_other_settings(clouds: Clouds, labelloop: Command) -> None:
    """Closed rounds stay as they are, the new limit is reached, and the reason is the new one."""
    folder = clouds(stopping={"max_rounds": 1})
    finished(folder, labelloop)
    before = {path.name: path.read_bytes() for path in (folder / "rounds" / "r000").glob("*.*")}
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["stopping"]["max_rounds"] = 2
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    assert len(finished(folder, labelloop)) == 2
    assert {path.name: path.read_bytes() for path in (folder / "rounds" / "r000").glob("*.*")} == before


def test_answers_after_the_deadline_count_in_the_next_snapshot(clouds: Clouds, labelloop: Command) -> None:
    """A round closes at deadline and quorum; who comes later is lost to that round, not to the campaign."""
    people = [{"name": "ada", "seconds_per_item": 30}, {"name": "ben", "seconds_per_item": 600}]
    folder = clouds(
        annotation={"overlap": 2, "test_overlap": 2, "deadline_hours": 0.5, "quorum": 0.5,
                    "simulation": {"annotators": people, "poll_hours": 0.25}},
    )  # fmt: skip
    finished(folder, labelloop)
    closed = json.loads((folder / "rounds" / "r000" / "closed.json").read_text())
    assert closed["answered"] < closed["asked"] == 60
    assert "deadline" in closed["reason"]
    end = pd.Timestamp(datetime.fromisoformat(closed["at"]))
    first, second = read(folder, "r000", "votes"), read(folder, "r001", "votes")
    late = second[second["round"] == "r000"]
    assert (first["answered_at"] <= end).all()
    assert len(late) and (late["answered_at"] > end).all()
    votes = [read(folder, name, "labels").set_index("item")["votes"] for name in ("r000", "r001")]
    grown = votes[1].loc[votes[0].index] - votes[0]
    assert grown.sum() > 0 and (grown >= 0).all()


def test_known_labels_are_trained_on_from_the_start(clouds: Clouds, labelloop: Command) -> None:
    """Where they cover every class, r000 asks only about the test set, and its model is trained on them."""
    folder = clouds(
        known=20, dataset={"known_labels": "seed"}, annotation={"tool": "files"}, evaluation={"test_size": 20}
    )
    ended = labelloop("run", "--plain", folder)
    assert ended.code == 0, ended.error
    batch = read(folder, "r000", "batch")
    assert set(batch["arm"]) <= {"test"}
    _answer(folder, "r000")
    assert "r001 waits" in labelloop("advance", "--plain", folder).out
    labels = read(folder, "r000", "labels")
    given = labels[labels["status"] == "given"]
    train = labels[labels["split"] == "train"]
    assert len(given) and set(train["status"]) == {"given"}
    assert json.loads((folder / "rounds" / "r000" / "metrics.json").read_text())["accuracy"] > 0.4
    assert json.loads((folder / "rounds" / "r001" / "scores" / "scores.json").read_text())["trained"] is True
    assert set(read(folder, "r001", "batch")["item"]).isdisjoint(labels["item"])


def test_known_labels_with_a_given_test_set_ask_nobody_in_r000(clouds: Clouds, labelloop: Command) -> None:
    """Nothing is to be asked, so nobody is waited for: the first round that people see is r001."""
    folder = clouds(
        rows=90,
        dataset={"known_labels": "seed", "split_column": "split"},
        annotation={"tool": "files"},
    )
    rows = (folder / "rows.csv").read_text().splitlines()
    hidden = [line if n % 2 or line.endswith("test") else _without_label(line) for n, line in enumerate(rows)]
    (folder / "rows.csv").write_text("\n".join([rows[0], *hidden[1:]]) + "\n")
    ended = labelloop("run", "--plain", folder)
    assert ended.code == 0, ended.error
    assert len(read(folder, "r000", "tasks")) == 0
    assert (
        json.loads((folder / "rounds" / "r000" / "closed.json").read_text())["reason"] == "nothing was asked"
    )
    assert len(read(folder, "r001", "tasks")) == 10


def test_a_test_set_in_a_file_of_its_own_judges_and_is_never_asked(
    clouds: Clouds, labelloop: Command
) -> None:
    """dataset.test_path: its items are in no batch and no snapshot, and the accuracy is over all of them."""
    folder = clouds(rows=90, stopping={"max_rounds": 2})
    rows = (folder / "rows.csv").read_text().splitlines()
    (folder / "rows.csv").write_text("\n".join(rows[:61]) + "\n")
    (folder / "held_out.csv").write_text("\n".join([rows[0], *rows[61:]]) + "\n")
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["dataset"]["test_path"] = "held_out.csv"
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    curve = finished(folder, labelloop)
    assert curve["test_items"].tolist() == [30, 30]
    assert set(read(folder, "r001", "labels")["split"]) == {"train"}
    assert not read(folder, "r001", "asked")["item"].str.startswith("held_out").any()


def test_a_sampled_test_set_is_asked_in_r000_only_and_never_trained_on(
    clouds: Clouds, labelloop: Command
) -> None:
    """Its items come with their own overlap, once, and stay out of training."""
    folder = clouds(annotation={"overlap": 1, "test_overlap": 3}, stopping={"max_rounds": 2})
    finished(folder, labelloop)
    first, second = read(folder, "r000", "batch"), read(folder, "r001", "batch")
    assert (first["arm"] == "test").sum() == 20 and set(first.loc[first["arm"] == "test", "overlap"]) == {3}
    assert "test" not in set(second["arm"])
    labels = read(folder, "r001", "labels").set_index("item")
    tested = first.loc[first["arm"] == "test", "item"]
    assert set(labels.loc[tested, "split"]) == {"test"}
    assert (labels["split"] == "train").sum() == 20


def _answer(folder: Path, round_id: str) -> None:
    """Fill in a round as a person who knows: the row's number says its cloud."""
    lines = (folder / "labeling" / round_id / "tasks.jsonl").read_text().splitlines()
    items = dict.fromkeys(json.loads(line)["item"] for line in lines)
    rows = [f"{item},cloud {int(item.rpartition('-')[2]) % 3}" for item in items]
    (folder / "labeling" / round_id / "answers-me.csv").write_text("\n".join(["item,label", *rows]) + "\n")


def _without_label(line: str) -> str:
    cells = line.split(",")
    cells[4] = ""
    return ",".join(cells)
