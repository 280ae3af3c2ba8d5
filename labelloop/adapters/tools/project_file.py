"""What a tool that lives on this disk remembers of its project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from labelloop import files
from labelloop.adapters.tools.base import Project
from labelloop.errors import ToolError


def adopt_project(path: Path, project: Project) -> None:
    """Write the project's file, or check that the one that is there fits.

    A new wording, order or further class is taken over. Another campaign, another kind of label or a
    class that is gone is refused: answers that were already given would lose their meaning.

    Raises:
        ToolError: what is there does not fit.
    """
    wanted = as_written(project)
    if path.exists():
        there = files.read_json(path)
        if there == wanted:
            return
        refuse_other(path, there, project)
    files.write_json(path, wanted)


def refuse_other(path: Path, there: Mapping[str, Any], project: Project) -> None:
    """Refuse a project's file that does not fit, as `adopt_project` does.

    Args:
        there: what the file at `path` holds.

    Raises:
        ToolError: says what does not fit.
    """
    for field in ("campaign", "label_type"):
        if there[field] != getattr(project, field):
            raise ToolError(f"{path.parent} holds a project whose {field} is {there[field]!r}, not "
                            f"{getattr(project, field)!r}; use another folder, or move that one "
                            "away")  # fmt: skip
    gone = [name for name in there["classes"] if name not in project.classes]
    if gone:
        raise ToolError(f"{path.parent} holds a project with the classes {there['classes']}, but "
                        f"labels.classes has {gone} no more; put them back, or start "
                        "a new campaign")  # fmt: skip


def as_written(project: Project) -> dict[str, Any]:
    """A project as its file has it."""
    return {
        **asdict(project),
        "classes": list(project.classes),
        "payload_columns": list(project.payload_columns),
    }


def read_project(path: Path) -> Project:
    """The project of a file with what `as_written` gives.

    Raises:
        ToolError: there is none.
    """
    if not path.exists():
        raise ToolError(f"{path} is not there; the project must be created before tasks are pushed")
    there = files.read_json(path)
    return Project(
        **{**there, "classes": tuple(there["classes"]), "payload_columns": tuple(there["payload_columns"])}
    )
