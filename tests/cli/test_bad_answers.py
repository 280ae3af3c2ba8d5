"""Answers that people handed in wrongly: kept out with a reason, shown by `status`, and never lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import weather


@pytest.fixture
def asked(campaign: Path, labelloop: Callable[..., Any]) -> list[str]:
    """Items of the first round, which waits for ada and ben to fill in their files."""
    weather.write_params(campaign, annotation={"tool": "files", "annotators": ["ada", "ben"]})
    ended = labelloop("run", "--plain", campaign)
    assert "r000 waits for people: 0 of 14 answers are in" in ended.out
    return [task["item"] for task in _lines(campaign / "labeling" / "r000" / "tasks.jsonl")]


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    ("person", "item", "label", "says"),
    [
        ("ada", "t999", "sun", ("answers-ada.csv, row 2", "'t999'", "not asked about")),
        ("ada", None, "sunn", ("'sunn'", "sun")),
        ("mallory", None, "sun", ("'mallory'", "annotation.annotators")),
    ],
    ids=["unknown item", "unknown label", "unknown annotator"],
)
def test_a_wrong_answer_is_quarantined_with_its_reason(
    person: str, item: str | None, label: str, says: tuple[str, ...], campaign: Path, asked: list[str],
    labelloop: Callable[..., Any],
) -> None:  # fmt: skip
    """The wrong row is refused and told, the right one beside it counts, and the campaign goes on waiting."""
    weather.hand_in(campaign, "r000", person, [(item or asked[0], label)])
    weather.hand_in(campaign, "r000", "ben", [(asked[1], "rain")])
    assert "1 of 14" in labelloop("advance", "--plain", campaign).out
    (refused,) = _lines(campaign / "rounds" / "r000" / "quarantine.jsonl")
    assert [phrase for phrase in says if phrase not in f"{refused['id']} {refused['reason']}"] == []
    status = labelloop("status", campaign)
    assert status.code == 0
    assert "1 of 14 answers are in" in status.out
    assert "1 answer was refused" in status.out
    assert "rounds/r000/quarantine.jsonl" in status.out
    votes = pq.read_table(campaign / "rounds" / "r000" / "votes.parquet").to_pylist()
    assert [(vote["item"], vote["annotator"], vote["value"]) for vote in votes] == [(asked[1], "ben", "rain")]


def test_a_file_that_is_no_table_is_quarantined(
    campaign: Path, asked: list[str], labelloop: Callable[..., Any]
) -> None:
    """A file without the columns that are needed is named, with what its first line is."""
    (campaign / "labeling" / "r000" / "answers-ada.csv").write_text("colour\nred\n")
    assert labelloop("advance", "--plain", campaign).code == 0
    (refused,) = _lines(campaign / "rounds" / "r000" / "quarantine.jsonl")
    assert refused["id"].endswith("answers-ada.csv")
    assert "'label'" in refused["reason"] and "'colour'" in refused["reason"]


def test_a_wrong_answer_may_be_put_right(
    campaign: Path, asked: list[str], labelloop: Callable[..., Any]
) -> None:
    """After the file was corrected every answer counts, and the campaign runs to its end."""
    weather.hand_in(campaign, "r000", "ada", [(item, "fog") for item in asked])
    assert "0 of 14" in labelloop("advance", "--plain", campaign).out
    weather.answer(campaign, "r000")
    assert "r001 waits" in labelloop("advance", "--plain", campaign).out
    weather.answer(campaign, "r001")
    assert labelloop("advance", "--plain", campaign).out.startswith("stopped (max_rounds)")


FUSE: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "missing column": ("Task,annotator,label\n1,a,x\n", (), ("no column 'item'", "--item-column 'Task'")),
    "empty label": ("item,annotator,label\n1,a,x\n2,a,\n", (), ("row 2", "'label' is empty")),
    "no votes": ("item,annotator,label\n", (), ("no votes",)),
    "empty file": ("", (), ("is empty",)),
    "one column": ("item;annotator;label\n1;a;x\n", (), ("one column only", "commas")),
    "robust votes": (
        "item,annotator,label\n1,a,x\n",
        ("--robust", "--method", "dawid_skene"),
        ("--ratings",),
    ),
    "a method of ratings": (
        "item,annotator,label\n1,a,1\n",
        ("--ratings", "--method", "majority"),
        ("--method", "--ratings"),
    ),
    "classes twice": (
        "item,annotator,label\n1,a,x\n",
        ("--classes", "x,y", "--order", "x,y"),
        ("--classes and --order",),
    ),
    "a class twice": ("item,annotator,label\n1,a,x\n", ("--order", "x,x"), ("must name each once",)),
    "no key": ("item,annotator,label\n1,a,x\n", ("--option", "temperature"), ("write it as key=value",)),
    "unknown option": (
        "item,annotator,label\n1,a,x\n",
        ("--option", "temperatur=2"),
        ("did you mean 'temperature'",),
    ),
    "option of a wrong kind": ("item,annotator,label\n1,a,x\n", ("--option", "temperature=hot"), ("'hot'",)),
    "unknown method": ("item,annotator,label\n1,a,x\n", ("--method", "majorty"), ("'majorty'", "majority")),
    "no such gold": ("item,annotator,label\n1,a,x\n", ("--gold", "gold.csv"), ("gold.csv is not there",)),
}


@pytest.mark.parametrize("name", FUSE)
def test_fuse_refuses_bad_votes_and_writes_nothing(
    name: str, tmp_path: Path, labelloop: Callable[..., Any]
) -> None:
    """Exit code 2, a message that names file, row or column, and no output file."""
    text, options, says = FUSE[name]
    (tmp_path / "votes.csv").write_text(text)
    out = tmp_path / "labels.csv"
    ended = labelloop("fuse", tmp_path / "votes.csv", "--out", out, *options, cwd=tmp_path)
    assert ended.code == 2
    assert [phrase for phrase in says if phrase not in ended.error] == [], ended.error
    assert not out.exists()


@pytest.mark.parametrize(
    ("votes", "out", "says"),
    [("votes.xlsx", "labels.csv", "format"), ("votes.csv", "labels.txt", ".csv, .csv.gz or .parquet"),
     ("none.csv", "labels.csv", "none.csv is not there")],
)  # fmt: skip
def test_fuse_refuses_files_that_it_cannot_read_or_write(
    votes: str, out: str, says: str, tmp_path: Path, labelloop: Callable[..., Any]
) -> None:
    """A format that is not known, or a file that is not there, is named."""
    if votes != "none.csv":
        (tmp_path / votes).write_text("item,annotator,label\n1,a,x\n")
    ended = labelloop("fuse", tmp_path / votes, "--out", tmp_path / out)
    assert ended.code == 2
    assert says in ended.error
    assert not (tmp_path / out).exists()
