"""Annotations become events: each once, whatever the server or a person does to them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelloop.adapters.tools.base import Refusal
from labelloop.adapters.tools.label_studio_answers import Note, new_notes
from labelloop.adapters.tools.label_studio_reading import (
    Context,
    Said,
    annotator_names,
    context_of,
    read_annotation,
)

NAMES = {1: "ada", 2: "ben", 3: "cy"}
KEYS = ["farm/r000/a/0", "farm/r000/a/1"]
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
CONTEXT = Context(7, NAMES, START, START + timedelta(days=2), predictions={5: "dog"})


def annotation(number: int, who: int, value: str, minute: int = 0, **changes: Any) -> dict[str, Any]:
    time = (START + timedelta(minutes=minute)).isoformat()
    result = [{"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": [value]}}]
    return {
        "id": number,
        "completed_by": who,
        "result": result,
        "was_cancelled": False,
        "created_at": time,
        "updated_at": time,
        "lead_time": 2.5,
    } | changes


def skip(number: int, who: int, minute: int = 0) -> dict[str, Any]:
    return annotation(number, who, "", minute, result=[], was_cancelled=True)


def look(known: list[Note], *contents: dict[str, Any], minute: int = 60) -> list[Note]:
    read = [read_annotation(content, CONTEXT) for content in contents]
    said = [one for one in read if isinstance(one, Said)]
    there = {content["id"] for content in contents}
    changed = START + timedelta(minutes=minute)
    return new_notes(known, said, task=7, keys=KEYS, there=there, changed_at=changed)


def events(notes: list[Note]) -> list[tuple[str, str, object, str]]:
    return [(n["action"], n["annotator"], n["value"], n["key"][-1]) for n in notes if n["action"]]


def test_people_take_copies_in_the_order_they_answer() -> None:
    """More people than copies count for the last one."""
    notes = look([], annotation(3, 3, "dog", 2), annotation(1, 2, "cat", 0), annotation(2, 1, "cat", 1))
    assert [(who, copy) for _, who, _, copy in events(notes)] == [("ben", "0"), ("ada", "1"), ("cy", "1")]


def test_looking_again_brings_nothing() -> None:
    """Polls overlap."""
    contents = [annotation(1, 1, "cat"), skip(2, 2)]
    assert look(look([], *contents), *contents) == []


def test_an_edit_is_a_further_event_that_costs_nothing() -> None:
    """The first answer stays in the record."""
    first = look([], annotation(1, 1, "cat"))
    edited = annotation(1, 1, "dog", updated_at=(START + timedelta(minutes=5)).isoformat())
    second = look(first, edited)
    assert events(second) == [("updated", "ada", "dog", "0")]
    assert (first[0]["cost"], second[0]["cost"]) == (None, 0.0)
    assert first[0]["id"] != second[0]["id"]


def test_an_answer_that_the_server_stored_twice_counts_once() -> None:
    """Also when the first of the two is changed or deleted later."""
    both = [annotation(1, 1, "cat"), annotation(2, 1, "cat")]
    notes = look([], *both)
    assert events(notes) == [("submitted", "ada", "cat", "0")]
    assert events(look(notes, both[1])) == []
    edited = annotation(1, 1, "dog", updated_at=(START + timedelta(minutes=5)).isoformat())
    assert events(look(notes, edited, both[1])) == [("updated", "ada", "dog", "0")]


def test_a_skip_leaves_its_copy_to_others() -> None:
    """Asked of two, skipped by one: two others fill both copies, however often was polled in between."""
    contents = [skip(1, 1), annotation(2, 2, "cat", 1), annotation(3, 3, "dog", 2)]
    at_once = look([], *contents)
    assert events(at_once)[1:] == [("submitted", "ben", "cat", "0"), ("submitted", "cy", "dog", "1")]
    notes: list[Note] = []
    for seen in range(1, 4):
        notes += look(notes, *contents[:seen])
    assert notes == at_once


def test_an_answer_that_becomes_unreadable_is_not_taken_back() -> None:
    """Somebody wrote nonsense into it over the API; what the annotator said stays."""
    notes = look([], annotation(1, 1, "cat"))
    broken = annotation(1, 1, "cat", result="nonsense", updated_at=(START + timedelta(minutes=5)).isoformat())
    assert look(notes, broken) == []


def test_the_prediction_an_annotator_began_with_goes_with_the_answer() -> None:
    """Whether it was kept or changed; who began with none has none."""
    row = {"id": 7, "created_at": START.isoformat(), "predictions": [
        {"id": 5, "result": annotation(0, 0, "dog")["result"]}, {"id": 6, "result": 3}, "x"]}  # fmt: skip
    context = context_of(row, NAMES, {}, START + timedelta(days=1))
    for parent, expected in ((5, "dog"), (None, None), (6, None), (99, None), (True, None), ("5", None)):
        said = read_annotation(annotation(1, 1, "cat", parent_prediction=parent), context)
        assert isinstance(said, Said)
        assert said.prelabel == expected
    notes = look([], annotation(1, 1, "cat", parent_prediction=5), skip(2, 2, 1))
    assert [note["prelabel"] for note in notes] == ["dog", None]


def test_a_vote_keeps_its_name_when_the_account_is_removed() -> None:
    """The server forgets who it was; what was noted does not."""
    context = Context(7, {}, START, START + timedelta(days=2), known={1: "ada"})
    for who in (None, 1):
        said = read_annotation(annotation(1, 1, "cat", completed_by=who), context)
        assert isinstance(said, Said)
        assert said.annotator == "ada"
    assert isinstance(read_annotation(annotation(2, 1, "cat", completed_by=None), context), Refusal)


@pytest.mark.parametrize(
    ("hours", "fine"), [(-25, False), (-1, True), (0, True), (48, True), (49, False), (9e4, False)]
)
def test_a_time_that_cannot_be_is_refused(hours: float, fine: bool) -> None:
    """The clock may have been an hour off; a day before the task, or after the server's clock, is no time."""
    time = (START + timedelta(hours=hours)).isoformat()
    for name in ("created_at", "updated_at"):
        other = {"created_at": START.isoformat(), "updated_at": START.isoformat()}
        if name == "updated_at" and hours < 0:
            continue  # the later of both counts
        read = read_annotation(annotation(1, 1, "cat") | other | {name: time}, CONTEXT)
        assert isinstance(read, Said) == fine


def test_a_deletion_is_an_event_once() -> None:
    """The vote goes; a new answer of the same person comes back to the same copy and is not paid again."""
    notes = look([], annotation(1, 1, "cat"), annotation(2, 2, "cat", 1))
    notes += look(notes, annotation(2, 2, "cat", 1))
    assert events(notes)[2:] == [("deleted", "ada", None, "0")]
    assert look(notes, annotation(2, 2, "cat", 1)) == []
    again = look(notes, annotation(2, 2, "cat", 1), annotation(9, 1, "dog", 70))
    assert events(again) == [("submitted", "ada", "dog", "0")]
    assert again[0]["cost"] == 0.0


def test_deleting_the_later_of_two_answers_brings_the_earlier_back() -> None:
    """What the server shows is what counts."""
    notes = look([], annotation(1, 1, "cat"), annotation(2, 1, "dog", 3))
    assert events(notes)[-1][:3] == ("updated", "ada", "dog")
    assert events(look(notes, annotation(1, 1, "cat"))) == [("updated", "ada", "cat", "0")]


def test_a_skip_costs_nothing_and_an_answer_after_it_does() -> None:
    """People are paid for answers."""
    notes = look([], skip(1, 1))
    assert events(notes) == [("skipped", "ada", None, "0")]
    answered = annotation(1, 1, "cat", updated_at=(START + timedelta(minutes=5)).isoformat())
    later = look(notes, answered)
    assert (notes[0]["cost"], later[0]["cost"]) == (0.0, None)


def test_notes_that_were_lost_are_made_anew_with_the_same_ids() -> None:
    """Else a lost folder would double every vote."""
    contents = [annotation(1, 1, "cat"), skip(2, 2, 1), annotation(3, 3, "dog", 2)]
    step_by_step = look([], contents[0])
    step_by_step += look(step_by_step, *contents)
    assert [n["id"] for n in step_by_step] == [n["id"] for n in look([], *contents)]


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "1"},
        {"id": True},
        {"id": 10**30},
        {"id": -1},
        {"completed_by": 10**5000},
        {"created_at": "0001-01-01T00:00:00+00:00"},
        {"updated_at": "9999-12-31T23:59:59+00:00"},
        {"completed_by": None},
        {"created_at": "yesterday"},
        {"updated_at": 12},
        {"was_cancelled": "no"},
        {"result": None},
        {"result": []},
        {"result": [{"from_name": "label", "value": {"choices": ["a", "b"]}}]},
        {"result": [{"from_name": "label", "value": {"choices": "cat"}}]},
        {"result": [{"from_name": "label", "value": {"choices": ["\ud800"]}}]},
    ],
)
def test_what_is_no_answer_is_refused_with_a_reason(changes: dict[str, Any]) -> None:
    """And never becomes a vote."""
    read = read_annotation(annotation(1, 1, "cat") | changes, CONTEXT)
    assert isinstance(read, Refusal)
    assert read.reason


@pytest.mark.parametrize("lead", [None, -1, float("nan"), float("inf"), 10**400, "2", True, [], 1e12])
def test_a_senseless_lead_time_is_left_out(lead: object) -> None:
    """An answer is not lost for it."""
    read = read_annotation(annotation(1, 1, "cat", lead_time=lead), CONTEXT)
    assert isinstance(read, Said)
    assert read.lead_seconds is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from(list(annotation(1, 1, "cat"))), JSON, max_size=4), JSON)
def test_no_payload_raises(changes: dict[str, Any], whole: object) -> None:
    """Whatever a server sends is an answer or a refusal that can be written down."""
    for content in (annotation(1, 1, "cat") | changes, whole):
        read = read_annotation(content, CONTEXT)
        if isinstance(read, Refusal):
            json.dumps([read.where, read.reason, read.content], ensure_ascii=False).encode()
        else:
            look_at = new_notes([], [read], task=7, keys=KEYS, there=[1], changed_at=START)
            json.dumps(look_at, ensure_ascii=False).encode()


def test_accounts_are_named_by_their_address() -> None:
    """What cannot be a name is left out."""
    users = [{"id": 1, "email": "ada@x"}, {"id": 2, "email": "", "username": "ben"}, {"id": 3}, 4,
             {"id": 5, "email": "a\nb"}, {"id": 6, "email": "  "}]  # fmt: skip
    assert annotator_names(users) == {1: "ada@x", 2: "ben"}
    assert annotator_names("no list") == {}
