"""Finding the user's files, and saying it well when they are not there."""

from __future__ import annotations

from pathlib import Path

from labelloop.datasets.remote import fetch, is_remote
from labelloop.errors import DataError
from labelloop.hints import nearest


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
        beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        near = nearest(path.name, beside)
        hint = "." if near is None else f"; did you mean {near!r}?"
        raise DataError(
            f"dataset.{setting}: {written!r} is not there (looked for {path}){hint} "
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
