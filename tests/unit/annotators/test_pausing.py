"""Rules that pause annotators: with a reason, for good, never so many that nobody is left to answer."""

from __future__ import annotations

from typing import Any

from labelloop.annotators import pausing
from labelloop.campaign import CampaignSettings, Gold, parse_settings

NAMES = ("ann", "bo", "cy", "dee")


def settings(*, people: tuple[str, ...] = NAMES, overlap: int = 2, **quality: Any) -> CampaignSettings:
    crew = [{"name": name} for name in people]
    quality.setdefault("pause", {"gold_below": 0.7, "flags": ["spam", "copying"]})
    return parse_settings(
        {
            "annotation": {"overlap": overlap, "test_overlap": 1, "simulation": {"annotators": crew}},
            "quality": quality,
            "stopping": {"max_rounds": 1},
        }
    )


def record(name: str, hits: int = 0, of: int = 0, high: float = 1.0, *flags: str) -> dict[str, Any]:
    return {"annotator": name, "gold": {"hits": hits, "of": of, "high": high}, "flags": list(flags),
            "kappa": 0.05, "consensus": {"of": 40}, "copies": ["bo"]}  # fmt: skip


def state(*names: str, seen: int = 4) -> dict[str, Any]:
    paused = [{"annotator": name, "since": "r002", "rule": "spam", "reason": "why"} for name in names]
    return {"paused": paused, "seen": seen}


def test_an_interval_that_ends_below_the_limit_pauses_and_says_why() -> None:
    people = [record("ann", 10, 30, 0.52), record("bo", 18, 30, 0.75), record("cy", 4, 19, 0.4)]
    standing = pausing.decide(people, pausing.NOBODY, settings(), "r003")
    assert [(one["annotator"], one["since"], one["rule"]) for one in standing.paused] == [
        ("ann", "r003", "gold_below")
    ]
    reason = "right on 10 of 30 gold answers, at most 52% (quality.pause.gold_below: 0.7)"
    assert standing.paused[0]["reason"] == reason
    assert standing.notices == [f"ann is paused from r003 on: {reason}"]


def test_flags_that_the_rules_name_pause_and_others_do_not() -> None:
    people = [record("ann", 0, 0, 1.0, "spam"), record("bo", 0, 0, 1.0, "drift")]
    standing = pausing.decide(people, pausing.NOBODY, settings(), "r001")
    assert [one["annotator"] for one in standing.paused] == ["ann"]
    assert "flagged spam, kappa with the others 0.05 on 40 answers" in standing.paused[0]["reason"]


def test_a_pause_stays_when_the_figures_get_better_and_keeps_its_reason() -> None:
    before = state("ann")
    standing = pausing.decide([record("ann", 30, 30, 1.0)], before, settings(), "r005")
    assert standing.paused == before["paused"] and standing.notices == []


def test_nobody_is_paused_without_rules() -> None:
    off = settings(pause={})
    assert pausing.decide([record("ann", 0, 90, 0.1, "spam")], state("bo"), off, "r001") == ([], [])
    assert pausing.in_force(state("bo"), off) == {}


def test_who_is_trusted_is_asked_again_and_never_paused() -> None:
    trusting = settings(trusted=["ann"])
    assert list(pausing.in_force(state("ann", "bo"), trusting)) == ["bo"]
    standing = pausing.decide([record("ann", 0, 90, 0.1, "spam")], state("ann"), trusting, "r004")
    assert standing.paused == []
    assert standing.notices == ["ann is no longer paused: named in quality.trusted"]


def test_nobody_is_paused_where_too_few_would_be_left() -> None:
    """Of four people two may go while an item needs two; of three to go none goes, and it is said."""
    bad = [record(name, 0, 40, 0.1) for name in NAMES]
    two = pausing.decide(bad[:2], pausing.NOBODY, settings(), "r001")
    assert [one["annotator"] for one in two.paused] == ["ann", "bo"]
    three = pausing.decide(bad[:3], pausing.NOBODY, settings(), "r001")
    assert three.paused == []
    (notice,) = three.notices
    assert notice.startswith("ann, bo, cy should be paused (ann: right on 0 of 40")
    assert "only 1 annotator would be left where an item needs 2" in notice
    assert "quality.trusted" in notice and "annotation.overlap" in notice


def test_a_greater_overlap_ends_pauses_that_would_leave_too_few() -> None:
    wide = settings(overlap=3)
    assert pausing.in_force(state("ann", "bo"), wide) == {}
    assert len(pausing.in_force(state("ann", "bo"), settings())) == 2
    standing = pausing.decide([], state("ann", "bo"), wide, "r004")
    assert "stay paused by the rules, but nobody was: only 2 annotators would be left" in standing.notices[0]


def test_gold_asked_of_everybody_keeps_nobody_from_being_paused() -> None:
    golden = settings().model_copy(update={"gold": Gold(known=9, overlap=4)})
    assert pausing.decide([record("ann", 0, 40, 0.1)], pausing.NOBODY, golden, "r001").paused
    assert pausing.in_force(state("ann"), golden)


def test_where_anybody_may_come_those_who_came_are_counted() -> None:
    open_to_all = parse_settings(
        {
            "annotation": {"tool": "files", "overlap": 2},
            "quality": {"pause": {"flags": ["spam"]}},
            "stopping": {"max_rounds": 1},
        }
    )
    people = [record(name) for name in ("x", "y")]
    bad = [record("z", 0, 0, 1.0, "spam")]
    assert [one["annotator"] for one in pausing.decide(people + bad, pausing.NOBODY, open_to_all, "r").paused]
    assert not pausing.decide(people[:1] + bad, pausing.NOBODY, open_to_all, "r").paused
    assert list(pausing.in_force(state("z", seen=3), open_to_all)) == ["z"]
    assert not pausing.in_force(state("z", seen=2), open_to_all)


def test_nobody_paused_is_among_those_who_can_be_asked() -> None:
    annotation = settings().annotation
    left = pausing.without(annotation, {"bo": {}})
    assert [person.name for person in left.simulation.annotators] == ["ann", "cy", "dee"]
    named = annotation.model_copy(update={"annotators": ["ann", "bo"]})
    assert pausing.without(named, {"bo": {}}).annotators == ["ann"]
    assert pausing.without(annotation, {}) is annotation
