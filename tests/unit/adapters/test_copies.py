"""Copies of an item: a skip leaves its copy to others, and nobody's answer hides behind another copy."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from labelloop.adapters.tools.copies import Copies

KEYS = ["k0", "k1", "k2"]

EVENTS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(["submitted", "updated", "skipped", "deleted"])),
    max_size=15,
)


def test_a_skip_leaves_the_copy_to_the_next() -> None:
    copies = Copies(["k0", "k1"])
    events = [("a", "skipped"), ("b", "submitted"), ("c", "submitted")]
    assert [copies.key_of(*event) for event in events][1:] == ["k0", "k1"]


def test_more_people_than_copies_count_for_the_last() -> None:
    copies = Copies(["k0", "k1"])
    assert [copies.key_of(who, "submitted") for who in "abcd"] == ["k0", "k1", "k1", "k1"]


def test_who_takes_an_answer_back_frees_its_copy() -> None:
    copies = Copies(["k0", "k1"])
    events = [("a", "submitted"), ("b", "submitted"), ("a", "skipped"), ("c", "submitted"), ("a", "updated")]
    assert [copies.key_of(*event) for event in events] == ["k0", "k1", "k0", "k0", "k1"]


@settings(max_examples=200, deadline=None)
@given(EVENTS, st.integers(1, 3))
def test_the_last_event_about_a_copy_says_what_became_of_an_answer(
    events: list[tuple[str, str]], n: int
) -> None:
    """As fusion reads votes: per copy and person the last event counts, and withdrawn answers fall away."""
    copies = Copies(KEYS[:n])
    last: dict[tuple[str, str], str] = {}
    said: dict[str, str] = {}
    for who, action in events:
        last[copies.key_of(who, action), who] = action
        said[who] = action
    answered = {who for (_, who), action in last.items() if action in ("submitted", "updated")}
    assert answered == {who for who, action in said.items() if action in ("submitted", "updated")}


@settings(max_examples=200, deadline=None)
@given(EVENTS, st.integers(1, 3), st.integers(0, 15))
def test_events_noted_before_give_the_next_the_same_key(
    events: list[tuple[str, str]], n: int, cut: int
) -> None:
    """A poll that goes on from notes ends where one that saw everything at once does."""
    whole, notes = Copies(KEYS[:n]), []
    for who, action in events:
        notes.append((who, action, whole.key_of(who, action)))
    resumed = Copies(KEYS[:n])
    for note in notes[:cut]:
        resumed.note(*note)
    assert [resumed.key_of(who, action) for who, action, _ in notes[cut:]] == [key for *_, key in notes[cut:]]


@settings(max_examples=200, deadline=None)
@given(st.permutations("abcde"), st.integers(0, 5), st.integers(1, 3))
def test_enough_answers_fill_every_copy(people: list[str], skippers: int, n: int) -> None:
    """Whoever else skips, in whatever order."""
    copies = Copies(KEYS[:n])
    order = sorted(people)
    actions = {who: "skipped" if place < skippers else "submitted" for place, who in enumerate(order)}
    keys = [(actions[who], copies.key_of(who, actions[who])) for who in people]
    filled = {key for action, key in keys if action == "submitted"}
    assert len(filled) == min(n, 5 - skippers)
