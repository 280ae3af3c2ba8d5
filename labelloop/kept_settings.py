"""What a running campaign keeps, whatever params.yaml says by now, and what of that it says differently."""

from __future__ import annotations

from labelloop.campaign import Campaign, CampaignSettings, Dataset, differences, load_settings
from labelloop.errors import DamagedFileError, SettingsError
from labelloop.ledger import FROZEN, Ledger, read_frozen, round_name, round_number
from labelloop.stages.known_errors import with_known_errors
from labelloop.stages.pool_use import with_pool
from labelloop.workspace import Workspace


def pending_changes(workspace: Workspace) -> list[str]:
    """What params.yaml says that the open round does not follow, and from when it will."""
    ledger = Ledger.read(workspace.ledger)
    settings = load_settings(workspace.params)
    held = keep_held(settings, ledger)
    lines = [
        f"params.yaml: {change}; a running campaign keeps its name, seed, pool, test set and classes, so "
        "this has no effect (start a new campaign with `labelloop init`)"
        for change in differences(held.model_dump(mode="json"), settings.model_dump(mode="json"))
    ]
    if ledger.open is not None:
        frozen = read_frozen(workspace.round(ledger.open.id).settings)[1]
        held = with_known_errors(held, workspace.root, workspace.data, strict=False)
        held = _with_pool(held, workspace)
        following = round_name(round_number(ledger.open.id) + 1)
        lines += [
            f"params.yaml: {change}; applies from round {following} (round {ledger.open.id} keeps what it "
            "was opened with)"
            for change in differences(
                frozen.model_dump(mode="json", include=set(FROZEN)),
                held.model_dump(mode="json", include=set(FROZEN)),
            )
        ]
    return lines


def _with_pool(settings: CampaignSettings, workspace: Workspace) -> CampaignSettings:
    try:
        return with_pool(settings, workspace.data)[0]
    except (SettingsError, DamagedFileError):
        return settings  # the next round is not opened with it, and says why


def keep_held(settings: CampaignSettings, ledger: Ledger) -> CampaignSettings:
    """`settings` with what a campaign that has begun keeps as it is.

    Another name would give its tasks other keys, another seed another control arm, other classes other codes.
    """
    if not ledger.begun:
        return settings
    kept = ledger.prepare
    return settings.model_copy(
        update={
            "campaign": Campaign.model_validate(kept["campaign"]),
            "dataset": Dataset.model_validate(kept["dataset"]),
            "labels": settings.labels.model_copy(update={"classes": kept["labels"]["classes"]}),
            "evaluation": settings.evaluation.model_copy(update=kept["evaluation"]),
        }
    )
