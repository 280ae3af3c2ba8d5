"""Which labels by votes count without a further person. Part of evaluate, beside `accept`.

A certificate is proven on the random slice of reviews (`certification/fused_labels.py`) and vouches for the
labels as they stood then, not for labels that come later. It holds from round to round, until an audit breaks
it, it expires, fusion or classes change, somebody's answers get worse, or a further one takes its place. A
label leaves it when votes or a verdict say otherwise. Verdicts about accepted labels, as the slice is read
on, are the audit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from labelloop import files, tables
from labelloop.certification.audit import watch
from labelloop.certification.certificate import FORMAT, other_classes
from labelloop.certification.fused_labels import Beginning, certify_fused, gap_told, read_without_gap
from labelloop.datasets.base import Prepared
from labelloop.ledger import round_number
from labelloop.reviewing import verdicts
from labelloop.reviewing.random_slice import in_order
from labelloop.stages.acceptance import LEAST_DELTA, changes, closed_at, drift_alarm, since
from labelloop.stages.fused_stream import by_votes_told
from labelloop.stages.overruling import kept_verdicts
from labelloop.stages.runner import Round

NONE_YET: dict[str, Any] = {"state": "off", "looks": 0, "spent": 0.0, "audits": [], "open_audits": []}
"""`fused` of certificate.json before the first round with accept.fused."""

KEPT = ("looks", "spent", "last_look", "last_found", "audits", "open_audits")
"""What of it each round takes over from the one before."""


@dataclass(frozen=True)
class _Stream:
    """The labels by votes."""

    table: pd.DataFrame
    """Columns item, label, confidence, round, found (the label by verdict, or None) and status, in the order
    of the draw."""

    def up_to(self, through: str) -> pd.DataFrame:
        if not through:
            return self.table[:0]
        return self.table[self.table["round"].map(round_number) <= round_number(through)]

    @property
    def beginning(self) -> Beginning:
        return read_without_gap(self.table["round"].tolist(), self.table["found"].notna().to_numpy())


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
    if settings.fused.target_error is None:
        # Whoever sets it again finds a breach where it was.
        told |= {name: before[name] for name in ("broken", "through") if "broken" in before}
    else:
        stream = _stream_of(current, labels)
        told["by_votes"] = by_votes_told(current, labels)
        told |= _audits_of(current, stream, before, old)
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


def _stream_of(current: Round, labels: pd.DataFrame) -> _Stream:
    """Every label that rests on votes; gold is none, since its label does not."""
    fused = tables.FUSED.read(current.folder.fused)
    asked = tables.ASKED.read(current.folder.asked).set_index("item")
    now = labels.set_index("item")[["label", "status"]]
    arms = asked["arm"].reindex(fused["item"]).to_numpy()
    fused = fused[(arms != "gold") & ~fused["gold"].to_numpy()].set_index("item", drop=False)
    fused = fused.loc[in_order(fused["item"], current.settings.campaign.seed)]
    status = now["status"].reindex(fused.index)
    return _Stream(
        pd.DataFrame(
            {
                "item": fused["item"],
                "label": fused["label"],
                "confidence": fused["confidence"],
                "round": asked["round"].reindex(fused.index),
                "found": now["label"].reindex(fused.index).where(status == "reviewed", None),
                "status": status,
            }
        ).reset_index(drop=True)
    )


def _audits_of(
    current: Round, stream: _Stream, before: dict[str, Any], old: pd.DataFrame
) -> dict[str, list[dict[str, Any]]]:
    """`audits` (accepted labels that have a verdict) and `open_audits` (those that wait at a review gate)."""
    audits, waiting = list(before["audits"]), []
    now = stream.table.set_index("item")
    accepted = [
        {"item": row.item, "certificate": row.certificate, "accepted": row.label} for row in old.itertuples()
    ]
    for one in [*before["open_audits"], *accepted]:
        if one["item"] not in now.index:
            continue
        row = now.loc[one["item"]]
        if row["status"] == "reviewed":
            audits.append(one | {"round": current.id, "found": row["found"]})
        elif row["status"] == "in review":
            waiting.append(one)
    return {"audits": audits, "open_audits": waiting}


def _stopped(current: Round, stream: _Stream, told: dict[str, Any], before: dict[str, Any]) -> str:
    """Why nothing may be accepted, or ''; writes what the audit says into `told`.

    Of the accepted labels that were reviewed those count that the slice has come to without a gap: others
    were read for being doubtful.
    """
    settings = current.settings.accept
    held = before.get("certificate") or before.get("broken")
    if held is not None:
        mine = stream.up_to(before["through"])
        read = mine[: read_without_gap(["r000"] * len(mine), mine["found"].notna().to_numpy()).read]
        place = {item: number for number, item in enumerate(read["item"])}
        counted = [
            one
            for one in since(told["audits"], settings.audits_from)
            if one["certificate"] == held["id"] and one["item"] in place
        ]
        counted.sort(key=lambda one: place[one["item"]])
        wrong: np.ndarray = np.array([one["accepted"] != one["found"] for one in counted], dtype=bool)
        seen, late = watch(wrong, held["target"], settings.audit_delta)
        told["audit"] = asdict(seen)
        if seen.breach_at is not None or late is not None:
            told |= {"broken": held, "through": before["through"]}
            many = f"{seen.errors} of {seen.audited} accepted labels wrong"
            what = f"more than {held['target']:.1%}" if seen.breach_at else "too many of the latest ones"
            return (f"reviewers found {many} ({what}), so what was accepted has returned to the queue. Look "
                    "into it (audits in certificate.json), then set accept.audits_from to the next round's "
                    f"id, and not to {current.id}")  # fmt: skip
    return drift_alarm(current)


def _held_or_new(
    current: Round,
    prepared: Prepared,
    stream: _Stream,
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
    stream: _Stream,
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
    )
    if issued.looked:
        told |= {"looks": told["looks"] + 1, "spent": told["spent"] + delta, "last_look": look,
                 "last_found": issued.reason}  # fmt: skip
    if issued.certificate is None:
        reviewed = mine["found"].notna().to_numpy()
        return None, issued.reason + gap_told(mine["item"].tolist(), reviewed, beginning)
    made = issued.certificate
    told |= {"state": "issued", "through": beginning.through, "blind": _blind_ones(current, read["item"]),
             "certificate": asdict(made) | {"format": FORMAT}}  # fmt: skip
    table = mine[free & (mine["confidence"] >= made.threshold)].assign(certificate=made.id, audit=False)
    return table[list(tables.ACCEPTED.columns)].sort_values("item", ignore_index=True), ""


def _blind_ones(current: Round, items: Iterable[str]) -> int:
    """Of the reviewed items those whose reviewer was shown no label."""
    standing = verdicts.standing(kept_verdicts(current))
    return sum(standing[item].blind for item in items)


def _still(stream: _Stream, old: pd.DataFrame) -> pd.DataFrame:
    """Of the accepted labels those that votes have left as they were, and nobody has reviewed."""
    now = stream.table[stream.table["status"] == "fused"].set_index("item")["label"]
    same = old["label"].to_numpy() == now.reindex(old["item"]).to_numpy()
    return old[same].reset_index(drop=True)
