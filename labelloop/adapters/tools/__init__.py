"""Labeling tools, by the name in annotation.tool."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from labelloop.adapters.tools.base import LabelTool
from labelloop.campaign import Annotation
from labelloop.workspace import Workspace

Truth = Callable[[Sequence[str]], Mapping[str, str | None]]
"""Hidden labels by item id; only simulated annotators ask."""


def open_tool(
    annotation: Annotation,
    *,
    campaign: str,
    seed: int,
    workspace: Workspace,
    truth: Truth,
    classes: Sequence[str],
) -> LabelTool:
    """The labeling tool of a campaign; opening it changes nothing in it.

    Args:
        annotation: names the tool and its settings.
        campaign: first part of every task key.
        seed: of the simulated annotators.
        workspace: the campaign's folder.
        truth: the labels that simulated annotators know; never called for other tools.
        classes: what may be answered.

    Raises:
        SettingsError: the simulated crew's confusions do not fit the classes.
    """
    if annotation.tool == "simulated":
        from labelloop.adapters.tools.simulated import SimulatedTool

        return SimulatedTool(
            workspace.state / "simulated",
            campaign=campaign,
            seed=seed,
            annotation=annotation,
            truth=truth,
            classes=tuple(classes),
        )
    from labelloop.adapters.tools.files import FilesTool

    return FilesTool(workspace.root, workspace.state / "files", campaign)
