"""When a round closes depends on when people answered, and on nothing else."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelloop.campaign import Annotation
from labelloop.stages.collect import Closing, closing_time

PUSHED = datetime(2026, 1, 5, 9, tzinfo=UTC)
KEYS = {f"k{n}" for n in range(5)}


def people(deadline: float | None = None, quorum: float = 1.0) -> Annotation:
    return Annotation(tool="files", deadline_hours=deadline, quorum=quorum)


def events(*answered: tuple[str, float]) -> pd.DataFrame:
    """Answers by key and hours after the push."""
    times = [PUSHED + timedelta(hours=hours) for _, hours in answered]
    return pd.DataFrame(
        {"key": pd.Series([key for key, _ in answered], dtype=object),
         "answered_at": pd.to_datetime(pd.Series(times, dtype=object), utc=True)}
    )  # fmt: skip


def closing(votes: pd.DataFrame, annotation: Annotation) -> Closing | None:
    return closing_time(votes, KEYS, PUSHED, annotation)


def hours(found: Closing | None) -> float | None:
    return None if found is None else (found.at - PUSHED) / timedelta(hours=1)


ALL = events(("k0", 1), ("k1", 2), ("k2", 3), ("k3", 4), ("k4", 5))


@pytest.mark.parametrize(
    ("votes", "annotation", "at", "answered"),
    [
        (ALL, people(), 5, 5),
        (ALL.iloc[:4], people(), None, None),
        (events(), people(deadline=2, quorum=0.2), None, None),
        (ALL, people(deadline=2), 5, 5),
        (ALL, people(deadline=3.5, quorum=0.4), 3.5, 3),
        (ALL, people(deadline=1, quorum=0.8), 4, 4),
        (ALL, people(deadline=9, quorum=0.8), 5, 5),
        (ALL.iloc[:2], people(deadline=1, quorum=0.8), None, None),
        (ALL.iloc[:3], people(deadline=9, quorum=0.6), 9, 3),
        (events(("k0", 1), ("k0", 2), ("k1", 2), ("k1", 9)), people(deadline=1, quorum=0.4), 2, 2),
        (events(("k0", 1), ("late", 1), ("k1", 2)), people(deadline=1, quorum=0.6), None, None),
    ],
    ids=["all answered", "one is missing", "nobody", "a quorum of all", "deadline after the quorum",
         "quorum after the deadline", "all before the deadline", "too few", "some before the deadline",
         "a task counts once, from its first answer", "other rounds do not count"],
)  # fmt: skip
def test_a_round_closes_at_its_deadline_and_quorum_or_when_all_have_answered(
    votes: pd.DataFrame, annotation: Annotation, at: float | None, answered: int | None
) -> None:
    """The earliest moment that the answers' own times allow."""
    found = closing(votes, annotation)
    assert hours(found) == at
    assert (None if found is None else found.answered) == answered


def test_a_round_that_asked_nothing_closes_at_once() -> None:
    """When it was pushed."""
    assert closing_time(events(), set(), PUSHED, people()) == Closing(PUSHED, "nothing was asked", 0)


def test_the_reason_names_deadline_and_quorum() -> None:
    """And how many answers there were by then."""
    found = closing(ALL, people(deadline=3.5, quorum=0.4))
    assert found is not None
    assert found.reason == "deadline of 3.5 h over with 3 of 5 answers (quorum 40%)"


@st.composite
def _answers(draw: Any) -> list[tuple[str, float]]:
    keys = st.sampled_from([*sorted(KEYS), "other"])
    return draw(st.lists(st.tuples(keys, st.integers(0, 40).map(lambda n: n / 4)), max_size=25))


ANNOTATION = st.builds(people, st.sampled_from([0.5, 2.0, 5.0]), st.sampled_from([0.2, 0.5, 1.0])) | st.just(
    people()
)


@settings(max_examples=150, deadline=None)
@given(_answers(), st.randoms(), ANNOTATION)
def test_the_order_of_rows_decides_nothing(
    answers: list[tuple[str, float]], random: Any, how: Annotation
) -> None:
    """A tool may tell its answers in any order."""
    shuffled = list(answers)
    random.shuffle(shuffled)
    assert closing(events(*shuffled), how) == closing(events(*answers), how)


@settings(max_examples=150, deadline=None)
@given(_answers(), st.lists(st.integers(0, 44).map(lambda n: n / 4), max_size=6), ANNOTATION)
def test_how_often_and_when_we_look_decides_nothing(
    answers: list[tuple[str, float]], looks: list[float], how: Annotation
) -> None:
    """Looked at in any rhythm, the round closes at the same moment with the same votes.

    A look sees what was answered until then, and closes only at a moment that has passed, as collect does.
    """
    at_the_end = closing(events(*answers), how)
    for look in [*sorted(looks), 1000.0]:
        seen = [answer for answer in answers if answer[1] <= look]
        found = closing(events(*seen), how)
        when = hours(found)
        if found is not None and when is not None and when <= look:
            assert found == at_the_end
            inside = [answer for answer in seen if answer[1] <= when]
            assert inside == [answer for answer in answers if answer[1] <= when]
            return
    assert at_the_end is None


@settings(max_examples=150, deadline=None)
@given(_answers(), ANNOTATION)
def test_no_round_closes_before_its_quorum(answers: list[tuple[str, float]], how: Annotation) -> None:
    """At the moment it closes the quorum is in, and it is not before a deadline unless all have answered."""
    found = closing(events(*answers), how)
    if found is None:
        return
    when = hours(found)
    assert when is not None
    answered = {key for key, at in answers if key in KEYS and at <= when}
    assert found.answered == len(answered) >= math.ceil(how.quorum * len(KEYS))
    assert answered == KEYS or (how.deadline_hours is not None and when >= how.deadline_hours)
