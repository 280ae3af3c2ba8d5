"""Whether what a campaign's strategies name (a class, items) is there: asked before a round is opened."""

from __future__ import annotations

from labelloop.acquisition.named import check_named
from labelloop.campaign import CampaignSettings
from labelloop.datasets.base import Prepared
from labelloop.errors import DataError, SettingsError


def check_named_options(prepared: Prepared, settings: CampaignSettings) -> None:
    """Refuse what the strategy, or one of the mix, would refuse when people have answered a round.

    Raises:
        SettingsError: names the setting, the value and what there is.
    """
    acquisition = settings.acquisition
    asked = [("options", acquisition.strategy, acquisition.options)]
    asked += [
        (f"compose.mix_options.{name}", name, options)
        for name, options in acquisition.compose.mix_options.items()
    ]
    for where, name, options in asked:
        try:
            check_named(
                name, options, classes=prepared.classes, rows=len(prepared.pool), find=prepared.pool.find
            )
        except (SettingsError, DataError) as error:
            raise SettingsError(f"acquisition.{where}: {error}") from None
