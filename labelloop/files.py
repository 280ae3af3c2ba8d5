"""Files that are written whole or not at all, and the digests that prove it.

Invariant: a name in a campaign's folder never points at half a file. Everything is written under a
temporary name beside its destination, flushed to the disk, then renamed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labelloop.errors import DamagedFileError, DiskError

TEMPORARY = ".writing-"
SEAL = "# sha256 of what follows: "
_RESTORE = "Restore it with `git checkout -- {}` in its folder; what shall change next is said in params.yaml"


@contextlib.contextmanager
def atomic_path(destination: Path) -> Iterator[Path]:
    """Yield a temporary path (a file or a folder to make); on success it becomes `destination`.

    On any error the temporary is removed and `destination` stays as it was.

    Raises:
        DiskError: the disk is full or refuses the write.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    temporary = destination.parent / f"{TEMPORARY}{destination.name}-{uuid.uuid4().hex[:8]}"
    try:
        yield temporary
        _flush(temporary)
        _replace(temporary, destination)
    except OSError as error:
        _remove(temporary)
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG):
            raise DiskError(
                f"could not write {destination}: {error.strerror}. What was there before is untouched; "
                "make room and run the same command again"
            ) from error
        raise
    except BaseException:
        _remove(temporary)
        raise


def write_bytes(destination: Path, content: bytes) -> None:
    """Write `content` atomically."""
    with atomic_path(destination) as temporary:
        temporary.write_bytes(content)


def write_text(destination: Path, content: str) -> None:
    """Write `content` atomically as UTF-8."""
    write_bytes(destination, content.encode())


def write_json(destination: Path, content: Any) -> None:
    """Write `content` atomically as JSON with sorted keys, so that equal content gives equal bytes."""
    write_text(destination, json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def without_nan(content: Any) -> Any:
    """JSON-like content with None in place of NaN, for which JSON has no word."""
    if isinstance(content, dict):
        return {name: without_nan(one) for name, one in content.items()}
    if isinstance(content, list | tuple):
        return [without_nan(one) for one in content]
    return None if isinstance(content, float) and math.isnan(content) else content


def read_json(path: Path) -> Any:
    """Read a JSON file that labelloop wrote.

    Raises:
        DamagedFileError: it is not JSON any more.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DamagedFileError(f"{path} is damaged: {error}") from None


def write_sealed(destination: Path, heading: str, content: str) -> None:
    """Write a text file that tells by itself when it was changed: its heading ends with its digest.

    Args:
        heading: comment lines, each with its `#` and line break.
    """
    write_text(destination, seal(heading, content))


def seal(heading: str, content: str) -> str:
    """The text that `write_sealed` writes."""
    return f"{heading}{SEAL}{hashlib.sha256(content.encode()).hexdigest()}\n{content}"


def read_sealed(path: Path) -> str:
    """Read a text that `write_sealed` wrote, or one without a seal.

    Raises:
        DamagedFileError: it is not what was written.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DamagedFileError(f"{path} is damaged: {error}. {_RESTORE.format(path.name)}") from None
    _, mark, rest = text.partition(SEAL)
    expected, _, content = rest.partition("\n")
    if mark and hashlib.sha256(content.encode()).hexdigest() != expected:
        raise DamagedFileError(
            f"{path} is damaged, or was edited: it is not what labelloop wrote. {_RESTORE.format(path.name)}"
        )
    return content if mark else text


def append_line(path: Path, content: dict[str, Any]) -> None:
    """Append one JSON object as a line and flush it to the disk; see `append_whole_lines`."""
    append_whole_lines(path, json.dumps(content, sort_keys=True, ensure_ascii=False).encode() + b"\n")


def append_whole_lines(path: Path, content: bytes) -> None:
    """Append lines, each with its line break, and flush them to the disk.

    A process killed in mid-write leaves a prefix of whole lines and at most one torn one, which was never
    acknowledged: the next call cuts it off. A write that fails leaves the file as it was.

    Raises:
        DiskError: the disk is full or refuses the write.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("ab+", buffering=0) as stream:
            start = _cut_torn_line(stream)
            try:
                view = memoryview(content)
                while view:
                    view = view[stream.write(view) :]
                os.fsync(stream.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    os.truncate(path, start)
                raise
    except OSError as error:
        raise DiskError(
            f"could not append to {path}: {error.strerror}. Make room and run it again"
        ) from error


def _cut_torn_line(stream: Any) -> int:
    """Cut off what follows the last line break; return the size that is left."""
    size: int = stream.seek(0, os.SEEK_END)
    if size == 0:
        return 0
    stream.seek(size - 1)
    if stream.read(1) == b"\n":
        return size
    stream.seek(0)
    complete: int = stream.read().rfind(b"\n") + 1
    stream.truncate(complete)
    return complete


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a JSON-lines file; a last line without its line break is the trace of a crash and is left out.

    Raises:
        DamagedFileError: another line is not JSON.
    """
    if not path.exists():
        return []
    lines = []
    content = path.read_bytes()
    for number, line in enumerate(content[: content.rfind(b"\n") + 1].splitlines(), start=1):
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise DamagedFileError(f"{path}, line {number} is damaged: {error}") from None
    return lines


def digest(path: Path) -> str:
    """SHA-256 of a file, or of a folder's relative names and contents in sorted order."""
    if path.is_dir():
        listing = hashlib.sha256()
        for file in sorted(p for p in path.rglob("*") if p.is_file()):
            listing.update(f"{file.relative_to(path).as_posix()}\0{digest(file)}\n".encode())
        return listing.hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of(content: Any) -> str:
    """SHA-256 of a JSON-like value."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def remove_leftovers(folder: Path, *, below: bool = True) -> None:
    """Delete temporaries that a killed process left behind. Only the holder of the campaign may call it.

    Args:
        below: also in the folders below; else in `folder` itself only.
    """
    for leftover in (folder.rglob if below else folder.glob)(f"{TEMPORARY}*"):
        _remove(leftover)


def _flush(path: Path) -> None:
    for file in [path, *path.rglob("*")] if path.is_dir() else [path]:
        _flush_one(file)


def _replace(temporary: Path, destination: Path) -> None:
    if destination.is_dir():
        # A folder cannot be renamed over a full one. A crash between the two renames leaves no
        # destination, which reads as "not done yet": the stage runs again.
        old = destination.parent / f"{TEMPORARY}{destination.name}-old-{uuid.uuid4().hex[:8]}"
        destination.rename(old)
        temporary.rename(destination)
        _remove(old)
    else:
        temporary.replace(destination)
    _flush_one(destination.parent)


def _flush_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
