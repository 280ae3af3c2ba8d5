"""The campaign's labeling tool, opened for a round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from labelloop import datasets
from labelloop.adapters.tools import open_tool
from labelloop.adapters.tools.base import LabelTool, Project
from labelloop.campaign import CampaignSettings
from labelloop.datasets.base import Prepared
from labelloop.errors import DataError
from labelloop.label_types import make_label_type
from labelloop.stages.people import annotation_of
from labelloop.stages.runner import Round


def tool_of(current: Round, prepared: Prepared | None = None) -> LabelTool:
    """Open the tool that the round was opened with."""
    prepared = prepared or datasets.open_prepared(current.workspace.data)

    def truth(items: Sequence[str]) -> Mapping[str, str | None]:
        rows = prepared.pool.rows_of(items)
        return dict(zip(items, prepared.known[rows], strict=True))

    label_type = make_label_type(current.settings.labels.type, prepared.classes)

    def is_valid(value: object) -> bool:
        try:
            label_type.parse(value)
        except (DataError, RecursionError):
            return False
        return True

    return open_tool(
        annotation_of(current),
        campaign=current.settings.campaign.name,
        seed=current.settings.campaign.seed,
        workspace=current.workspace,
        truth=truth,
        classes=prepared.classes,
        is_valid=is_valid,
    )


def project_of(current: Round, prepared: Prepared) -> Project:
    """What the tool must know of the round."""
    return describe_project(current.settings, prepared)


def describe_project(settings: CampaignSettings, prepared: Prepared) -> Project:
    """What the tool must know of a campaign with these settings."""
    # What is shown, by name, also where the settings leave it to the data.
    shown = prepared.pool.payload(np.array([0]), settings.annotation.payload_columns)[0]
    return Project(
        campaign=settings.campaign.name,
        label_type=settings.labels.type,
        classes=prepared.classes,
        question=settings.labels.question,
        input_kind=prepared.pool.input_kind,
        payload_columns=tuple(shown),
    )
