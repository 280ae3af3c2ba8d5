"""Finding the user's files, and saying it well when they are not there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from labelloop.datasets.remote import fetch, is_remote
from labelloop.errors import DataError


def locate(written: str, root: Path, setting: str) -> Path:
    """The file or folder that the user wrote; relative paths start at `root`, `~` is the home folder.

    A URL is copied first; see `labelloop.datasets.remote`.

    Raises:
        DataError: it is not there; names the nearest thing that is.
    """
    if is_remote(written):
        return fetch(written, root, setting)
    path = root / Path(written).expanduser()
    if not path.exists():
        near = _neighbours(path)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise DataError(
            f"dataset.{setting}: {written!r} is not there (looked for {path}){hint or '.'} "
            "Relative paths start at the campaign's folder"
        )
    return path


def stored_as(written: str, path: Path) -> str:
    """How a file is named in data/: as the user wrote it where that is relative, so that a campaign moves."""
    expanded = Path(written).expanduser()
    return str(path) if expanded.is_absolute() else expanded.as_posix()


def stem_of(path: Path) -> str:
    """`sms` for `sms.csv.gz`."""
    return path.with_suffix("").stem if path.suffix.lower() == ".gz" else path.stem


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a name that is not known."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    listing = ", ".join(repr(one) for one in known[:30]) or "none"
    return f"did you mean {near[0]!r}?" if near else f"there is: {listing}"


def _neighbours(path: Path) -> list[str]:
    if not path.parent.is_dir():
        return []
    return difflib.get_close_matches(path.name, [entry.name for entry in path.parent.iterdir()], n=1)
