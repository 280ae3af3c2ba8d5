"""What accepting the model's labels and accepting labels by votes have in common."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from labelloop import files
from labelloop.ledger import Ledger, round_number
from labelloop.stages.runner import Round
from labelloop.workspace import Workspace

LEAST_DELTA = 1e-9
"""Of the chance that certificates may err, less than which is nothing."""


def drift_alarm(current: Round) -> str:
    """Why nothing may be accepted: somebody answers worse than they did; or ''.

    What people say is what labels are tested by, and what labels by votes are made of. Not those who are in
    quality.trusted, nor those whose votes are left out.
    """
    quality, told = current.settings.quality, files.read_json(current.folder.quality)
    left_out = {one["annotator"] for one in told["paused"]} if quality.drop_votes else set()
    names = [one["annotator"] for one in told["flagged"] if "drift" in one["flags"]]
    names = sorted(set(names) - left_out - set(quality.trusted))
    if not names:
        return ""
    who = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return (f"drift alarm: {who} came to answer worse than before (annotators.html), so what was accepted "
            "has returned to the queue. Look into it, then name them in quality.trusted, or have them paused "
            "(quality.pause.flags: [drift]) and their votes left out (quality.drop_votes)")  # fmt: skip


def time_of(workspace: Workspace) -> datetime:
    """Now; for simulated annotators, who live faster or slower, when the last round closed."""
    last = Ledger.read(workspace.ledger).last_closed
    if last is None or workspace.settings.annotation.tool != "simulated":
        return datetime.now(UTC)
    return closed_at(Round(workspace, last.id))


def closed_at(current: Round) -> datetime:
    """When the round closed; what its stages measure certificates by."""
    return datetime.fromisoformat(files.read_json(current.folder.closed)["at"])


def vouched_for(accepted: pd.DataFrame, told: dict[str, Any], now: datetime) -> pd.DataFrame:
    """Of the labels that a round accepted those by votes; none once their certificate has expired.

    Args:
        accepted: `tables.ACCEPTED`.
        told: certificate.json.
        now: with a time zone.
    """
    voted = told.get("fused", {})
    if voted.get("state") != "issued" or now >= datetime.fromisoformat(voted["certificate"]["expires_at"]):
        return accepted.iloc[:0]
    return accepted[accepted["certificate"] == voted["certificate"]["id"]]


def since(audits: Iterable[dict[str, Any]], first: str) -> list[dict[str, Any]]:
    """The audits of this round and of later ones: those that `accept.audits_from` has count."""
    return [one for one in audits if round_number(one["round"]) >= round_number(first)]


def changes(before: pd.DataFrame, now: pd.DataFrame) -> dict[str, int]:
    """What became of the labels that were accepted before, and what is new; both `tables.ACCEPTED`."""
    both = before[["item", "label"]].merge(now[["item", "label"]], on="item", suffixes=("_before", ""))
    return {
        "before": len(before),
        "kept": int((both["label_before"] == both["label"]).sum()),
        "relabelled": int((both["label_before"] != both["label"]).sum()),
        "returned": len(before) - len(both),
        "new": len(now) - len(both),
    }
