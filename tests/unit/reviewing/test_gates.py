"""A label passes the gates in their order, and only with the words that each of them wants."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelloop.campaign import parse_settings
from labelloop.errors import DataError, SettingsError
from labelloop.reviewing.gate_queue import Desk
from labelloop.reviewing.gates import CONFLICT, Place, Voted, drawn, gate_counts, place_of, places
from labelloop.reviewing.verdicts import Verdict, verdict
from labelloop.settings.review import Gate, Review

READER = Gate(name="reader", when=["unsure", "random"], share=0.1, by=["eva", "tom"])
LEAD = Gate(name="lead", when=["overturned"], by=["max"])
TWO = Review(gates=[READER, LEAD])
DOUBTED = Voted("a", "cat", 0.6)


def word(label: str, by: str, gate: str, item: str = "a", was: str = "cat") -> Verdict:
    return verdict(item, label, by, "2026-01-05T09:00:00+00:00", "unsure", was, gate)


def place(*said: Verdict, voted: Voted = DOUBTED, review: Review = TWO) -> Place:
    return place_of(voted, said, review, seed=0)


def test_a_sure_label_passes_and_an_unsure_one_waits() -> None:
    sure = Voted("b", "cat", 0.9)
    assert not drawn(READER, "b", 0)
    assert place(voted=sure).waits_at == ""
    assert place().waits_at == "reader" and place().why == ("unsure",)
    assert place(voted=Voted("b", "cat", 0.9, tie=True)).waits_at == "reader"
    assert place(voted=Voted("b")).waits_at == "reader"


def test_who_confirms_ends_it_and_who_overturns_calls_the_lead() -> None:
    confirmed, turned = word("cat", "eva", "reader"), word("dog", "eva", "reader")
    assert (place(confirmed).waits_at, place(confirmed).label) == ("", "cat")
    assert (place(turned).waits_at, place(turned).why) == ("lead", ("overturned",))
    settled = place(turned, word("cow", "max", "lead", was="dog"))
    assert (settled.waits_at, settled.label) == ("", "cow")


def test_the_furthest_gate_has_the_last_word_whenever_it_was_given() -> None:
    lead, late = word("cow", "max", "lead"), word("dog", "eva", "reader")
    for said in itertools.permutations([lead, late]):
        assert place(*said).label == "cow"


def test_readers_who_are_divided_call_the_next_gate_whatever_it_looks_for() -> None:
    """Also where the last of them agrees with the votes, so that nothing is overturned."""
    said = (word("dog", "eva", "reader"), word("cat", "tom", "reader"))
    assert place(*said).waits_at == "lead" and CONFLICT in place(*said).why
    assert place(*said, word("cat", "max", "lead")).waits_at == ""
    agreed = (*said, word("cat", "eva", "reader"))
    assert place(*agreed).waits_at == "" and place(*agreed).label == "cat"


def test_divided_at_the_last_gate_means_waiting_until_they_agree() -> None:
    alone = Review(gates=[Gate(name="all of us", when=["all"], reviewers=2)])
    said = [word("dog", "eva", "all of us")]
    assert place(*said, review=alone).waits_at == "all of us"
    assert place(*said, review=alone).shown == ()  # the second reads on their own
    said += [word("cat", "tom", "all of us")]
    stuck = place(*said, review=alone)
    assert stuck.why == (CONFLICT,) and len(stuck.shown) == 2  # now they must talk
    assert place(*said, word("dog", "tom", "all of us"), review=alone).waits_at == ""


def test_one_reviewer_is_not_two() -> None:
    pair = Review(gates=[Gate(name="pair", when=["all"], reviewers=2)])
    twice = [word("dog", "eva", "pair"), word("cat", "eva", "pair")]
    assert place(*twice, review=pair).waits_at == "pair"


def test_a_verdict_where_no_gate_stops_the_label_holds_nothing() -> None:
    """Such as one of the random slice about a label that votes are sure of."""
    sure = Voted("b", "cat", 0.9)
    pair = Gate(name="pair", when=["unsure"], reviewers=2)
    for label in ("cat", "dog"):
        found = place(word(label, "eva", "pair", "b"), voted=sure, review=Review(gates=[pair]))
        assert (found.waits_at, found.label) == ("", label)
    said = word("dog", "eva", "pair", "b"), word("cat", "tom", "pair", "b")
    assert place(*said, voted=sure, review=Review(gates=[pair])).why == (CONFLICT,)
    turned = place(word("dog", "eva", "pair", "b"), voted=sure, review=Review(gates=[pair, LEAD]))
    assert (turned.waits_at, turned.why) == ("lead", ("overturned",))


def test_a_verdict_from_before_there_were_gates_is_a_word_before_the_first() -> None:
    """It makes the label less unsure, and may be overturned itself: the lead looks."""
    old = word("dog", "eva", "")
    assert place(old).waits_at == "lead" and place(old).label == "dog"
    assert place(word("cat", "eva", "a gate that is no more")).waits_at == ""


gates = st.lists(
    st.builds(
        lambda when, reviewers: Gate(name="x", when=sorted(when), reviewers=reviewers),
        st.sets(st.sampled_from(["unsure", "overturned", "all"]), min_size=1),
        st.integers(1, 2),
    ),
    min_size=1, max_size=3,
).map(lambda some: [gate.model_copy(update={"name": f"g{n}"}) for n, gate in enumerate(some)])  # fmt: skip
words = st.lists(
    st.builds(word, st.sampled_from(["cat", "dog"]), st.sampled_from(["eva", "tom"]),
              st.sampled_from(["g0", "g1", "g2", ""])), max_size=6,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(gates, words, st.floats(0, 1))
def test_no_label_passes_while_a_gate_that_stops_it_lacks_a_word(
    some: list[Gate], said: list[Verdict], confidence: float
) -> None:
    review = Review.model_construct(gates=some, unsure_below=0.7, hold_from_training=False)
    found = place_of(Voted("a", "cat", confidence), said, review, seed=0)
    names = [gate.name for gate in some]
    at_gates = [one for one in said if one.gate in names]
    if at_gates and not found.waits_at:
        furthest = max(names.index(one.gate) for one in at_gates)
        last = {one.by: one.label for one in said if one.gate == names[furthest]}
        assert found.label in last.values() and len(set(last.values())) == 1
    if not found.waits_at and any(gate.when == ["all"] for gate in some):
        for gate in (gate for gate in some if gate.when == ["all"]):
            assert len({one.by for one in said if one.gate == gate.name}) >= gate.reviewers
    if found.waits_at:
        assert found.why
    assert found == place_of(Voted("a", "cat", confidence), said, review, seed=0)


def test_the_random_share_is_a_fair_draw_that_never_changes() -> None:
    items = [f"i{number}" for number in range(4000)]
    share = [item for item in items if drawn(READER, item, 5)]
    assert 320 < len(share) < 480
    assert share == [item for item in items if drawn(READER, item, 5)]
    other = READER.model_copy(update={"name": "other"})
    assert len(set(share) & {item for item in items if drawn(other, item, 5)}) < 100
    wider = READER.model_copy(update={"share": 0.2})
    assert set(share) < {item for item in items if drawn(wider, item, 5)}


def test_each_gate_tells_how_much_it_overturned() -> None:
    said = [
        word("dog", "eva", "reader", "a"),
        word("cat", "eva", "reader", "b"),
        word("cat", "tom", "reader", "a"),
    ]
    voted = [Voted(item, "cat", 0.6) for item in "abc"]
    counts = gate_counts(places(voted, said, TWO, 0), said, TWO, 0)
    assert [(one.gate, one.waiting, one.reviewed, one.overturned, one.divided) for one in counts] == [
        ("reader", 1, 2, 0, 1), ("lead", 1, 0, 0, 0),
    ]  # fmt: skip


def test_a_verdict_is_taken_only_from_whom_and_where_it_may_be_given() -> None:
    waiting = {"a": place()}
    eva = Desk(TWO, "eva", lambda: waiting)
    assert eva.admit("a", "reader") == "reader"
    with pytest.raises(DataError, match="eva is not among the reviewers of the gate 'lead': max"):
        eva.admit("a", "lead")
    with pytest.raises(DataError, match="'a' still waits at the gate 'reader', which comes before 'lead'"):
        Desk(TWO, "max", lambda: waiting).admit("a", "lead")
    with pytest.raises(DataError, match="'a' is of the gate 'reader', and --gate says 'lead'"):
        eva.admit("a", "reader", "lead")
    assert eva.admit("a", "", "reader") == "reader"
    with pytest.raises(SettingsError, match=r"'reder'; params\.yaml has: reader, lead"):
        eva.admit("a", "reder")
    assert Desk(Review(), "eva", dict).admit("a", "") == ""
    with pytest.raises(SettingsError, match="has none"):
        Desk(Review(), "eva", dict).admit("a", "reader")


def test_a_verdict_that_names_no_gate_is_given_where_its_label_waits_or_would_correct_it() -> None:
    """As of the rows of a whole queue, which no one gate would take."""
    overturned, sure = word("dog", "eva", "reader"), Voted("b", "cat", 0.9)
    lead = word("cat", "max", "lead")
    found = {
        "waits": place(), "passed": place(voted=sure), "turned": place(overturned),
        "settled": place(overturned, lead),
    }  # fmt: skip
    eva, max_, tom = (Desk(TWO, by, lambda: found) for by in ("eva", "max", "tom"))
    assert [eva.admit(item, "") for item in ("waits", "passed")] == ["reader", "reader"]
    assert [max_.admit(item, "") for item in ("passed", "turned", "settled")] == ["lead", "lead", "lead"]
    assert [tom.admit(item, "") for item in ("passed", "settled", "new")] == ["reader", "reader", "reader"]
    with pytest.raises(DataError, match="max is not among the reviewers of the gate 'reader'"):
        max_.admit("waits", "")
    with pytest.raises(DataError, match="ben is not among the reviewers of the gate 'reader'"):
        Desk(TWO, "ben", lambda: found).admit("passed", "")


def test_the_same_file_taken_in_again_is_no_second_reading() -> None:
    """Her word has sent the label on to a gate where she could review, too."""
    open_lead = Review(gates=[READER, LEAD.model_copy(update={"by": []})])
    turned = place(word("dog", "eva", "reader"), review=open_lead)
    assert turned.waits_at == "lead"
    assert Desk(open_lead, "eva", lambda: {"a": turned}).admit("a", "") == "reader"
    assert Desk(open_lead, "tom", lambda: {"a": turned}).admit("a", "") == "lead"


@pytest.mark.parametrize(
    ("gates", "says"),
    [
        ([{"name": "a", "when": ["random"]}], "`share` and `when: \\[random\\]` go together"),
        ([{"name": "a", "when": ["all"], "share": 0.1}], "`share` and `when: \\[random\\]` go together"),
        ([{"name": "a", "when": ["overturned"]}], "'a' is the first, so no verdict comes before it"),
        ([{"name": "a", "when": ["all"], "by": ["eva"], "reviewers": 2}], "wants 2 reviewers, but names 1"),
        ([{"name": "a", "when": ["all"]}, {"name": "a", "when": ["all"]}], "two gates are called 'a'"),
    ],
)
def test_gates_that_nobody_could_pass_are_refused(gates: list[dict], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        parse_settings({"review": {"gates": gates}})
