"""Who may be asked in a round: the people of its settings, less those who are paused."""

from __future__ import annotations

from typing import Any

from labelloop import files
from labelloop.annotators import pausing
from labelloop.campaign import Annotation
from labelloop.stages.runner import Round


def paused_in(current: Round) -> dict[str, dict[str, str]]:
    """Who is paused in this round, by name; see `pausing.in_force`."""
    return pausing.in_force(before(current), current.settings)


def before(current: Round) -> dict[str, Any]:
    """quality.json of the round before, as far as anybody can be paused at all."""
    if not current.settings.quality.pause.on:
        return pausing.NOBODY
    found: dict[str, Any] = files.read_json(current.previous.quality)
    return found


def annotation_of(current: Round) -> Annotation:
    """The round's settings of the tool, without the people who are paused."""
    return pausing.without(current.settings.annotation, paused_in(current))
