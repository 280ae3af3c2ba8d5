"""Kinds of labels, by name."""

from __future__ import annotations

from collections.abc import Sequence

from labelloop.errors import SettingsError
from labelloop.label_types.base import LabelType
from labelloop.label_types.choice import Choice


def make_label_type(name: str, classes: Sequence[str]) -> LabelType:
    """The label type of a campaign.

    Raises:
        SettingsError: no such type.
    """
    if name == "choice":
        return Choice(tuple(classes))
    raise SettingsError(f"labels.type {name!r} is not known; known: choice")
