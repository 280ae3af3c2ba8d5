"""Rounds that ask nobody, and count what has been reviewed since the last one closed.

A verdict counts when a round closes. Once a campaign has stopped no round comes by itself, so one is opened
for that: votes are fused, the model is trained and judged and certificates are tried as in any round. It is
opened by a person, never by a schedule, since each try of a certificate takes its part of the chance to err.
It says nothing of what labels bring, so stopping rules, forecasts and savings leave it out
(`evaluation.curve.labeling_rounds`, `stopping.summaries`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from labelloop import files
from labelloop.answering import from_here
from labelloop.campaign import CampaignSettings, differences
from labelloop.errors import LabelloopError
from labelloop.ledger import SETTLES, Entry, Ledger, read_frozen
from labelloop.reviewing import verdicts
from labelloop.round_folder import RoundFolder
from labelloop.workspace import Workspace

COUNTED = ("labels", "model", "fusion", "gold", "quality", "review", "evaluation", "accept")
"""Sections of params.yaml that decide what a round makes of votes and verdicts."""
NAMED = 3
"""Changed settings that are told; the others are counted."""


def uncounted(workspace: Workspace) -> int:
    """Verdicts that were taken in since the last round closed; 0 before the first has."""
    last = Ledger.read(workspace.ledger).last_closed
    if last is None:
        return 0
    kept = workspace.round(last.id).reviews
    counted = len(files.read_json(kept)) if kept.exists() else 0
    return max(0, len(verdicts.read(workspace.reviews)) - counted)


def uncounted_words(workspace: Workspace) -> str:
    """That verdicts wait for a round that no schedule opens; empty where a round is open or none do."""
    ledger, many = Ledger.read(workspace.ledger), uncounted(workspace)
    if not many or ledger.open is not None:
        return ""
    how = f"`labelloop settle {from_here(workspace.root)}` counts what was reviewed, with nobody asked"
    if ledger.stopped is None:
        how = f"the next round does, or {how}"
    return f"{_verdicts(many)} not counted yet: {how}."


def open_settling(workspace: Workspace, *, anyway: bool, told: Callable[[str], None]) -> Entry:
    """Open a round that asks nobody; one that is open already, of a command that was killed, goes on.

    Only the holder of the campaign may call it.

    Args:
        anyway: also where nothing is known that it would count, such as for answers that came in late.
        told: hears what it is opened for.

    Raises:
        LabelloopError: a round is open, none is closed yet, or nothing has changed since the last closed.
        SettingsError, DataError: params.yaml does not do; see `readiness.check_round`.
    """
    from labelloop import loop
    from labelloop.kept_settings import keep_held
    from labelloop.stages.pool_use import with_pool
    from labelloop.stages.runner import run_stage

    ledger, here = Ledger.read(workspace.ledger), from_here(workspace.root)
    if ledger.open is not None:
        if read_frozen(workspace.round(ledger.open.id).settings)[0].get(SETTLES):
            return ledger.open
        raise LabelloopError(
            f"round {ledger.open.id} is open and counts what was reviewed when it closes: nothing to settle. "
            f"`labelloop status {here}` says what it waits for"
        )
    last = ledger.last_closed
    if last is None:
        raise LabelloopError(f"{workspace.root} has no closed round, so there is nothing to settle; "
                             f"`labelloop run {here}` makes one")  # fmt: skip
    run_stage(workspace, "prepare")
    settings = keep_held(workspace.settings, ledger)
    found = reasons(workspace, workspace.round(last.id), with_pool(settings, workspace.data)[0])
    if not found and not anyway:
        raise LabelloopError(
            f"nothing was reviewed since {last.id} closed, no certificate has expired, and params.yaml says "
            f"what {last.id} followed ({', '.join(COUNTED)}): a round that asks nobody would change nothing. "
            f"`labelloop review {here}` writes a queue to fill in; --anyway settles all the same, "
            "for answers that came in late"
        )
    entry = loop.open_next(workspace, ledger, settings, loop.Plan(0), settles=True)
    told(f"{entry.id} asks nobody and counts what is new: {'; '.join(found) or 'late answers, if any'}")
    return entry


def reasons(workspace: Workspace, last: RoundFolder, settings: CampaignSettings) -> list[str]:
    """What a round that asks nobody would count that the last closed one has not, each as a phrase.

    Args:
        settings: what the round would follow.
    """
    many = uncounted(workspace)
    found = [_verdicts(many)] if many else []
    found += [f"certificate {name} has expired" for name in expired(workspace, last)]
    followed = read_frozen(last.settings)[1].model_dump(mode="json", include=set(COUNTED))
    changed = differences(followed, settings.model_dump(mode="json", include=set(COUNTED)))
    return [*found, *_shortened(changed)]


def expired(workspace: Workspace, last: RoundFolder) -> list[str]:
    """Certificates of the round that were in force when it closed and are not now."""
    from labelloop.stages.acceptance import time_of

    told: dict[str, Any] = files.read_json(last.certificate)
    made = [one["certificate"] for one in (told, told.get("fused", {})) if one.get("state") == "issued"]
    now = time_of(workspace)
    return [one["id"] for one in made if now >= datetime.fromisoformat(one["expires_at"])]


def _verdicts(many: int) -> str:
    return "1 verdict" if many == 1 else f"{many} verdicts"


def _shortened(lines: Sequence[str]) -> list[str]:
    more = len(lines) - NAMED
    return [*lines[:NAMED], *([f"{more} more settings changed"] if more > 0 else [])]
