"""The made-up people: how often they err, when they work, and that nothing else decides it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelloop.adapters.tools.base import Answer
from labelloop.adapters.tools.crew import answer_chances, check_crew, work
from labelloop.adapters.tools.keys import TaskKey
from labelloop.errors import SettingsError
from labelloop.settings.simulation import FIVE_ANNOTATORS, SimulatedAnnotator

CLASSES = ("cat", "dog", "cow")
MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)


def tasks_of(n_items: int, copies: int, round_id: str = "r000") -> list[TaskKey]:
    return [TaskKey("farm", round_id, f"i{n}", copy) for n in range(n_items) for copy in range(copies)]


def answers_of(
    tasks: Sequence[TaskKey],
    crew: Sequence[SimulatedAnnotator] = FIVE_ANNOTATORS,
    *,
    start: datetime = MONDAY,
    seed: int = 1,
    skips: int = 2,
    not_for: dict[str, list[str]] | None = None,
) -> list[Answer]:
    truth = {task.item: CLASSES[int(task.item[1:]) % 3] for task in tasks}
    return work(
        tasks, start=start, crew=crew, cost_per_vote=0.05, truth=truth, classes=CLASSES, seed=seed,
        skips_to_review=skips, not_for=not_for,
    )  # fmt: skip


def test_errors_come_at_the_rate_of_the_confusion_matrix() -> None:
    """Every cell of 3 x 2,000 answers is within 4.5 standard deviations of its chance."""
    person = SimulatedAnnotator(
        name="ada",
        accuracy=0.8,
        confusion={"cat": {"dog": 0.3, "cow": 0.05}, "dog": {"dog": 0.5, "cat": 0.2}},
    )
    answers = answers_of(tasks_of(6000, 1), [person])
    counts = Counter((CLASSES[int(a.key.split("/")[2][1:]) % 3], a.value) for a in answers)
    expected = {"cat": (0.65, 0.3, 0.05), "dog": (0.2, 0.8, 0.0), "cow": (0.1, 0.1, 0.8)}
    for true, chances in expected.items():
        for name, chance in zip(CLASSES, chances, strict=True):
            bound = 4.5 * np.sqrt(2000 * chance * (1 - chance))
            assert abs(counts[true, name] - 2000 * chance) <= bound, (true, name)


@given(
    st.floats(0, 1),
    st.dictionaries(st.sampled_from(CLASSES), st.floats(0, 1 / 3)),
    st.sampled_from(CLASSES),
)
def test_chances_of_an_answer_sum_to_one(accuracy: float, row: dict[str, float], true: str) -> None:
    person = SimulatedAnnotator(name="ada", accuracy=accuracy, confusion={true: row})
    chances = answer_chances(person, true, CLASSES)
    assert min(chances) >= 0
    assert sum(chances) == pytest.approx(1)


def test_who_never_errs_never_errs() -> None:
    answers = answers_of(tasks_of(500, 1), [SimulatedAnnotator(name="ada", accuracy=1.0)])
    assert all(a.value == CLASSES[int(a.key.split("/")[2][1:]) % 3] for a in answers)


def test_a_confusion_about_an_unknown_class_is_refused() -> None:
    crew = [SimulatedAnnotator(name="ben", confusion={"cat": {"dgo": 0.3}})]
    with pytest.raises(SettingsError, match=r"'ben'.*'dgo'"):
        check_crew(crew, CLASSES)


def test_skips_come_at_their_rate_and_cost_nothing() -> None:
    answers = answers_of(tasks_of(4000, 1), [SimulatedAnnotator(name="ada", skip_rate=0.1, cost_per_vote=1)])
    skips = [a for a in answers if a.action == "skipped"]
    assert abs(len(skips) - 400) < 4.5 * np.sqrt(4000 * 0.09)
    assert {(a.value, a.cost) for a in skips} == {(None, 0.0)}
    assert {a.cost for a in answers if a.action == "submitted"} == {1.0}


def test_the_median_time_is_the_one_that_was_set() -> None:
    answers = answers_of(tasks_of(2000, 1), [SimulatedAnnotator(name="ada", seconds_per_item=20)])
    assert np.median([a.lead_seconds or 0 for a in answers]) == pytest.approx(20, rel=0.06)


@settings(max_examples=30, deadline=None)
@given(
    start=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),
    days_off=st.sets(st.integers(0, 6), max_size=6),
    seconds=st.floats(1, 30_000),
)
def test_nobody_works_at_night_or_on_a_day_off(start: datetime, days_off: set[int], seconds: float) -> None:
    person = SimulatedAnnotator(name="ada", seconds_per_item=seconds, days_off=sorted(days_off))
    for answer in answers_of(tasks_of(6, 1), [person], start=start):
        time = answer.answered_at
        assert time > start
        assert time.weekday() not in days_off
        opening = time.replace(hour=9, minute=0, second=0, microsecond=0)
        assert opening < time <= opening + timedelta(hours=8)


def test_work_that_is_not_done_by_evening_is_carried_on_in_the_morning() -> None:
    person = SimulatedAnnotator(name="ada", seconds_per_item=60, days_off=[5, 6])
    friday_evening = datetime(2026, 1, 9, 16, 59, 59, tzinfo=UTC)
    (answer,) = answers_of(tasks_of(1, 1), [person], start=friday_evening)
    monday = datetime(2026, 1, 12, 9, tzinfo=UTC)
    assert answer.lead_seconds is not None
    assert answer.answered_at == monday + timedelta(seconds=answer.lead_seconds - 1)


def test_days_off_make_stragglers() -> None:
    """A round pushed on a Saturday is mostly done that day, but waits for who is away until Monday."""
    saturday = datetime(2026, 1, 10, 9, tzinfo=UTC)
    answers = answers_of(tasks_of(20, 5), start=saturday)
    late = [a for a in answers if a.answered_at > saturday + timedelta(days=1)]
    assert {a.annotator for a in late} == {"cy"}
    assert len(late) == 20


def crew_that_skips(*rates: float) -> list[SimulatedAnnotator]:
    return [SimulatedAnnotator(name=f"p{n}", skip_rate=rate) for n, rate in enumerate(rates)]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 15),
    st.integers(1, 4),
    st.lists(st.sampled_from([0.0, 0.3, 0.7, 0.99]), min_size=1, max_size=6),
    st.integers(1, 4),
    st.integers(0, 3),
)
def test_a_skip_is_asked_of_others_until_enough_have_skipped(
    n: int, copies: int, rates: list[float], skips: int, seed: int
) -> None:
    """Every item ends with all its answers, with enough skips, or with the whole crew having had it."""
    answers = answers_of(tasks_of(n, copies), crew_that_skips(*rates), seed=seed, skips=skips)
    assert len({a.id for a in answers}) == len(answers)
    for number in range(n):
        mine = [a for a in answers if a.key.split("/")[2] == f"i{number}"]
        assert len({a.annotator for a in mine}) == len(mine), "nobody is asked twice about an item"
        submitted = [a.key for a in mine if a.action == "submitted"]
        assert len(set(submitted)) == len(submitted) <= copies
        skipped = len(mine) - len(submitted)
        assert len(submitted) == copies or skipped >= skips or len(mine) == len(rates)


def test_a_skipped_copy_is_answered_later_by_somebody_else() -> None:
    """Also when everybody else had nothing left to do by then."""
    slow = SimulatedAnnotator(name="slow", skip_rate=0.99, seconds_per_item=600)
    quick = SimulatedAnnotator(name="quick", seconds_per_item=1)
    answers = answers_of(tasks_of(8, 1), [slow, quick], seed=1)
    (skip,) = [a for a in answers if a.action == "skipped"]
    (answer,) = [a for a in answers if a.key == skip.key and a is not skip]
    assert (skip.annotator, answer.annotator) == ("slow", "quick")
    assert skip.answered_at < answer.answered_at < skip.answered_at + timedelta(minutes=1)
    assert (skip.id, answer.id) == (f"sim:{skip.key}:0", f"sim:{skip.key}:1")


def test_nobody_skips_changes_nothing() -> None:
    """Where nobody skips, how many skips are too many plays no part."""
    assert answers_of(tasks_of(40, 3), FIVE_ANNOTATORS[:4]) == answers_of(
        tasks_of(40, 3), FIVE_ANNOTATORS[:4], skips=1
    )


def test_a_crew_that_skips_everything_takes_no_time_over_it() -> None:
    """Each copy passes each person once: no cost that grows with the square of the round."""
    answers = answers_of(tasks_of(3000, 2), crew_that_skips(*[0.999999] * 5), skips=6)
    assert len(answers) == 3000 * 5


def test_an_overlap_of_the_whole_crew_has_everybody_answer_everything() -> None:
    answers = answers_of(tasks_of(30, 5))
    assert len({(a.annotator, a.key.rpartition("/")[0]) for a in answers}) == 150
    assert len({a.key for a in answers}) == 150


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 25), st.integers(1, 7), st.integers(1, 5), st.integers(0, 3))
def test_every_task_that_somebody_may_answer_is_answered_once(
    n: int, copies: int, people: int, seed: int
) -> None:
    crew = [person.model_copy(update={"skip_rate": 0.0}) for person in FIVE_ANNOTATORS[:people]]
    answers = answers_of(tasks_of(n, copies), crew, seed=seed)
    assert len(answers) == len({a.key for a in answers}) == n * min(copies, people)
    assert len({(a.annotator, a.key.rpartition("/")[0]) for a in answers}) == len(answers)


def test_the_fast_answer_more() -> None:
    crew = [SimulatedAnnotator(name=name, seconds_per_item=s) for name, s in (("slow", 20), ("fast", 5))]
    counts = Counter(a.annotator for a in answers_of(tasks_of(500, 1), crew))
    assert counts["fast"] / counts["slow"] == pytest.approx(4, rel=0.25)


@settings(max_examples=20, deadline=None)
@given(st.permutations(tasks_of(8, 3)))
def test_the_order_of_tasks_does_not_matter(tasks: list[TaskKey]) -> None:
    assert answers_of(tasks) == answers_of(tasks_of(8, 3))


def test_an_answer_does_not_depend_on_who_else_is_asked_or_when() -> None:
    """What a person says of an item is theirs alone: no other item or person and no time changes it."""
    alone = {a.key.split("/")[2]: a.value for a in answers_of(tasks_of(50, 1), FIVE_ANNOTATORS[4:])}
    crowd = answers_of(tasks_of(90, 5), start=MONDAY + timedelta(days=3))
    eli = {a.key.split("/")[2]: a.value for a in crowd if a.annotator == "eli"}
    assert {item: eli[item] for item in alone} == alone


def test_seed_and_round_change_the_answers() -> None:
    values = lambda answers: [a.value for a in sorted(answers, key=lambda a: a.key)]  # noqa: E731
    first = values(answers_of(tasks_of(60, 1), FIVE_ANNOTATORS[4:]))
    assert values(answers_of(tasks_of(60, 1), FIVE_ANNOTATORS[4:], seed=2)) != first
    assert values(answers_of(tasks_of(60, 1, "r001"), FIVE_ANNOTATORS[4:])) != first


def test_annotators_err_independently_of_each_other() -> None:
    crew = [SimulatedAnnotator(name=name, accuracy=0.5) for name in ("ada", "ben")]
    right = {name: np.zeros(3000, dtype=bool) for name in ("ada", "ben")}
    for answer in answers_of(tasks_of(3000, 2), crew):
        number = int(answer.key.split("/")[2][1:])
        right[answer.annotator][number] = answer.value == CLASSES[number % 3]
    assert abs(np.corrcoef(right["ada"], right["ben"])[0, 1]) < 4.5 / np.sqrt(3000)


@settings(deadline=None)
@given(st.lists(st.sets(st.sampled_from([one.name for one in FIVE_ANNOTATORS])), min_size=1, max_size=30))
def test_whoever_has_had_an_item_before_is_not_given_it(had: list[set[str]]) -> None:
    """And everybody else may be: two more answers come wherever two people are left."""
    not_for = {f"i{number}": sorted(people) for number, people in enumerate(had) if people}
    answers = answers_of([TaskKey("farm", "r000", f"i{n}", copy) for n in range(len(had)) for copy in (2, 3)],
                         not_for=not_for)  # fmt: skip
    for number, people in enumerate(had):
        mine = [one for one in answers if one.key.split("/")[2] == f"i{number}"]
        said = [one.annotator for one in mine]
        assert not set(said) & people and len(set(said)) == len(said)
        skipped = sum(one.action == "skipped" for one in mine)
        assert len(mine) - skipped == 2 or skipped or len(people) > 3
