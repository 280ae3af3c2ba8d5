"""Whether a round can be played with its settings: asked before it is opened.

A round keeps what it was opened with, so a name that does not exist, found when people have answered, would
leave it open for ever. Whatever a later stage may refuse about the settings is therefore tried here first.
"""

from __future__ import annotations

from typing import Any

from labelloop import acquisition, fusion
from labelloop.campaign import CampaignSettings
from labelloop.errors import SettingsError
from labelloop.stages.composing import check_composition, check_mix
from labelloop.stages.named_options import check_named_options
from labelloop.stages.prepare import views_of
from labelloop.stages.runner import make_importable
from labelloop.stages.slices import check_slices
from labelloop.workspace import Workspace


def check_names(workspace: Workspace, settings: CampaignSettings) -> None:
    """Strategy, cold start and fusion method must exist, have the options they are given, and go together.

    Raises:
        SettingsError: names the key, the value and the nearest real one.
    """
    make_importable(workspace)
    for key, name, options in (
        ("strategy", settings.acquisition.strategy, settings.acquisition.options),
        ("cold_start", settings.acquisition.cold_start, {}),
    ):
        try:
            strategy = acquisition.make_strategy(name, options)
        except SettingsError as error:
            raise SettingsError(f"acquisition.{key}: {error}") from None
        if "members" in strategy.needs and (key == "cold_start" or not settings.model.committee):
            instead = "use another one" if key == "cold_start" else "set model.committee to 5 or more"
            raise SettingsError(f"acquisition.{key}: '{name}' asks a committee, and there is none; {instead}")
        if "beliefs" in strategy.needs and (key == "cold_start" or settings.annotation.max_overlap is None):
            instead = (
                "use another one for the first round"
                if key == "cold_start"
                else f"set annotation.max_overlap above annotation.overlap ({settings.annotation.overlap})"
            )
            raise SettingsError(f"acquisition.{key}: '{name}' asks about labeled items again; {instead}")
        if "costs" in strategy.needs and settings.acquisition.compose.cost_column is None:
            raise SettingsError(
                f"acquisition.{key}: '{name}' reads costs, and items have none; set "
                "acquisition.compose.cost_column"
            )
    check_mix(settings)
    fusion.make_fuser(settings.fusion.method, settings.fusion.options)
    if settings.fusion.model_prior != "none":
        fusion.check_hears_models(settings.fusion.method)


def check_round(workspace: Workspace, settings: CampaignSettings, prepared: Any) -> None:
    """All that a round's stages ask of the settings, the pool being known.

    Raises:
        SettingsError: see `check_names`; or learner or crew are wrong, the crew lacks a label, an option of a
            strategy names a class or an item that does not exist, or a column has too many values to report
            by.
        DataError: a column that people are to see, or to report by, does not exist or tells the answer.
    """
    from labelloop import models
    from labelloop.adapters.tools.crew import check_crew
    from labelloop.models.committee import check_committee

    check_names(workspace, settings)
    models.make_learner(
        settings.model.name,
        n_classes=len(prepared.classes),
        seed=settings.campaign.seed,
        options=settings.model.options,
        input_kind=prepared.pool.input_kind,
        pool=settings.model.pool,
        views=views_of(settings, prepared),
        pool_options=settings.model.pool_options,
    )
    if settings.model.committee:
        wanted = settings.model
        check_committee(
            wanted.committee_of,
            wanted.name,
            wanted.pool,
            wanted.committee_learners,
            prepared.pool.input_kind,
            wanted.options,
        )
    check_composition(prepared, settings)
    check_named_options(prepared, settings)
    prepared.pool.payload([0], settings.annotation.payload_columns)
    check_slices(prepared, settings.quality.slice_by)
    if settings.annotation.tool == "simulated":
        check_crew(settings.annotation.simulation.annotators, prepared.classes)
        _check_truth(settings, prepared)


def _check_truth(settings: CampaignSettings, prepared: Any) -> None:
    import numpy as np
    import pandas as pd

    unknown = np.flatnonzero(pd.isna(prepared.known))
    if len(unknown):
        (first,) = prepared.pool.ids_of(unknown[:1])
        raise SettingsError(
            f"simulated annotators need the label of every item, but {len(unknown)} of {len(prepared.pool)} "
            f"items have none, {first!r} first; set dataset.label_column (now "
            f"{settings.dataset.label_column!r}), or set annotation.tool to files to ask people"
        )
