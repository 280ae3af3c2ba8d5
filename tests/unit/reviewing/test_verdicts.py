"""Verdicts are kept once, in order, and are what was taken in."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from labelloop.errors import DamagedFileError
from labelloop.reviewing import verdicts
from labelloop.reviewing.verdicts import verdict


def said(item: str, label: str, by: str = "eva", at: str = "2026-01-05T09:00:00+00:00") -> verdicts.Verdict:
    return verdict(item, label, by, at, "unsure", "cat")


def test_what_is_taken_in_twice_is_there_once(tmp_path: Path) -> None:
    """The time of the second taking is no reason to keep it again; another word is."""
    path = tmp_path / "reviews.jsonl"
    assert verdicts.append(path, [said("a", "dog"), said("b", "cat")]) == 2
    again = [said("a", "dog", at="2026-02-05T09:00:00+00:00"), said("b", "dog")]
    assert verdicts.append(path, again) == 1
    assert [one.label for one in verdicts.read(path)] == ["dog", "cat", "dog"]


def test_the_last_word_about_an_item_stands(tmp_path: Path) -> None:
    path = tmp_path / "reviews.jsonl"
    verdicts.append(path, [said("a", "dog"), said("a", "cow", by="ben")])
    assert verdicts.standing(verdicts.read(path))["a"].by == "ben"


@pytest.mark.parametrize(
    ("old", "new"),
    [('"dog"', '"cow"'), ('"eva"', '"ben"'), ('"was"', '"wax"'), ('"blind": false', '"blind": true')],
)
def test_a_verdict_that_was_edited_is_refused(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "reviews.jsonl"
    verdicts.append(path, [said("a", "dog")])
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(DamagedFileError, match="git checkout"):
        verdicts.read(path)


def test_at_a_gate_each_reviewer_has_a_word_of_their_own(tmp_path: Path) -> None:
    """The second reader's word does not make the first one's file new again."""
    path = tmp_path / "reviews.jsonl"

    def at_gate(by: str, label: str, note: str = "") -> verdicts.Verdict:
        return verdict("a", label, by, "2026-01-05T09:00:00+00:00", "unsure", "cat", "reader", note)

    assert verdicts.append(path, [at_gate("eva", "dog"), at_gate("ben", "cow")]) == 2
    assert verdicts.append(path, [at_gate("eva", "dog")]) == 0
    assert verdicts.append(path, [at_gate("eva", "dog", "blurred")]) == 1
    assert [one.note for one in verdicts.read(path)] == ["", "", "blurred"]


def test_verdicts_from_before_there_were_gates_are_read(tmp_path: Path) -> None:
    path = tmp_path / "reviews.jsonl"
    one = said("a", "dog")
    old = {name: value for name, value in asdict(one).items() if name not in ("gate", "note", "blind")}
    path.write_text(json.dumps(old) + "\n")
    assert verdicts.read(path) == [one]


def test_who_goes_back_to_the_first_word_is_heard(tmp_path: Path) -> None:
    path = tmp_path / "reviews.jsonl"
    for label in ("dog", "cow", "dog"):
        assert verdicts.append(path, [said("a", label)]) == 1
    assert verdicts.standing(verdicts.read(path))["a"].label == "dog"
