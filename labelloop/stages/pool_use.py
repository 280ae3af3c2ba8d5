"""What `model.pool: auto` stands for on a campaign's data. A round keeps that, and why, when it opens.

So whatever reads a round's settings sees what its learner does, and other rules in a later version change no
round behind.
"""

from __future__ import annotations

from pathlib import Path

from labelloop import files
from labelloop.campaign import CampaignSettings
from labelloop.errors import DamagedFileError
from labelloop.models import choose_pool


def with_pool(settings: CampaignSettings, data: Path) -> tuple[CampaignSettings, str]:
    """`settings` with `model.pool` settled, and why; the reason is empty where params.yaml names it.

    Args:
        data: folder of the prepared data.

    Raises:
        SettingsError: there is no such learner.
        DamagedFileError: the data's description is missing.
    """
    path = data / "dataset.json"
    try:
        about = files.read_json(path)
    except FileNotFoundError:
        raise DamagedFileError(f"{path} is missing; run `prepare` again") from None
    choice = choose_pool(settings.model, about["input_kind"], about["n_pool"])
    model = settings.model.model_copy(update={"pool": choice.pool})
    return settings.model_copy(update={"model": model}), choice.why
