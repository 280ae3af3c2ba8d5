"""Which labels by votes count without a further person. Part of evaluate, beside `accept`.

A certificate is proven on the random slice of reviews (`certification/fused_labels.py`) and vouches for the
labels as they stood then, not for labels that come later. It holds from round to round, until an audit breaks
it, it expires, fusion or classes change, somebody's answers get worse, or a further one takes its place. A
label leaves it when votes or a verdict say otherwise. Verdicts about accepted labels, as the slice is read
on, are the audit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

import pandas as pd

from labelloop import files, tables
from labelloop.certification.certificate import FORMAT, other_classes
from labelloop.certification.fused_labels import certify_fused, gap_told
from labelloop.datasets.base import Prepared
from labelloop.reviewing import verdicts
from labelloop.stages.acceptance import LEAST_DELTA, changes, closed_at, drift_alarm
from labelloop.stages.fused_audit import Stream, audits_of, judged, stream_of
from labelloop.stages.fused_stream import by_votes_told
from labelloop.stages.overruling import kept_verdicts, places_in
from labelloop.stages.revoking import revocation, revoked_words
from labelloop.stages.runner import Round
from labelloop.stages.snapshot import before_review

NONE_YET: dict[str, Any] = {"state": "off", "looks": 0, "spent": 0.0, "audits": [], "open_audits": []}
"""`fused` of certificate.json before the first round with accept.fused."""

KEPT = ("looks", "spent", "last_look", "last_found", "audits", "open_audits")
"""What of it each round takes over from the one before."""


def accept_fused(
    current: Round, prepared: Prepared, labels: pd.DataFrame, before: dict[str, Any], old: pd.DataFrame
) -> tuple[dict[str, Any] | None, pd.DataFrame]:
    """What certificate.json says of labels by votes, and the accepted ones, columns of `tables.ACCEPTED`.

    Args:
        labels: the round's snapshot.
        before: `fused` of the round before; empty in a campaign that never had it.
        old: what was accepted of labels by votes the round before.

    Returns:
        None in the place of what is said where the campaign has never had it on.
    """
    settings = current.settings.accept
    accepted = tables.ACCEPTED.empty()
    if settings.fused.target_error is None and not before:
        return None, accepted
    before = NONE_YET | before
    told: dict[str, Any] = {"state": "off"} | {name: before[name] for name in KEPT if name in before}
    stands = revocation(current, before)
    if stands is not None:
        told["revoked"] = stands
    if settings.fused.target_error is None:
        # Whoever sets it again finds a breach where it was.
        told |= {name: before[name] for name in ("broken", "through") if "broken" in before}
    else:
        stream = stream_of(current, labels)
        told["by_votes"] = by_votes_told(current, labels)
        told |= audits_of(current.id, stream, before, old)
        ended = _stopped(current, stream, told, before)
        if ended:
            told |= {"state": "suspended", "reason": ended, "last_look": None}
        else:
            accepted, ended = _held_or_new(current, prepared, stream, told, before, old)
        if before["state"] == "issued" and told.get("certificate") != before["certificate"]:
            why = ended or "a further certificate has taken its place"
            told["ended"] = {"certificate": before["certificate"]["id"], "reason": why}
    told["change"] = changes(old, accepted)
    told["accepted"] = len(accepted)
    return told, accepted


def _stopped(current: Round, stream: Stream, told: dict[str, Any], before: dict[str, Any]) -> str:
    """Why nothing may be accepted, or ''; writes what the audit says into `told`."""
    settings = current.settings.accept
    held = before.get("certificate") or before.get("broken")
    if held is not None:
        seen, found = judged(stream, told["audits"], held, before["through"], settings)
        told["audit"] = asdict(seen)
        if found:
            told |= {"broken": held, "through": before["through"]}
            return (f"{found}, so what was accepted has returned to the queue. Look "
                    "into it (audits in certificate.json), then set accept.audits_from to the next round's "
                    f"id, and not to {current.id}")  # fmt: skip
    return revoked_words(told["revoked"], current.id) if "revoked" in told else drift_alarm(current)


def _held_or_new(
    current: Round,
    prepared: Prepared,
    stream: Stream,
    told: dict[str, Any],
    before: dict[str, Any],
    old: pd.DataFrame,
) -> tuple[pd.DataFrame, str]:
    """The labels that are accepted, and why the certificate of the round before has ended, or ''.

    Says in `told` under which certificate labels are accepted, or why none are.
    """
    about = files.read_json(current.folder.fusion)
    rests_on = files.digest_of([about["method"], about["options"], bool((about["model"] or {}).get("heard"))])
    ended = _why_ended(current, prepared, before, rests_on, about)
    told["rests_on"] = rests_on
    accepted = tables.ACCEPTED.empty()
    if before["state"] == "issued" and not ended:
        # Before it was part of the certificate, and sealed with it, `blind` stood beside it.
        kept = ("certificate", "through", "blind")
        told |= {name: before[name] for name in kept if name in before} | {"state": "issued"}
        accepted = _still(stream, old)
    elif ended:
        told["last_look"] = None
    found, reason = _try(current, prepared, stream, told, rests_on, about)
    if found is not None:
        return found, ended
    if told["state"] == "issued":
        told["why_no_other"] = reason
    else:
        told |= {"state": "refused", "reason": f"{ended}; {reason}" if ended else reason}
    return accepted, ended


def _why_ended(
    current: Round, prepared: Prepared, before: dict[str, Any], rests_on: str, about: dict[str, Any]
) -> str:
    """Why the certificate of the round before does not hold any more, or ''."""
    if before["state"] != "issued":
        return ""
    held, target = before["certificate"], current.settings.accept.fused.target_error
    if before["rests_on"] != rests_on:
        return (f"labels are fused otherwise than those that were certified: by `{about['method']}` now, "
                f"where it was `{held['method']}`, or with other options")  # fmt: skip
    differ = other_classes(held["classes"], prepared.classes)
    if differ:
        return differ
    if held["target"] != target:
        return f"accept.fused.target_error is {target:g} now, and {held['target']:g} was proven"
    if closed_at(current) >= datetime.fromisoformat(held["expires_at"]):
        return f"it expired at {held['expires_at'][:10]}"
    return ""


def _try(
    current: Round,
    prepared: Prepared,
    stream: Stream,
    told: dict[str, Any],
    rests_on: str,
    about: dict[str, Any],
) -> tuple[pd.DataFrame | None, str]:
    """A further certificate, where there is something new to prove it with; or why there is none."""
    settings, beginning = current.settings.accept, stream.beginning
    fused = settings.fused
    assert fused.target_error is not None
    if told["looks"] >= fused.looks or fused.delta - told["spent"] < LEAST_DELTA:
        return None, (f"{told['looks']} certificates were tried (accept.fused.looks is {fused.looks}), which "
                      f"has used {told['spent']:.3g} of accept.fused.delta {fused.delta:g}")  # fmt: skip
    look = [rests_on, fused.target_error, beginning.through, beginning.read]
    if look == told.get("last_look"):
        last = f"{told['last_found']}. " if told.get("last_found") else ""
        return None, f"{last}Nothing of the random slice was reviewed since the last try"
    delta = (fused.delta - told["spent"]) / (fused.looks - told["looks"])
    mine = stream.up_to(beginning.through)
    read = mine[: beginning.read]
    free = (mine["status"] == "fused").to_numpy()
    issued = certify_fused(
        mine["confidence"].to_numpy(),
        (read["label"] == read["found"]).to_numpy(),
        free,
        target=fused.target_error,
        delta=delta,
        now=closed_at(current),
        days=settings.days,
        audit_delta=settings.audit_delta,
        classes=list(prepared.classes),
        method=about["method"],
        scorer=about.get("parameters", ""),
        verdicts=list(zip(read["item"], read["found"], strict=True)),
        blind=_blind_ones(current, read["item"]),
    )
    if issued.looked:
        told |= {"looks": told["looks"] + 1, "spent": told["spent"] + delta, "last_look": look,
                 "last_found": issued.reason}  # fmt: skip
    if issued.certificate is None:
        reviewed = mine["found"].notna().to_numpy()
        waiting = set(mine.loc[mine["status"] == "in review", "item"])

        def gate_of(item: str) -> str:
            return _waits_at(current, item) if item in waiting else ""

        return None, issued.reason + gap_told(mine["item"].tolist(), reviewed, beginning, gate_of)
    made = issued.certificate
    told |= {"state": "issued", "through": beginning.through,
             "certificate": asdict(made) | {"format": FORMAT}}  # fmt: skip
    table = mine[free & (mine["confidence"] >= made.threshold)].assign(certificate=made.id, audit=False)
    return table[list(tables.ACCEPTED.columns)].sort_values("item", ignore_index=True), ""


def _waits_at(current: Round, item: str) -> str:
    """The review gate that holds the item's label, which waits."""
    said, review = kept_verdicts(current), current.settings.review
    return places_in(current, before_review(current), said, review)[item].waits_at


def _blind_ones(current: Round, items: Iterable[str]) -> int:
    """Of the reviewed items those whose reviewer was shown no label."""
    standing = verdicts.standing(kept_verdicts(current))
    return sum(standing[item].blind for item in items)


def _still(stream: Stream, old: pd.DataFrame) -> pd.DataFrame:
    """Of the accepted labels those that votes have left as they were, and nobody has reviewed."""
    now = stream.table[stream.table["status"] == "fused"].set_index("item")["label"]
    same = old["label"].to_numpy() == now.reindex(old["item"]).to_numpy()
    return old[same].reset_index(drop=True)
