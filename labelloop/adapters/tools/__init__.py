"""Labeling tools, by the name in annotation.tool."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from labelloop.adapters.tools.base import LabelTool
from labelloop.campaign import Annotation
from labelloop.errors import SettingsError
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
    is_valid: Callable[[object], bool] | None = None,
) -> LabelTool:
    """The labeling tool of a campaign; opening it changes nothing in it.

    Args:
        annotation: names the tool and its settings.
        campaign: first part of every task key.
        seed: of the simulated annotators.
        workspace: the campaign's folder.
        truth: the labels that simulated annotators know; never called for other tools.
        classes: what may be answered.
        is_valid: whether a value is a label of the campaign; None takes a class's name for one.

    Raises:
        SettingsError: the simulated crew's confusions do not fit the classes, or the environment lacks
            the tool's address.
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
    if annotation.tool == "label_studio":

        def is_class(value: object) -> bool:
            return isinstance(value, str) and value in classes

        return _open_label_studio(annotation, campaign, workspace, is_valid or is_class)
    from labelloop.adapters.tools.files import FilesTool

    return FilesTool(workspace.root, workspace.state / "files", campaign)


def _open_label_studio(
    annotation: Annotation, campaign: str, workspace: Workspace, is_valid: Callable[[object], bool]
) -> LabelTool:
    from labelloop.adapters.tools.label_studio import LabelStudioTool
    from labelloop.adapters.tools.label_studio_places import Counting
    from labelloop.adapters.tools.label_studio_server import Server
    from labelloop.environment import read_environment

    environment = read_environment(workspace.root)
    url, token = environment.label_studio_url, environment.label_studio_api_key
    if not url or token is None or not token.get_secret_value().strip():
        missing = "LABEL_STUDIO_API_KEY" if url else "LABEL_STUDIO_URL"
        raise SettingsError(f"annotation.tool is label_studio, but {missing} is not set; put it into "
                            f"{workspace.root / '.env'} (see .env.example) or the environment")  # fmt: skip
    return LabelStudioTool(
        Server(url, token.get_secret_value()),
        workspace=workspace,
        campaign=campaign,
        overlap=annotation.overlap,
        prelabels=annotation.prelabels,
        counting=Counting(frozenset(annotation.annotators), is_valid),
    )
