"""Certificates that somebody ends by hand: `accept.revoked`.

A person may know what no audit has seen yet: that the test set was labeled wrongly, that reviewers were
mixed up. As after a breach, what was accepted returns, and nothing is accepted in that way until
`accept.audits_from` names a later round than the one that has counted it.
"""

from __future__ import annotations

from typing import Any

from labelloop import files
from labelloop.campaign import Acceptance, CampaignSettings
from labelloop.errors import SettingsError
from labelloop.hints import there_is
from labelloop.ledger import Ledger, round_number
from labelloop.stages.runner import Round
from labelloop.workspace import Workspace

ENDING = "; the next round, or `labelloop settle`, counts it"
"""What is added to words about the end of a certificate that no round has counted yet."""


def revocation(current: Round, before: dict[str, Any]) -> dict[str, str] | None:
    """What keeps labels from being accepted: certificate, reason, and the round that counts it; or None.

    Args:
        before: certificate.json of the round before, or its `fused`.
    """
    settings = current.settings.accept
    reason = why_revoked(before, settings)
    if reason:
        return {"certificate": before["certificate"]["id"], "reason": reason, "round": current.id}
    stands: dict[str, str] | None = before.get("revoked")
    if stands is None or round_number(stands["round"]) < round_number(settings.audits_from):
        return None
    return stands


def why_revoked(told: dict[str, Any], settings: Acceptance) -> str:
    """Why somebody has ended the certificate that is in force, or ''.

    Args:
        told: certificate.json, or its `fused`.
        settings: now.
    """
    return settings.revoked.get(told["certificate"]["id"], "") if told.get("state") == "issued" else ""


def revoked_words(stands: dict[str, str], round_id: str) -> str:
    """Why nothing is accepted, and what to do once the cause is gone.

    Args:
        round_id: the round in which it is told.
    """
    return (f"{stands['certificate']} was revoked in params.yaml ({stands['reason']}), so what was accepted "
            "has returned to the queue. Once the cause is gone, set accept.audits_from to the next round's "
            f"id, and not to {round_id}")  # fmt: skip


def check_revoked(workspace: Workspace, settings: CampaignSettings) -> None:
    """Refuse a certificate that no round has issued: a misspelt one would go on vouching for labels.

    Raises:
        SettingsError: names it and the nearest there is.
    """
    if not settings.accept.revoked:
        return
    issued = []
    for name in Ledger.read(workspace.ledger).rounds:
        told = files.read_json(workspace.round(name).certificate)
        issued += [
            one["certificate"]["id"] for one in (told, told.get("fused", {})) if one.get("state") == "issued"
        ]
    for name in settings.accept.revoked:
        if name not in issued:
            known = list(dict.fromkeys(reversed(issued)))
            raise SettingsError(
                f"accept.revoked: no round has issued a certificate {name!r}; {there_is(name, known)}"
            )


def revoked_now(workspace: Workspace) -> list[str]:
    """Sentences about certificates in force that params.yaml revokes, and no round has counted yet."""
    last = Ledger.read(workspace.ledger).last_closed
    if last is None or not workspace.settings.accept.revoked:
        return []
    told = files.read_json(workspace.round(last.id).certificate)
    words = (not_counted(one, workspace.settings.accept) for one in (told, told.get("fused", {})))
    return [f"{one}." for one in words if one]


def not_counted(told: dict[str, Any], settings: Acceptance) -> str:
    """That a certificate in force is revoked, and what counts it; empty where it is not."""
    reason = why_revoked(told, settings)
    return f"{told['certificate']['id']} is revoked in params.yaml ({reason}){ENDING}" if reason else ""
