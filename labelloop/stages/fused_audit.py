"""The audit of accepted labels by votes: verdicts about them, as the random slice is read on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from labelloop import tables
from labelloop.campaign import Acceptance
from labelloop.certification.audit import Audit, watch
from labelloop.certification.fused_labels import Beginning, read_without_gap
from labelloop.ledger import round_number
from labelloop.reviewing.random_slice import in_order
from labelloop.stages.acceptance import since
from labelloop.stages.runner import Round


@dataclass(frozen=True)
class Stream:
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


def stream_of(current: Round, labels: pd.DataFrame) -> Stream:
    """Every label that rests on votes; gold is none, since its label does not."""
    fused = tables.FUSED.read(current.folder.fused)
    asked = tables.ASKED.read(current.folder.asked).set_index("item")
    now = labels.set_index("item")[["label", "status"]]
    arms = asked["arm"].reindex(fused["item"]).to_numpy()
    fused = fused[(arms != "gold") & ~fused["gold"].to_numpy()].set_index("item", drop=False)
    fused = fused.loc[in_order(fused["item"], current.settings.campaign.seed)]
    status = now["status"].reindex(fused.index)
    return Stream(
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


def audits_of(
    round_id: str, stream: Stream, before: dict[str, Any], old: pd.DataFrame
) -> dict[str, list[dict[str, Any]]]:
    """`audits` (accepted labels that have a verdict) and `open_audits` (those that wait at a review gate).

    Args:
        round_id: that counts the verdicts that are new.
        before: `fused` of certificate.json of the round before.
        old: what was accepted of labels by votes then.
    """
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
            audits.append(one | {"round": round_id, "found": row["found"]})
        elif row["status"] == "in review":
            waiting.append(one)
    return {"audits": audits, "open_audits": waiting}


def judged(
    stream: Stream,
    audits: Sequence[dict[str, Any]],
    held: dict[str, Any],
    through: str,
    settings: Acceptance,
) -> tuple[Audit, str]:
    """What the audit of a certificate says, and in words what breaks it, or ''.

    Of the accepted labels that were reviewed those count that the slice has come to without a gap: others
    were read for being doubtful.

    Args:
        audits: of all certificates.
        held: the certificate.
        through: the last round that it is about.
        settings: now; `audits_from` leaves earlier audits aside.
    """
    mine = stream.up_to(through)
    read = mine[: read_without_gap(["r000"] * len(mine), mine["found"].notna().to_numpy()).read]
    place = {item: number for number, item in enumerate(read["item"])}
    counted = [
        one
        for one in since(audits, settings.audits_from)
        if one["certificate"] == held["id"] and one["item"] in place
    ]
    counted.sort(key=lambda one: place[one["item"]])
    wrong: np.ndarray = np.array([one["accepted"] != one["found"] for one in counted], dtype=bool)
    seen, late = watch(wrong, held["target"], settings.audit_delta)
    if seen.breach_at is None and late is None:
        return seen, ""
    what = f"more than {held['target']:.1%}" if seen.breach_at else "too many of the latest ones"
    return seen, f"reviewers found {seen.errors} of {seen.audited} accepted labels wrong ({what})"
