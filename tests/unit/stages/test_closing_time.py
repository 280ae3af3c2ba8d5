"""When a round closes depends on when people answered, and on nothing else."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelloop.asking import Asking, Closing, Event, closing_time, hint_of, state_of
from labelloop.campaign import Annotation
from labelloop.settings.simulation import SimulatedAnnotator, Simulation

PUSHED = datetime(2026, 1, 5, 9, tzinfo=UTC)
ITEMS = {"one": 1, "two": 2, "three": 2}
PEOPLE = ("ada", "ben", "cy", "dee")


def people(deadline: float | None = None, quorum: float = 1.0, skips: int = 2) -> Annotation:
    return Annotation(tool="files", deadline_hours=deadline, quorum=quorum, skips_to_review=skips)


def event(item: str, annotator: str, hour: float, action: str = "submitted", number: int = 0) -> Event:
    at = PUSHED + timedelta(hours=hour)
    return Event(at, f"{item}:{annotator}:{hour}:{number}", item, annotator, action)


def skip(item: str, annotator: str, hour: float) -> Event:
    return event(item, annotator, hour, "skipped")


def closing(events: list[Event], annotation: Annotation) -> Closing | None:
    return closing_time(events, ITEMS, PUSHED, annotation)


def hours(found: Closing | None) -> float | None:
    return None if found is None else (found.at - PUSHED) / timedelta(hours=1)


ALL = [
    event("one", "ada", 1),
    event("two", "ada", 2),
    event("two", "ben", 3),
    event("three", "ada", 4),
    event("three", "cy", 5),
]


@pytest.mark.parametrize(
    ("events", "annotation", "at", "answered"),
    [
        (ALL, people(), 5, 5),
        (ALL[:4], people(), None, None),
        ([], people(deadline=2, quorum=0.2), None, None),
        (ALL, people(deadline=2), 5, 5),
        (ALL, people(deadline=3.5, quorum=0.4), 3.5, 3),
        (ALL, people(deadline=1, quorum=0.8), 4, 4),
        (ALL, people(deadline=9, quorum=0.8), 5, 5),
        (ALL[:2], people(deadline=1, quorum=0.8), None, None),
        (ALL[:3], people(deadline=9, quorum=0.6), 9, 3),
        ([ALL[0], event("one", "ada", 2, "updated"), ALL[1], event("two", "ada", 9, "updated")],
         people(deadline=1, quorum=0.4), 2, 2),
        ([ALL[0], event("other", "ada", 1), ALL[1]], people(deadline=1, quorum=0.6), None, None),
        ([*ALL[:4], event("one", "ben", 5)], people(), None, None),
        ([*ALL[:4], event("three", "ada", 6, "updated")], people(), None, None),
        ([*ALL[:4], event("one", "ada", 4.5, "deleted"), ALL[4]], people(), None, None),
        ([*ALL[:4], event("one", "ada", 4.5, "deleted"), ALL[4], event("one", "ben", 7)], people(), 7, 5),
    ],
    ids=["all answered", "one is missing", "nobody", "a quorum of all", "deadline after the quorum",
         "quorum after the deadline", "all before the deadline", "too few", "some before the deadline",
         "a person counts once, from the first answer", "other rounds do not count",
         "one person too many for an item is none for another", "nobody counts for two copies",
         "a deleted answer is waited for again", "until somebody gives it"],
)  # fmt: skip
def test_a_round_closes_at_its_deadline_and_quorum_or_when_all_have_answered(
    events: list[Event], annotation: Annotation, at: float | None, answered: int | None
) -> None:
    """The earliest moment that the answers' own times allow."""
    found = closing(events, annotation)
    assert hours(found) == at
    assert (None if found is None else found.answered) == answered


@pytest.mark.parametrize(
    ("events", "at", "answered", "given_up"),
    [
        ([*ALL[:4], skip("three", "ben", 5)], None, None, ["three"]),
        ([*ALL[:4], skip("three", "ben", 5), ALL[4]], 5, 5, []),
        ([*ALL[:4], skip("three", "ben", 5), skip("three", "cy", 6)], 6, 4, ["three"]),
        ([*ALL[:4], skip("three", "ben", 5), skip("three", "ben", 6)], None, None, []),
        ([*ALL[:4], skip("three", "ben", 5), skip("three", "ada", 6)], 6, 3, ["three"]),
        ([*ALL[1:], skip("one", "ada", 6), skip("one", "ben", 7)], 7, 4, ["one"]),
        ([*ALL[1:], skip("one", "ada", 1), skip("one", "ben", 2)], 5, 4, ["one"]),
        ([*ALL[1:], skip("one", "ada", 6), event("one", "ada", 8, "updated")], 8, 5, []),
    ],
    ids=["one skip asks others", "another's answer fills the copy", "the last skip gives it up",
         "one person's two skips are one", "who takes an answer back has skipped",
         "nobody answered it", "given up while others are waited for", "a skip that becomes an answer"],
)  # fmt: skip
def test_a_skip_asks_others_until_enough_have_skipped(
    events: list[Event], at: float | None, answered: int | None, given_up: list[str]
) -> None:
    """The round goes on without the item from the last skip that is needed."""
    found = closing(events, people())
    assert hours(found) == at
    if found is not None:
        assert found.answered == answered
        assert ("given up" in found.reason) == bool(given_up)
        assert state_of(events, ITEMS, people()).given_up() == given_up


def test_who_is_known_to_be_the_last_gives_an_item_up() -> None:
    """Where fewer people exist than must skip it, nobody is waited for who cannot come."""
    three = ["ada", "ben", "cy"]
    named = Annotation(tool="files", annotators=three, skips_to_review=3, overlap=3, test_overlap=3)
    crew = [SimulatedAnnotator(name=name) for name in three]
    simulated = Annotation(simulation=Simulation(annotators=crew), skips_to_review=3, test_overlap=3)
    events = [event("x", "ada", 1), event("x", "ben", 2), skip("x", "cy", 3)]
    for annotation in (named, simulated):
        found = closing_time(events, {"x": 3}, PUSHED, annotation)
        assert (hours(found), found and found.answered) == (3, 2)
        assert closing_time(events[1:], {"x": 3}, PUSHED, annotation) is None
    anybody = Annotation(tool="files", skips_to_review=3)
    assert closing_time(events, {"x": 3}, PUSHED, anybody) is None


def test_what_the_tool_lost_is_not_waited_for() -> None:
    """From the moment that was noticed; what was answered before stays."""
    noticed = PUSHED + timedelta(hours=6)
    found = closing_time(ALL[:4], ITEMS, PUSHED, people(), {"three": noticed})
    assert found == Closing(noticed, "all answered, but for 1 item given up (review.csv)", 4)
    assert closing_time(ALL[:3], ITEMS, PUSHED, people(), {"one": noticed}) is None


def test_the_hint_says_who_skipped_and_what_is_needed() -> None:
    events = [*ALL[:4], skip("three", "ben", 5)]
    hint = hint_of(state_of(events, ITEMS, people()))
    assert hint.startswith("1 item was skipped by ben and waits for somebody else")
    assert "annotation.skips_to_review: 2" in hint
    assert hint_of(state_of(ALL, ITEMS, people())) == ""
    assert "deleted in the tool (three first)" in hint_of(state_of(events, ITEMS, people(), ["three"]))


def test_a_round_that_asked_nothing_closes_at_once() -> None:
    """When it was pushed."""
    assert closing_time([], {}, PUSHED, people()) == Closing(PUSHED, "nothing was asked", 0)


def test_the_reason_names_deadline_and_quorum() -> None:
    """And how many answers there were by then."""
    found = closing(ALL, people(deadline=3.5, quorum=0.4))
    assert found is not None
    assert found.reason == "deadline of 3.5 h over with 3 of 5 answers (quorum 40%)"


@st.composite
def _events(draw: Any) -> list[Event]:
    quarters = st.integers(0, 40).map(lambda n: n / 4)
    actions = st.sampled_from(["submitted", "submitted", "submitted", "updated", "skipped", "deleted"])
    one = st.tuples(st.sampled_from([*ITEMS, "other"]), st.sampled_from(PEOPLE), quarters, actions)
    rows = draw(st.lists(one, max_size=30))
    return [event(*row, number=number) for number, row in enumerate(rows)]


ANNOTATION = st.builds(
    people,
    st.sampled_from([0.5, 2.0, 5.0]) | st.none(),
    st.just(1.0),
    st.integers(1, 4),
) | st.builds(people, st.sampled_from([0.5, 2.0, 5.0]), st.sampled_from([0.2, 0.5]), st.integers(1, 3))


@settings(max_examples=200, deadline=None)
@given(_events(), st.randoms(), ANNOTATION)
def test_the_order_of_rows_decides_nothing(events: list[Event], random: Any, how: Annotation) -> None:
    """A tool may tell its answers in any order."""
    shuffled = list(events)
    random.shuffle(shuffled)
    assert closing(shuffled, how) == closing(events, how)


@settings(max_examples=200, deadline=None)
@given(_events(), st.lists(st.integers(0, 44).map(lambda n: n / 4), max_size=6), ANNOTATION)
def test_how_often_and_when_we_look_decides_nothing(
    events: list[Event], looks: list[float], how: Annotation
) -> None:
    """Looked at in any rhythm, the round closes at the same moment with the same votes.

    A look sees what was answered until then, and closes only at a moment that has passed, as collect does.
    """
    at_the_end = closing(events, how)
    for look in [*sorted(looks), 1000.0]:
        moment = PUSHED + timedelta(hours=look)
        found = closing([one for one in events if one.at <= moment], how)
        if found is not None and found.at <= moment:
            assert found == at_the_end
            return
    assert at_the_end is None


@settings(max_examples=200, deadline=None)
@given(_events(), ANNOTATION)
def test_no_round_closes_before_its_quorum(events: list[Event], how: Annotation) -> None:
    """When it closes the quorum is answered or given up, and unless that is all, the deadline is over."""
    found = closing(events, how)
    if found is None:
        return
    counted = 0
    answered = 0
    for item, copies in ITEMS.items():
        last = {
            one.annotator: one.action for one in sorted(events) if one.item == item and one.at <= found.at
        }
        said = sum(action in ("submitted", "updated") for action in last.values())
        skipped = sum(action == "skipped" for action in last.values())
        answered += min(said, copies)
        counted += copies if skipped >= how.skips_to_review else min(said, copies)
    assert found.answered == answered
    assert counted >= math.ceil(how.quorum * sum(ITEMS.values()))
    over = how.deadline_hours is not None and found.at >= PUSHED + timedelta(hours=how.deadline_hours)
    assert counted == sum(ITEMS.values()) or over


@settings(max_examples=200, deadline=None)
@given(_events(), ANNOTATION)
def test_the_counts_are_those_of_the_events(events: list[Event], how: Annotation) -> None:
    """Counted along the way or at the end: the same."""
    asking = Asking(ITEMS, how)
    for one in sorted(events):
        asking.take(one)
    assert asking.answered == sum(min(asking.answers(item), n) for item, n in ITEMS.items())
    given_up = set(asking.given_up())
    assert asking.done == sum(
        n if item in given_up else min(asking.answers(item), n) for item, n in ITEMS.items()
    )


def again(event_hours: list[tuple[str, float]], **how: Any) -> Closing | None:
    """Item "one" was asked of two, who answered before this round, and is wanted of one more person."""
    earlier = [event("one", "ada", -9), event("one", "ben", -8)]
    new = [event("one", who, hour, number=1) for who, hour in event_hours]
    return closing_time(
        new, {"one": 3}, PUSHED, people(**how), before={"one": 2}, earlier=earlier
    )  # fmt: skip


@pytest.mark.parametrize(
    ("said", "at"),
    [([], None), ([("ada", 1)], None), ([("ada", 1), ("ben", 2)], None), ([("cy", 3)], 3),
     ([("ada", 1), ("cy", 3), ("dee", 4)], 3)],
    ids=["nobody", "who answered before has changed an answer", "both have", "another", "the first other"],
)  # fmt: skip
def test_a_second_look_waits_for_somebody_who_has_not_answered(
    said: list[tuple[str, float]], at: float | None
) -> None:
    found = again(said)
    assert hours(found) == at
    assert found is None or (found.answered, found.reason) == (1, "all answered")


def test_answers_of_earlier_rounds_close_no_round_and_count_for_no_quorum() -> None:
    """The deadline needs half of this round's two answers: one of them has to come."""
    copies, before = {"one": 3, "two": 1}, {"one": 2}
    earlier = [event("one", "ada", -9), event("one", "ben", -8)]
    waits = people(deadline=1, quorum=0.5)
    assert closing_time([], copies, PUSHED, waits, before=before, earlier=earlier) is None
    found = closing_time([event("two", "ada", 2)], copies, PUSHED, waits, before=before, earlier=earlier)
    assert found is not None and (hours(found), found.answered) == (2, 1)
    assert "1 of 2 answers" in found.reason


def test_an_earlier_answer_that_is_taken_back_is_waited_for_too() -> None:
    gone = [event("one", "ben", 1, "deleted"), event("one", "cy", 2)]
    earlier = [event("one", "ada", -9), event("one", "ben", -8)]
    how = {"before": {"one": 2}, "earlier": earlier}
    assert closing_time(gone, {"one": 3}, PUSHED, people(), **how) is None  # type: ignore[arg-type]
    found = closing_time([*gone, event("one", "dee", 5)], {"one": 3}, PUSHED, people(), **how)  # type: ignore[arg-type]
    assert hours(found) == 5


def test_skips_of_all_rounds_give_a_second_look_up() -> None:
    """One person skipped it before, another does now: this round waits no longer, and its copy counts."""
    earlier = [skip("one", "dee", -9), event("one", "ada", -9), event("one", "ben", -8)]
    found = closing_time(
        [skip("one", "cy", 1)], {"one": 3}, PUSHED, people(), before={"one": 2}, earlier=earlier
    )
    assert found is not None and (hours(found), found.answered) == (1, 0)
    asking = state_of([*earlier, skip("one", "cy", 1)], {"one": 3}, people(), before={"one": 2})
    assert asking.given_up() == ["one"] and (asking.asked, asking.done) == (1, 1)


def test_a_clock_that_was_set_back_since_the_earlier_rounds_keeps_no_round_open() -> None:
    """New answers that are dated before the older ones close the round all the same, at the last of them."""
    earlier = [event("one", "ada", 7), event("one", "ben", 9)]
    found = closing_time(
        [event("one", "cy", 1, number=1)], {"one": 3}, PUSHED, people(), before={"one": 2}, earlier=earlier
    )
    assert hours(found) == 1


def test_answers_to_what_was_asked_again_close_nothing_and_count_for_nothing() -> None:
    """Not as answers, and not as a change of the ones that count."""
    again = [
        event(item, "ada", hour + 0.25, "reasked") for item, hour in (("one", 1), ("two", 2), ("three", 4))
    ]
    assert closing([*ALL, *again], people()) == closing(ALL, people())
    assert closing([*ALL[:4], *again], people()) is None
    asking = state_of([*ALL, *again], ITEMS, people())
    assert asking.answered == 5 and not asking.waiting_for_others()
    assert not asking.is_open_to("three", "dee")


def test_an_item_is_open_to_who_has_said_nothing_while_an_answer_is_missing() -> None:
    asking = state_of([ALL[3], skip("three", "cy", 5)], ITEMS, people())
    assert [name for name in ("ada", "ben", "cy") if asking.is_open_to("three", name)] == ["ben"]
