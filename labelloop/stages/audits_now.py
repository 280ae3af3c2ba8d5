"""What ends the certificates in force that no round has counted yet: audits with the verdicts that came since
the last round closed, and what somebody has revoked.

A round that closes counts it. Until then nobody else would: whoever takes labels out of the campaign must
know.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from labelloop.campaign import Acceptance
from labelloop.ledger import round_number
from labelloop.stages import fused_audit, model_audit
from labelloop.stages.revoking import ENDING, not_counted
from labelloop.stages.runner import Round

BROKEN = "broken_since"
"""Key of the words about what no round has counted yet, in what `audits_now` gives."""

VERDICTS = ", with the verdicts that came since"


def audits_now(
    current: Round, labels: pd.DataFrame, told: dict[str, Any], accepted: pd.DataFrame, settings: Acceptance
) -> dict[str, Any]:
    """certificate.json as the next round would have it, as far as audits and `accept.revoked` go.

    Args:
        current: the last closed round.
        labels: columns of `tables.LABELS`, with every verdict.
        told: its certificate.json.
        accepted: its `tables.ACCEPTED`.
        settings: now.

    Returns:
        `told` with all `audits`, and under `BROKEN` why a certificate does not hold any more; the same for
        labels by votes under `fused`.
    """
    now = dict(told)
    if told["state"] == "issued":
        now["audits"] = [*told["audits"], *model_audit.answered(told["open_audits"], labels)[0]]
        broken = model_audit.judged(now["audits"], told["certificate"]["target"], settings)[1]
        now[BROKEN] = _words(broken, told, settings)
    voted = told.get("fused", {})
    if voted.get("state") == "issued":
        held, next_round = voted["certificate"], f"r{round_number(current.id) + 1:03d}"
        mine = accepted[accepted["certificate"] == held["id"]]
        stream = fused_audit.stream_of(current, labels)
        audits = fused_audit.audits_of(next_round, stream, voted, mine)["audits"]
        broken = fused_audit.judged(stream, audits, held, voted["through"], settings)[1]
        now["fused"] = voted | {"audits": audits, BROKEN: _words(broken, voted, settings)}
    return now


def _words(broken: str, told: dict[str, Any], settings: Acceptance) -> str:
    """Why a certificate in force does not hold any more, or ''."""
    return not_counted(told, settings) or (f"{broken}{VERDICTS}{ENDING}" if broken else "")
