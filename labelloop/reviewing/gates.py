"""Review gates: which labels must be read by whom before they are vouched for, and where each stands.

A label meets the gates in order. A gate that stops it holds it until as many reviewers as it wants have given
a verdict; then it goes on with what they said. Where they are divided, the next gate stops it, whatever that
gate looks for, and decides; divided at the last one, it waits there until they agree. A verdict about a label
that its gate does not stop changes the label and holds nothing. So the same labels,
verdicts and gates always leave a label at the same place, and no record of places is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from labelloop import files
from labelloop.reviewing.verdicts import Verdict
from labelloop.settings.review import Gate, Review

CONFLICT = "reviewers disagree"
"""Why a gate stops a label over which those of the gate before are divided."""
DRAWN = "random share"
"""Why it stops one that it drew: in other words than the review queue's own draw, which is another one."""


@dataclass(frozen=True)
class Voted:
    """What votes made of an item."""

    item: str
    label: str = ""
    """Empty where they made nothing."""
    confidence: float = 0.0
    tie: bool = False


@dataclass(frozen=True)
class Place:
    """Where an item's label stands among the gates."""

    waits_at: str
    """Name of the gate that holds it; empty where it has passed."""
    why: tuple[str, ...]
    """Why that gate stops it."""
    label: str
    """What reviewers have said so far; empty where none has said anything."""
    words: tuple[Verdict, ...]
    """Their verdicts that count, in the order of the gates: the last of each reviewer at each."""
    shown: tuple[Verdict, ...]
    """Those that a reviewer at the gate is shown: of the gates before, so that two who read a label at one
    gate do so on their own; of this one as well where they are divided and it is the last."""


def place_of(voted: Voted, said: Sequence[Verdict], review: Review, seed: int) -> Place:
    """Where a label stands.

    Args:
        said: all verdicts about the item, oldest first. Those of no gate, or of one that is no more, count as
            given before the first.
        seed: the campaign's; `random` draws by it, the gate's name and the item alone.
    """
    names = {gate.name for gate in review.gates}
    words = [one for one in said if one.gate not in names][-1:]
    label = words[-1].label if words else ""
    divided = False
    for gate in review.gates:
        here = list({one.by: one for one in said if one.gate == gate.name}.values())
        why = _why(gate, voted, words, review.unsure_below, seed)
        why += [CONFLICT] if divided else []
        if not why and not here:
            continue
        if here:
            words += here
            label = max(here, key=said.index).label
        if why and len(here) < gate.reviewers:
            shown = tuple(one for one in words if one not in here)
            return Place(gate.name, tuple(why), label, tuple(words), shown)
        divided = len({one.label for one in here}) > 1
    if divided:
        return Place(review.gates[-1].name, (CONFLICT,), label, tuple(words), tuple(words))
    return Place("", (), label, tuple(words), tuple(words))


def places(
    voted: Iterable[Voted], verdicts: Iterable[Verdict], review: Review, seed: int
) -> dict[str, Place]:
    """Where each label stands, of all that gates look at or that somebody has reviewed, by item."""
    said: dict[str, list[Verdict]] = {}
    for one in verdicts:
        said.setdefault(one.item, []).append(one)
    return {one.item: place_of(one, said.get(one.item, ()), review, seed) for one in voted}


def drawn(gate: Gate, item: str, seed: int) -> bool:
    """Whether the gate's random share has the item: always the same answer."""
    if gate.share is None:
        return False
    return int(files.digest_of(["gate", seed, gate.name, item])[:13], 16) < gate.share * 16**13


@dataclass(frozen=True)
class GateCounts:
    """What a gate has done."""

    gate: str
    waiting: int
    """Labels that it holds."""
    reviewed: int
    """Items with a verdict there."""
    overturned: int
    """Those of them whose last verdict there is not what the reviewer was shown."""
    drawn: int
    """Those of them that are in its random share: these alone tell how many labels are wrong."""
    drawn_wrong: int
    """How many of those were overturned."""
    divided: int
    """Items about which its reviewers say different things."""


def gate_counts(
    found: Mapping[str, Place], verdicts: Sequence[Verdict], review: Review, seed: int
) -> list[GateCounts]:
    """What each gate has done, in their order."""
    rows = []
    for gate in review.gates:
        here = [one for one in verdicts if one.gate == gate.name]
        last = {one.item: one for one in here}
        turned = {item for item, one in last.items() if one.was not in ("", one.label)}
        random = {item for item in last if drawn(gate, item, seed)}
        labels: dict[str, set[str]] = {}
        for (item, _), label in {(one.item, one.by): one.label for one in here}.items():
            labels.setdefault(item, set()).add(label)
        rows.append(
            GateCounts(
                gate=gate.name,
                waiting=sum(place.waits_at == gate.name for place in found.values()),
                reviewed=len(last),
                overturned=len(turned),
                drawn=len(random),
                drawn_wrong=len(random & turned),
                divided=sum(len(said) > 1 for said in labels.values()),
            )
        )
    return rows


def _why(gate: Gate, voted: Voted, words: Sequence[Verdict], unsure_below: float, seed: int) -> list[str]:
    holds = {
        "unsure": not words and (not voted.label or voted.tie or voted.confidence < unsure_below),
        "random": bool(voted.label) and drawn(gate, voted.item, seed),
        # By what each reviewer was shown: votes that come later make no verdict an overturning one.
        "overturned": any((one.was or voted.label or one.label) != one.label for one in words),
        "all": True,
    }
    return [DRAWN if why == "random" else why for why in gate.when if holds[why]]
