"""Second looks in a campaign that accepts labels by votes: reviewed items go on like all others.

A certificate for labels by votes is proven on those that reviewers have read. Were votes about an item to end
with its verdict, read labels would have fewer votes than the others, and prove nothing about these. So second
looks do not see verdicts there; they see the certificate, and ask no further about what it vouches for.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd

from labelloop import files, tables
from labelloop.ledger import round_number
from labelloop.round_folder import RoundFolder
from labelloop.stages.acceptance import time_of
from labelloop.stages.overruling import METHOD
from labelloop.stages.revoking import why_revoked
from labelloop.stages.runner import Round
from labelloop.workspace import Workspace

ENDED = "expired"
"""Key of what `ended_since` gives, in the `round` part of the round's settings."""


def ended_since(workspace: Workspace, before: RoundFolder) -> str | None:
    """The certificate for labels by votes of the round before, if it has expired since, or somebody has
    revoked it; or None.

    Looked up once, when a round opens, so that no stage depends on the clock.
    """
    told = files.read_json(before.certificate).get("fused", {})
    if told.get("state") != "issued":
        return None
    made: dict[str, str] = told["certificate"]
    if why_revoked(told, workspace.settings.accept):
        return made["id"]
    return made["id"] if time_of(workspace) >= datetime.fromisoformat(made["expires_at"]) else None


def by_votes_told(current: Round, labels: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """What votes say of the items that rest on a verdict, for certificate.json; empty without second looks.

    By item: label, confidence, agreeing and tie, and posterior where the votes leave it below the target.

    Args:
        labels: columns of `tables.LABELS`.
    """
    annotation = current.settings.annotation
    if annotation.max_overlap is None:
        return {}
    fused = tables.FUSED.read(current.folder.fused)
    reviewed = labels.loc[labels["method"] == METHOD, "item"]
    told = {}
    for row in fused[fused["item"].isin(reviewed)].to_dict("records"):
        told[str(row["item"])] = {
            "label": str(row["label"]), "confidence": float(row["confidence"]),
            "agreeing": int(row["agreeing"]), "tie": bool(row["tie"]),
        }  # fmt: skip
        if row["confidence"] < annotation.target_confidence:
            told[str(row["item"])]["posterior"] = [float(share) for share in row["posterior"]]
    return told


def as_if_unread(
    current: Round, asked: pd.DataFrame, before: pd.DataFrame, labels: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`asked` and labels as second looks see them.

    Args:
        asked: `tables.ASKED` of the round before.
        before: the snapshot of the round before.
        labels: the same with the verdicts that have come since.

    Returns:
        `asked` without the items that a certificate vouches for, and `before` as votes have it; both as they
        are where labels by votes are not accepted, or nobody looks twice.
    """
    settings = current.settings
    if settings.accept.fused.target_error is None or settings.annotation.max_overlap is None:
        return asked, labels
    told = files.read_json(current.previous.certificate).get("fused", {})
    labels, voted = before, told.get("by_votes", {})
    if voted:
        rows = before.to_dict("records")
        for row in rows:
            if row["item"] in voted:
                row.update(voted[row["item"]], status="fused", method="votes")
        labels = pd.DataFrame(rows, columns=list(before.columns))
    if told.get("state") == "issued" and told["certificate"]["id"] != current.about.get(ENDED):
        last, threshold = round_number(told["through"]), told["certificate"]["threshold"]
        number = labels["round"].fillna("r0").str[1:].astype(int)
        sure = labels.loc[(number <= last) & (labels["confidence"] >= threshold), "item"]
        asked = asked[~asked["item"].isin(sure)]
    return asked, labels
