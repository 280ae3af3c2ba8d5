"""What a round's labels rest on, in words: how votes were fused, what counts without a person.

For status, report, export and MLflow. No pandas here: status must be fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labelloop import files
from labelloop.round_folder import RoundFolder


def read_labels(folder: RoundFolder) -> list[str]:
    """Of a closed round: how its labels came about, what reviewers said, what counts without a person."""
    metrics, about = files.read_json(folder.metrics), files.read_json(folder.fusion)
    told = files.read_json(folder.certificate)
    lines = [
        fusion_words(about),
        review_words(metrics["reviewed"], metrics["overturned"], metrics.get("in_review", 0)),
        list_words(folder.id, metrics.get("to_review", {}), metrics.get("overturned_by_reason", {})),
        acceptance_words(told, metrics["accepted"]),
        fused_words(told),
    ]
    return [line for line in lines if line]


def label_metrics(folder: RoundFolder) -> dict[str, float | None]:
    """Figures for MLflow: fusion's temperature and gold, and the certificate, None where there is none."""
    about, told = files.read_json(folder.fusion), files.read_json(folder.certificate)
    made = told["certificate"] if told["state"] == "issued" else {}
    voted = told.get("fused")
    by_votes = {} if voted is None else {
        "fused_accepted": voted["accepted"],
        "fused_audited": len(voted["audits"]),
        "fused_audit_errors": _wrong(voted["audits"]),
        **{f"fused_certificate_{name}": voted.get("certificate", {}).get(name)
           for name in ("threshold", "bound", "coverage")},
    }  # fmt: skip
    return by_votes | {
        "fusion_temperature": about["temperature"],
        "fusion_gold_items": about["gold_items"],
        "certificate_threshold": made.get("threshold"),
        "certificate_bound": made.get("bound"),
        "certificate_coverage": made.get("coverage"),
        "certificate_delta_spent": None if told["state"] == "off" else told["spent"],
    }


def fusion_words(about: dict[str, Any]) -> str:
    """What fusion.json says: votes of whom, by what method, why by that, and what confidence means."""
    people = "1 annotator" if about["annotators"] == 1 else f"{about['annotators']} annotators"
    said = (
        f"{about['votes']} votes of {people} about {about['items']} items were fused by `{about['method']}`"
    )
    said += f": {about['reason']}." if about["reason"] else "."
    # Rounds of earlier versions do not have it.
    if about.get("calibration"):
        said += f" {about['calibration'].capitalize()}."
    if about["model"]:
        said += f" What the model says, trained without the item: {about['model']['reason']}."
    return said


def review_words(reviewed: int, overturned: int, in_review: int) -> str:
    """How often reviewers said otherwise, and what waits for them; empty where nothing does either."""
    said = []
    if reviewed:
        said.append(
            f"{reviewed} labels rest on a reviewer's word; {overturned} of them had another label by votes."
        )
    if in_review:
        said.append(f"{in_review} labels wait at a review gate: not vouched for yet.")
    return " ".join(said)


def list_words(round_id: str, to_review: dict[str, int], overturned: dict[str, dict[str, Any]]) -> str:
    """What the round's review list holds, and how often verdicts overturned a label, by why it was listed.

    Args:
        to_review: rows by reason.
        overturned: reviewed, overturned, missing, low and high by reason; `random` tells the share of all
            labels by votes that are wrong.
    """
    said = []
    if to_review:
        listed = ", ".join(f"{count} {reason}" for reason, count in sorted(to_review.items()))
        said.append(f"{sum(to_review.values())} labels to review in rounds/{round_id}/review.csv: {listed}.")
    doubtful = [
        f"{reason} {one['overturned']} of {one['reviewed']} ({one['low']:.0%} to {one['high']:.0%})"
        for reason, one in sorted(overturned.items())
        if reason != "random"
    ]
    if doubtful:
        said.append(f"Overturned by reviewers so far: {', '.join(doubtful)}.")
    drawn = overturned.get("random")
    if drawn:
        missing = f"; {drawn['missing']} more of the slice have no verdict yet" if drawn["missing"] else ""
        said.append(
            f"Of {drawn['reviewed']} labels drawn at random {drawn['overturned']} were overturned: "
            f"{drawn['overturned'] / drawn['reviewed']:.1%} of all labels by votes are wrong, by this "
            f"unbiased estimate (95% interval {drawn['low']:.1%} to {drawn['high']:.1%}{missing})."
        )
    return " ".join(said)


def acceptance_words(told: dict[str, Any], accepted: int) -> str:
    """What certificate.json says; empty while acceptance is off."""
    if told["state"] == "off":
        return ""
    drawn = f"{told['drawn']} are" if "drawn" in told else "some are"
    seen = _audited(told, f"{drawn} drawn for it, and a further round that asks people asks about them")
    waiting = len(told["open_audits"])
    seen += f" {waiting} that were asked about have no label of people." if waiting else ""
    seen += _change(told["change"])
    if told["state"] != "issued":
        return f"No label is accepted from the model: {told['reason']}.{seen}"
    made = told["certificate"]
    return (
        f"{accepted} labels of the model count without a person, under certificate `{made['id']}`: with "
        f"confidence {made['threshold']:.3f} or more at most {made['target']:.1%} are wrong (chance "
        f"{1 - made['delta']:.1%}; {made['errors']} of {made['gold']} test items there were). It ends with "
        f"the next model, or at {made['expires_at'][:10]}.{seen}"
    )


def fused_words(told: dict[str, Any]) -> str:
    """What certificate.json says of labels by votes; empty where none may be accepted."""
    voted = told.get("fused", {"state": "off"})
    if voted["state"] == "off":
        return ""
    ended = (
        f" {voted['ended']['certificate']} has ended: {voted['ended']['reason']}." if "ended" in voted else ""
    )
    other = f" No further one was proven: {voted['why_no_other']}." if "why_no_other" in voted else ""
    todo = "a further `labelloop review --random N`, all of it filled in, does it"
    seen = _audited(voted, todo) + _change(voted["change"])
    if voted["state"] != "issued":
        return f"No label by votes is accepted: {voted['reason']}.{seen}"
    made = voted["certificate"]
    return (
        f"{voted['accepted']} labels by votes, of the rounds up to {voted['through']}, need no further "
        f"person, under certificate `{made['id']}`: with confidence {made['threshold']:.3f} or more at most "
        f"{made['target']:.1%} are wrong (chance {1 - made['delta']:.1%}; {made['errors']} of {made['gold']} "
        f"reviewed at random there were; {_blind(voted)}). It holds until {made['expires_at'][:10]}."
        f"{other}{ended}{seen}"
    )


def _blind(voted: dict[str, Any]) -> str:
    """How many of the verdicts were given without the label in view; rounds of earlier versions know none."""
    made = voted["certificate"]
    blind = made.get("blind", voted.get("blind", 0))
    return f"of all {made['gold_total']} verdicts {blind} were given without the label in view"


def _wrong(audits: Sequence[dict[str, Any]]) -> int:
    """Of the audited labels those that turned out wrong."""
    return sum(one["accepted"] != one["found"] for one in audits)


def _audited(told: dict[str, Any], todo: str) -> str:
    """How many of the accepted labels were audited: of the certificate in force, then of all.

    Args:
        todo: what would audit labels of the certificate in force, where none was.
    """
    audits = told["audits"]
    every = f" Audits of all certificates: {_wrong(audits)} of {len(audits)} wrong."
    if told["state"] != "issued":
        return every if audits else ""
    mine = [one for one in audits if one["certificate"] == told["certificate"]["id"]]
    if not mine:
        return f" None of its labels has been audited so far: {todo}." + (every if audits else "")
    said = f" {_wrong(mine)} of {len(mine)} audited labels under it were wrong."
    return said + (every if len(audits) > len(mine) else "")


def _change(change: dict[str, int]) -> str:
    """What became of labels that were accepted before."""
    if not change["before"]:
        return ""
    return (
        f" Of the {change['before']} labels accepted a round before, {change['kept']} stand, "
        f"{change['relabelled']} have another class now, and {change['returned']} are back in the queue."
    )
