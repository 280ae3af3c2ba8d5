"""What several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labelloop.errors import LabelloopError, SettingsError

if TYPE_CHECKING:
    from labelloop.workspace import Workspace

CAMPAIGN, SCHEDULE, ALONE = "A campaign", "Going on by itself (Prefect)", "Without a campaign"
"""The parts of `labelloop --help`, in their order."""

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


def options_of(texts: list[str]) -> dict[str, Any]:
    """Options given as `key=value`; values are read as YAML, as those of params.yaml are.

    Raises:
        SettingsError: one is not written so, is no YAML, or comes twice.
    """
    import yaml

    options: dict[str, Any] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name.isidentifier() and equals):
            raise SettingsError(f"--option {text}: write it as key=value, such as --option power=2")
        if name in options:
            raise SettingsError(f"--option {name} is given twice; a list is written {name}=[a, b]")
        try:
            options[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise SettingsError(
                f"--option {text}: {value} is not valid YAML; put text with signs in it in quotes"
            ) from None
    return options


def names_of(text: str) -> list[str] | None:
    """Names (of classes, of columns) between commas; None without any.

    Raises:
        SettingsError: one is empty or comes twice.
    """
    names = [name.strip() for name in text.split(",")] if text else []
    if "" in names or len(set(names)) < len(names):
        raise SettingsError(f"{text!r} must name each once, with commas between: 'low,mid,high'")
    return names or None
