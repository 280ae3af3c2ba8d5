"""Where people answer the questions of an open round, in words for the terminal.

Read off the campaign's own files; no server is asked. No pandas here: `labelloop status` reads this.
"""

from __future__ import annotations

from pathlib import Path

from labelloop import files
from labelloop.campaign import Annotation
from labelloop.workspace import Workspace

FIRST = "r000"
"""The round that asks about the test set."""


def where_to_answer(workspace: Workspace, round_id: str, annotation: Annotation) -> str:
    """Where the questions of a round are, and the command that takes in the answers.

    Args:
        annotation: what the round was opened with.

    Returns:
        A sentence or two; empty where nobody need do anything.
    """
    command = f"`labelloop advance {from_here(workspace.root)}`"
    if annotation.tool == "files":
        folder = from_here(workspace.root / "labeling" / round_id)
        sheet = "tasks-<name>.csv, one for each person," if annotation.routing.on else "tasks.csv"
        return (f"The questions are in {folder}: README.md says how to answer, {sheet} is to be filled in"
                f"{_people(annotation, round_id)}. {command} takes the answers in.")  # fmt: skip
    if annotation.tool == "label_studio":
        note = workspace.state / "label_studio" / "project.json"
        known = files.read_json(note) if note.exists() else {}
        place = "in Label Studio"
        if known.get("id"):
            place = f"at {known['url']}/projects/{known['id']}/data?labeling=1"
        return f"People answer {place}{_people(annotation, round_id)}. {command} takes the answers in."
    return ""


def _people(annotation: Annotation, round_id: str) -> str:
    """How many different people are wanted; nothing where one is enough. Who is alone must hear of it."""
    tested = annotation.test_overlap if round_id == FIRST else annotation.overlap
    if annotation.overlap == tested == 1:
        return ""
    test = f", a test item by {tested}" if tested != annotation.overlap else ""
    return f", each by {annotation.overlap} different people{test} (annotation.overlap, test_overlap)"


def refused_words(workspace: Workspace, round_id: str) -> str:
    """How many answers of a round were refused so far, and why the last one was; empty where none was."""
    path = workspace.round(round_id).quarantine
    refused = files.read_lines(path)
    if not refused:
        return ""
    were = "1 answer was" if len(refused) == 1 else f"{len(refused)} answers were"
    last = refused[-1].get("reason", "")
    return f"{were} refused; {workspace.relative(path)} says why. The last one: {last}."


def from_here(path: Path) -> Path:
    """The path as it may be typed in the present folder."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
