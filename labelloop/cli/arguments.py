"""What several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labelloop.errors import LabelloopError

if TYPE_CHECKING:
    from labelloop.workspace import Workspace

Folder = Annotated[Path, typer.Argument(help="The campaign's folder.", show_default="the current folder")]
Plain = Annotated[
    bool,
    typer.Option("--plain", help="Without Prefect: the same steps, called directly."),
]


def campaign_in(folder: Path) -> Workspace:
    """The campaign of a folder.

    Raises:
        LabelloopError: it holds none.
    """
    from labelloop.workspace import Workspace

    workspace = Workspace.at(folder)
    if not workspace.params.exists():
        raise LabelloopError(
            f"{workspace.root} holds no campaign (no params.yaml); `labelloop init {folder}` makes one"
        )
    return workspace
