"""Errors that are written for the person who reads them.

Each message says what was wrong, with which value, and what to do. The command line prints it without
a traceback; everything else that escapes is a defect of labelloop and keeps its traceback.
"""

from __future__ import annotations


class LabelloopError(Exception):
    """Something the user can put right."""


class SettingsError(LabelloopError):
    """params.yaml (or the environment) contradicts itself, or names what does not exist."""


class DataError(LabelloopError):
    """A table, an image or an array that the user brought does not hold what its contract says."""


class DamagedFileError(LabelloopError):
    """A file that labelloop wrote no longer has the digest it was written with."""


class CampaignBusyError(LabelloopError):
    """Another process holds the campaign."""


class ToolError(LabelloopError):
    """The labeling tool did not do what was asked of it; the campaign is intact."""


class UnreachableError(ToolError):
    """The labeling tool did not answer, or broke off: it may work again later without anybody's help."""


class DiskError(LabelloopError):
    """A file could not be written; what was there before is still there."""


def written_down(value: object, most: int = 100) -> str:
    """The first characters of a value that somebody else sent, as a message shows it; it may be anything."""
    try:
        return repr(value)[:most]
    except (RecursionError, ValueError):  # nested without bottom; more digits than Python writes
        return f"a {type(value).__name__} that cannot be written down"
