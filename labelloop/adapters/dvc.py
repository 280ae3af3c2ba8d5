"""DVC: every snapshot in the cache, every finished stage in dvc.lock, without running anything twice.

The live run does a round's work itself and then tells DVC what it did. `dvc commit` would do, but it reads
and rewrites the whole dvc.lock once a stage: quadratic over a campaign. `commit_round` does the same steps
with DVC's own classes in this process and writes dvc.lock once. Its result is byte for byte what `dvc add`
and `dvc commit` leave behind (a test holds it to that), so `dvc repro` finds nothing to do. Those classes
are not public: they are pinned by constraints.txt, and where one is missing the command line does the work.
"""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

from labelloop import files
from labelloop.adapters import dvc_lock, git
from labelloop.errors import DiskError, ToolError

PATIENCE = 30.0
"""Seconds to wait for another DVC process to let go of the campaign."""

_SETTINGS = {"analytics": "false", "check_update": "false", "autostage": "false"}
_BUSY = ("Unable to acquire lock", "is busy, it is being blocked by")
_FULL = ("No space left on device", "Disk quota exceeded", "Read-only file system")

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


def init(root: Path) -> list[str]:
    """Make `root` a DVC project of its own; call it any number of times.

    Inside a bigger git work tree the project is a subdirectory of it (`--subdir`); in none it does without.

    Returns:
        Paths relative to `root` of the files that belong into git.
    """
    config = root / ".dvc" / "config"
    if not config.exists():
        top = git.work_tree(root)
        inside = top is not None and top.resolve() != root.resolve()
        option = ["--no-scm"] if top is None else ["--subdir"] if inside else []
        # A crash between folder and config leaves half a project, which only --force completes.
        _dvc(root, "init", "--quiet", *option, *(["--force"] if (root / ".dvc").exists() else []))
        ours = "".join(f"    {key} = {value}\n" for key, value in _SETTINGS.items())
        made = config.read_text(encoding="utf-8").removeprefix("[core]\n")
        files.write_text(config, f"[core]\n{ours}{made}")
    present = config.read_text(encoding="utf-8")
    for key, value in _SETTINGS.items():
        # Somebody else's project, or ours after a crash right here; what its owner has set stays.
        if f"{key} =" not in present:
            _dvc(root, "config", f"core.{key}", value)
    return [path for path in (".dvc/.gitignore", ".dvc/config", ".dvcignore") if (root / path).exists()]


def commit_round(root: Path, stages: Sequence[str], sources: Sequence[str] = ()) -> list[str]:
    """Record stages that have run, and source files, as DVC would have; run nothing.

    Idempotent: a second call with the same files changes nothing.

    Args:
        root: the campaign's folder, with dvc.yaml and a DVC project.
        stages: names in dvc.yaml, such as ``train@r003``, in the order in which dvc.lock gets them.
        sources: paths relative to `root` of files that no stage makes; each gets a .dvc file beside it.

    Returns:
        Paths relative to `root` of the files that belong into git: dvc.lock, .dvc files, .gitignore files.

    Raises:
        ToolError: a stage is unknown, a file it names is missing, or another DVC process does not end.
        DiskError: the disk is full; dvc.lock is as it was.
    """
    _check_project(root)
    for source in sources:
        if not (root / source).exists():
            raise ToolError(f"{root / source} is missing, so DVC cannot keep it; was the round collected?")
    try:
        from labelloop.adapters import dvc_commit

        return _patiently(root, lambda: dvc_commit.commit(root.resolve(), stages, sources))
    except (ImportError, AttributeError, TypeError) as error:
        _log.warning("this version of DVC differs inside from the one labelloop was tested with (%s); using "
                     "its command line, which is slower. constraints.txt names the tested version",
                     error, exc_info=_log.isEnabledFor(logging.DEBUG))  # fmt: skip
    return _commit_by_command(root, stages, sources)


def push(root: Path, remote: str) -> None:
    """Copy everything the present dvc.lock and .dvc files name to a remote, where it is not there yet.

    Raises:
        ToolError: there is no remote of that name, or it does not answer.
    """
    _check_project(root)
    try:
        _dvc(root, "push", "--quiet", "--remote", remote, longest=None)
    except ToolError:
        listed = _dvc(root, "remote", "list").stdout.splitlines()
        remotes = [line.split()[0] for line in listed if line.strip()]
        if remote in remotes:
            raise
        known = f"known remotes: {', '.join(remotes)}" if remotes else "there is none"
        raise ToolError(
            f"DVC has no remote '{remote}' ({known}). Add it with `dvc remote add {remote} <url>` in {root}, "
            "or change versioning.remote"
        ) from None


def md5_of(root: Path, path: str) -> str | None:
    """DVC's digest of a recorded file or folder (those end in ``.dir``); None when it is not recorded.

    Args:
        path: relative to `root`, as dvc.yaml writes it.
    """
    pointer = root / f"{path}.dvc"
    if pointer.exists():
        return str(_read(pointer.read_text(encoding="utf-8"))["outs"][0]["md5"])
    lock = root / "dvc.lock"
    if not lock.exists():
        return None
    text = lock.read_text(encoding="utf-8")
    blocks = dvc_lock.split(text)
    # Reading the whole of a long campaign's lock takes seconds; only stages that mention the path matter.
    stages = (
        _read(text)["stages"].values()
        if blocks is None
        else [stage for block in blocks.values() if path in block for stage in _read(block).values()]
    )
    outs = (out for stage in stages for out in stage.get("outs", []))
    return next((str(out["md5"]) for out in outs if out["path"] == path), None)


def _check_project(root: Path) -> None:
    # DVC would look in the folders above and record the campaign in somebody else's project.
    if not (root / ".dvc").is_dir():
        raise ToolError(
            f"{root} is no DVC project; run `labelloop init {root}` or set versioning.enabled: false"
        )


def _read(text: str) -> Any:
    # The base loader keeps a digest of digits alone as text.
    return yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))


def _commit_by_command(root: Path, stages: Sequence[str], sources: Sequence[str]) -> list[str]:
    """The same with DVC's command line."""
    if sources:
        _dvc(root, "add", "--quiet", *sources)
    if stages:
        _dvc(root, "commit", "--quiet", "--force", *stages)
    pointers = [f"{source}.dvc" for source in sources]
    visible = [folder for folder in sorted(root.iterdir()) if folder.is_dir() and folder.name[0] != "."]
    ignores = [path for folder in visible for path in sorted(folder.rglob(".gitignore"))]
    return (
        pointers + [path.relative_to(root).as_posix() for path in ignores] + (["dvc.lock"] if stages else [])
    )


def _patiently(root: Path, act: Callable[[], _T]) -> _T:
    """Call `act` until no other DVC process is in its way; make its errors readable."""
    from dvc.exceptions import DvcException

    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return act()
        except DvcException as error:
            said = _causes(error)
            if not _is_busy(said) or time.monotonic() > deadline:
                raise _failure(root, "commit", said) from error
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
                raise _failure(root, "commit", str(error)) from error
            raise
        time.sleep(0.2)


def _dvc(root: Path, *arguments: str, longest: float | None = 600.0) -> subprocess.CompletedProcess[str]:
    """Run DVC's command line in `root`; wait a while for another DVC process."""
    environment = os.environ | {"DVC_NO_ANALYTICS": "1", "COLUMNS": "10000"}  # tables are wrapped at that
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            answer = subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=root, env=environment,
                                    stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                    encoding="utf-8", errors="replace", timeout=longest,
                                    check=False)  # fmt: skip
        except subprocess.TimeoutExpired:
            raise ToolError(f"dvc {arguments[0]} in {root} did not end within {longest:.0f} s") from None
        if answer.returncode == 0:
            return answer
        if not _is_busy(answer.stderr) or time.monotonic() > deadline:
            raise _failure(root, arguments[0], answer.stderr)
        time.sleep(0.2)


def _is_busy(said: str) -> bool:
    return any(phrase in said for phrase in _BUSY)


def _causes(error: BaseException) -> str:
    said = []
    while error is not None:
        said.append(str(error))
        error = error.__cause__  # type: ignore[assignment]
    return ": ".join(said)


def _failure(root: Path, verb: str, said: str) -> ToolError | DiskError:
    said = said.strip()[-1500:]
    if any(phrase in said for phrase in _FULL):
        return DiskError(
            f"DVC could not write in {root}: {said}. dvc.lock is as it was; make room and run it again"
        )
    if _is_busy(said):
        return ToolError(
            f"another DVC process holds {root} (waited {PATIENCE:.0f} s); dvc.lock is as it was. Run it "
            f"again when that has ended. DVC says: {said}"
        )
    return ToolError(f"dvc {verb} failed in {root}: {said or 'no reason given'}")
