"""Review gates through whole rounds: what waits is not vouched for, and passes with the words it needs."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from second_look_campaigns import campaign, finished, relabeled

from labelloop import files, tables
from labelloop.errors import DataError
from labelloop.export import export_labels
from labelloop.reviewing import verdicts
from labelloop.reviewing.review import take_verdicts, write_gate_queue, write_queue
from labelloop.stages.runner import run_stage
from labelloop.workspace import Workspace

GATES = [
    {"name": "reader", "when": ["unsure", "random"], "share": 0.4, "by": ["eva"]},
    {"name": "lead", "when": ["overturned"], "by": ["max"]},
]
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


def settings(rounds: int, **review: Any) -> dict[str, Any]:
    return {"review": {"gates": GATES, "unsure_below": 0.7} | review, "stopping": {"max_rounds": rounds}}


def answered(queue: Path, answers: dict[str, str]) -> Path:
    """The queue with these answers by item; the rest stays open."""
    rows = list(csv.DictReader(queue.open(encoding="utf-8", newline="")))
    for row in rows:
        row["answer"] = answers.get(row["item"], "")
    with queue.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return queue


def exported(workspace: Workspace, **options: Any) -> tuple[pd.DataFrame, dict[str, Any]]:
    out = workspace.root / "labels.csv"
    told = export_labels(workspace, out, now=NOW, **options)
    return pd.read_csv(out, dtype={"item": str}).set_index("item"), told


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A round; eva overturns one label and confirms the others but one; another round."""
    workspace = campaign(tmp_path_factory.mktemp("gates") / "c", **settings(1))
    finished(workspace)
    queue = workspace.root / "reader.csv"
    told = write_gate_queue(workspace, queue, "reader")
    table = pd.read_csv(queue, dtype=str)
    assert sum(told["rows"].values()) == len(table) > 5
    assert list(table.columns) == ["item", "gate", "text", "answer", "note", "queue"]
    labels = tables.LABELS.read(next(iter(workspace.rounds())).labels).set_index("item")["label"]
    answers = {item: str(labels[item]) for item in table["item"]}
    turned, left = table["item"].iloc[0], table["item"].iloc[1]
    answers[turned] = next(name for name in ("class-0", "class-1") if name != answers[turned])
    del answers[left]
    (workspace.root / "turned.txt").write_text(f"{turned} {left}")
    told = take_verdicts(workspace, answered(queue, answers), "eva", NOW)
    assert told["taken"] == len(table) - 1 and told["blank"] == 1
    assert [one["waiting"] for one in told["gates"]] == [1, 1] and told["overturned"] == 1
    assert all(one.blind and one.was == labels[one.item] for one in verdicts.read(workspace.reviews))
    params = yaml.safe_load(workspace.params.read_text()) | settings(2)
    workspace.params.write_text(yaml.safe_dump(params))
    return finished(Workspace.at(workspace.root))


def test_the_first_round_holds_what_gates_stop_and_nothing_else(done: Workspace) -> None:
    first = next(iter(done.rounds()))
    labels = tables.LABELS.read(first.labels)
    waiting = labels[labels["status"] == "in review"]
    assert len(waiting) and set(labels.loc[labels["confidence"] < 0.7, "item"]) <= set(waiting["item"])
    assert (waiting["confidence"] >= 0.7).any()  # the random share
    assert files.read_json(first.metrics)["in_review"] == len(waiting)
    assert f"{len(waiting)} labels wait at a review gate" in first.report.read_text()
    assert (waiting["split"] == "train").all()


def test_the_next_round_lets_pass_what_was_confirmed_and_keeps_what_was_overturned(done: Workspace) -> None:
    turned, left = (done.root / "turned.txt").read_text().split()
    before, after = (tables.LABELS.read(folder.labels).set_index("item") for folder in done.rounds())
    confirmed = set(before.index[before["status"] == "in review"]) - {turned, left}
    assert (after.loc[sorted(confirmed), "status"] == "reviewed").all()
    assert (
        after.at[turned, "status"] == "in review" and after.at[turned, "label"] != before.at[turned, "label"]
    )
    report = list(done.rounds())[-1].report.read_text()
    assert "| lead | 1 | 0 |" in report and "| reader |" in report


def test_what_was_reviewed_since_the_last_round_gets_no_second_look(done: Workspace) -> None:
    """The verdicts came after the first round had closed; unsure labels without one are still looked at."""
    first, second = done.rounds()
    looked = set(relabeled(second)["item"])
    reviewed = {one["item"] for one in files.read_json(second.verdicts)}
    unsure = tables.LABELS.read(first.labels).query("confidence < 0.7")["item"]
    assert looked and reviewed & set(unsure) and not looked & reviewed
    assert files.read_json(first.verdicts) == []


def test_what_waits_is_exported_only_by_request(done: Workspace) -> None:
    turned, _ = (done.root / "turned.txt").read_text().split()
    table, told = exported(done)
    assert turned not in table.index and told["waiting"] > 0
    everything, more = exported(done, in_review=True)
    assert everything.at[turned, "source"] == "in review" and more["waiting"] == 0
    assert len(everything) == len(table) + told["waiting"]
    reviewed = table["source"] == "reviewed"
    assert reviewed.any() and set(table.loc[reviewed, "reviewer"]) == {"eva"}
    assert everything.at[turned, "reviewer"] == "eva"
    assert table.loc[~reviewed, "reviewer"].isna().all()
    assert told["unlabeled"] == more["unlabeled"]


def test_the_lead_sees_what_was_said_and_passes_the_label_at_once(done: Workspace) -> None:
    turned, _ = (done.root / "turned.txt").read_text().split()
    queue = done.root / "lead.csv"
    write_gate_queue(done, queue, "lead", blind=False)
    row = pd.read_csv(queue, dtype=str).set_index("item").loc[turned]
    assert row["said"] == f"eva: {row['label']}" and row["reason"] == "overturned"
    with pytest.raises(DataError, match="line 2: eva is not among the reviewers of the gate 'lead': max"):
        take_verdicts(done, answered(queue, {turned: row["label"]}), "eva", NOW)
    told = take_verdicts(done, queue, "max", NOW)
    assert told["overturned"] == 1  # the lead agrees with eva, who has overturned the votes' label
    table, _ = exported(done)
    assert table.at[turned, "source"] == "reviewed" and table.at[turned, "label"] == row["label"]
    assert table.at[turned, "reviewer"] == "eva, max"


def test_an_open_queue_hides_what_the_gate_drew_and_lists_it_last(tmp_path: Path) -> None:
    """What is read at random tells how many labels are wrong, as far as nothing leads the reader to agree."""
    workspace = finished(campaign(tmp_path / "open", **settings(1)))
    told = write_gate_queue(workspace, tmp_path / "open.csv", "reader", blind=False)
    table = pd.read_csv(tmp_path / "open.csv", dtype=str, keep_default_na=False)
    shown = table["label"] != ""
    assert set(table.loc[shown, "reason"]) == {"unsure"} and told["rows"]["unsure"] == shown.sum() > 0
    assert not shown.all() and shown.is_monotonic_decreasing
    assert table.loc[shown, "confidence"].is_monotonic_increasing
    hidden = table[~shown]
    assert (hidden[["reason", "confidence", "votes", "said"]] == "").all(axis=None)
    taken = answered(tmp_path / "open.csv", dict.fromkeys(table["item"], "class-0"))
    take_verdicts(workspace, taken, "eva", NOW)
    blind = {one.item for one in verdicts.read(workspace.reviews) if one.blind}
    assert blind == set(hidden["item"])


def test_a_round_that_is_made_again_counts_the_verdicts_it_had(done: Workspace) -> None:
    for folder in done.rounds():
        before = folder.labels.read_bytes()
        run_stage(done, "snapshot", folder.path.name, force=True)
        assert folder.labels.read_bytes() == before


def test_the_whole_queue_and_the_round_s_list_are_taken_in_without_naming_a_gate(tmp_path: Path) -> None:
    """A drawn label that no gate stops stays in the export; one that waits for a second reader is told."""
    gates = [{"name": "pair", "when": ["unsure"], "reviewers": 2}]
    workspace = finished(campaign(tmp_path / "pair", **settings(1, gates=gates)))
    queue = tmp_path / "queue.csv"
    options: dict[str, Any] = {"now": NOW, "at_random": 400, "ask_model": False}
    write_queue(workspace, queue, **options)
    items = pd.read_csv(queue, dtype=str)["item"]
    told = take_verdicts(workspace, answered(queue, dict.fromkeys(items, "class-0")), "eva", NOW)
    assert told["taken"] == len(items) and told["undone"] == 0
    assert take_verdicts(workspace, queue, "eva", NOW)["taken"] == 0
    listed = answered(next(iter(workspace.rounds())).review, dict.fromkeys(items, "class-1"))
    assert take_verdicts(workspace, listed, "tom", NOW)["taken"] > 0
    assert {one.gate for one in verdicts.read(workspace.reviews)} == {"pair"}
    workspace.reviews.unlink()
    take_verdicts(workspace, queue, "eva", NOW)
    labels = tables.FUSED.read(next(iter(workspace.rounds())).fused).set_index("item")
    sure = labels.index[(labels["confidence"] >= 0.7) & ~labels["tie"]]
    table, _ = exported(workspace)
    assert len(sure) and (table.loc[sure, "source"] == "reviewed").all()
    told = write_queue(workspace, queue, **options)
    assert told["rows"] == {} and told["at_gates"] == {"pair": len(labels) - len(sure)}


def test_what_waits_is_not_trained_on_where_it_is_to_be_held(tmp_path: Path) -> None:
    workspace = finished(campaign(tmp_path / "held", **settings(1, hold_from_training=True)))
    folder = next(iter(workspace.rounds()))
    labels = tables.LABELS.read(folder.labels)
    waiting = labels["status"] == "in review"
    assert (labels.loc[waiting, "split"] == "held").all() and (labels.loc[~waiting, "split"] == "train").all()
    assert files.read_json(folder.metrics)["labels"] == len(labels)


def test_a_gate_that_stops_everything_stops_no_round(tmp_path: Path) -> None:
    """Nothing could be reviewed before a round has closed, so the first is trained on what waits."""
    gates = [{"name": "reader", "when": ["all"]}]
    workspace = finished(campaign(tmp_path / "all", **settings(1, gates=gates, hold_from_training=True)))
    folder = next(iter(workspace.rounds()))
    labels = tables.LABELS.read(folder.labels)
    assert (labels["status"] == "in review").all() and (labels["split"] == "train").all()
    assert "trained on all the same" in folder.report.read_text()


def test_second_looks_may_settle_what_waits(tmp_path: Path) -> None:
    """An unsure label is still asked about, and passes once further people have made it sure."""
    workspace = finished(campaign(tmp_path / "looks", **settings(3)))
    tables_of = [tables.LABELS.read(folder.labels).set_index("item") for folder in workspace.rounds()]
    looked = {item for folder in workspace.rounds() for item in relabeled(folder)["item"]}
    then, now = tables_of[0], tables_of[-1]
    held = [item for item in looked & set(then.index) if then.at[item, "status"] == "in review"]
    assert held and any(now.at[item, "status"] == "fused" for item in held)
