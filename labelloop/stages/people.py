"""Who may be asked in a round: the people of its settings, less those who are paused."""

from __future__ import annotations

from labelloop import files
from labelloop.annotators import pausing
from labelloop.campaign import Annotation
from labelloop.stages.runner import Round


def paused_in(current: Round) -> dict[str, dict[str, str]]:
    """Who is paused in this round, by name; see `pausing.in_force`."""
    return pausing.in_force(files.read_json(current.previous.quality), current.settings)


def annotation_of(current: Round) -> Annotation:
    """The round's settings of the tool, without the people who are paused."""
    return pausing.without(current.settings.annotation, paused_in(current))
