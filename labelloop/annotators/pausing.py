"""Who is asked no further: rules over what is known of each annotator, with a reason for each.

A pause is decided when a round's votes are in and holds from the next round on, until the annotator is
trusted or the rules are taken back. Nobody is paused where too few would be left for an item's votes: a
campaign that waits for an answer that nobody may give helps no one.

No pandas here: `labelloop status` reads this too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from labelloop.campaign import Annotation, CampaignSettings, Quality

NOBODY: dict[str, Any] = {"paused": [], "seen": 0}
"""quality.json of before the first round, as far as pauses go."""


class Standing(NamedTuple):
    """Pauses after a round."""

    paused: list[dict[str, str]]
    """annotator, since (the first round that does not ask them), rule, reason; by name."""
    notices: list[str]
    """What somebody should know: who is newly paused or asked again, and who is not paused though a rule
    says so."""


def in_force(before: Mapping[str, Any], settings: CampaignSettings) -> dict[str, dict[str, str]]:
    """Who is paused in a round: what stood before it, by annotator, less those its settings trust.

    Empty where its settings have no rule, or where too few would be left.

    Args:
        before: quality.json of the round before; of it, `paused` and `seen` count.
    """
    if not settings.quality.pause.on:
        return {}
    kept = {one["annotator"]: one for one in before["paused"]}
    kept = {name: one for name, one in kept.items() if name not in settings.quality.trusted}
    return kept if _left(kept, settings, before["seen"]) >= people_needed(settings) else {}


def decide(
    records: Sequence[Mapping[str, Any]],
    before: Mapping[str, Any],
    settings: CampaignSettings,
    since: str,
) -> Standing:
    """Who is paused after a round.

    Args:
        records: of `quality_file.annotators_summary`, all annotators.
        before: quality.json of the round before.
        since: the next round's id.
    """
    quality, seen = settings.quality, len(records)
    if not quality.pause.on:
        return Standing([], [])
    kept = in_force(before, settings)
    notices = [
        f"{one['annotator']} is no longer paused: named in quality.trusted"
        for one in before["paused"]
        if one["annotator"] in quality.trusted
    ]
    standing = {one["annotator"]: one for one in before["paused"] if one["annotator"] not in quality.trusted}
    if standing and not kept:
        notices.append(f"{_names(standing)} stay paused by the rules, but nobody was: "
                       f"{_too_few(standing, settings, seen)}")  # fmt: skip
    new: dict[str, dict[str, str]] = {}
    for record in records:
        name = str(record["annotator"])
        if name in standing or name in quality.trusted:
            continue
        found = _why(record, quality)
        if found is not None:
            new[name] = {"annotator": name, "since": since, "rule": found[0], "reason": found[1]}
    if new and _left({**standing, **new}, settings, seen) < people_needed(settings):
        why = "; ".join(f"{name}: {one['reason']}" for name, one in sorted(new.items()))
        notices.append(f"{_names(new)} should be paused ({why}), but nobody was: "
                       f"{_too_few({**standing, **new}, settings, seen)}")  # fmt: skip
        new = {}
    notices += [f"{name} is paused from {since} on: {one['reason']}" for name, one in sorted(new.items())]
    everybody = standing | new
    return Standing([everybody[name] for name in sorted(everybody)], notices)


def without(annotation: Annotation, paused: Mapping[str, Any]) -> Annotation:
    """The settings of the tool, with nobody who is paused among those who can be asked."""
    if not paused:
        return annotation
    crew = [person for person in annotation.simulation.annotators if person.name not in paused]
    return annotation.model_copy(
        update={
            "annotators": [name for name in annotation.annotators if name not in paused],
            "simulation": annotation.simulation.model_copy(update={"annotators": crew}),
        }
    )


def people_needed(settings: CampaignSettings) -> int:
    """Different annotators that a new item needs; gold and second looks make do with those there are."""
    return settings.annotation.overlap


def _why(record: Mapping[str, Any], quality: Quality) -> tuple[str, str] | None:
    """Rule and reason for which this annotator is to be paused; None where no rule says so."""
    pause, gold = quality.pause, record["gold"]
    if pause.gold_below is not None and gold["of"] >= pause.least_gold and gold["high"] < pause.gold_below:
        return "gold_below", (
            f"right on {gold['hits']} of {gold['of']} gold answers, at most {gold['high']:.0%} "
            f"(quality.pause.gold_below: {pause.gold_below:g})"
        )
    flag = next((flag for flag in pause.flags if flag in record["flags"]), None)
    return None if flag is None else (flag, f"flagged {flag}{_told(record, flag)} (quality.pause.flags)")


def _told(record: Mapping[str, Any], flag: str) -> str:
    if flag == "spam":
        return f", kappa with the others {record['kappa']:.2f} on {record['consensus']['of']} answers"
    if flag == "copying":
        return f" with {', '.join(record['copies'][:5])}"
    if flag == "too fast":
        return f", {record['too_fast']['share']:.0%} of {record['too_fast']['of']} answers"
    return ""


def _left(paused: Mapping[str, Any], settings: CampaignSettings, seen: int) -> int:
    """People who could still answer; where anybody may come, of those who have answered so far."""
    from labelloop.asking import usual_people

    known = usual_people(settings.annotation)
    return seen - len(paused) if known is None else len(known - set(paused))


def _too_few(paused: Mapping[str, Any], settings: CampaignSettings, seen: int) -> str:
    left, needed = max(0, _left(paused, settings, seen)), people_needed(settings)
    were = "annotator would be" if left == 1 else "annotators would be"
    return (f"only {left} {were} left where an item needs {needed}. Take in more annotators, lower "
            "annotation.overlap, or name those you trust in quality.trusted")  # fmt: skip


def _names(people: Mapping[str, Any]) -> str:
    names = sorted(people)
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
