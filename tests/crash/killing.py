"""Run a command of labelloop in a process of its own and kill it, as `kill -9` would, at a chosen moment.

The processes are forked from one that has imported the slow libraries but has computed nothing, so that a
hundred kills cost seconds of imports once, not a hundred times.
"""

from __future__ import annotations

import errno
import functools
import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

SLOW_IMPORTS = ["mlflow", "dvc.repo", "labelloop.adapters.dvc_commit", "labelloop.cli.console",
                "labelloop.loop", "labelloop.reporting.plots", "pandas", "scipy.stats",
                "pyarrow.parquet", "sklearn.cluster", "sklearn.datasets", "sklearn.linear_model",
                "safetensors.numpy", "matplotlib.figure", "matplotlib.backends.backend_agg"]  # fmt: skip

HERE = "waits to be killed"

_context = get_context("forkserver")
_context.set_forkserver_preload(SLOW_IMPORTS)


@dataclass(frozen=True)
class Kill:
    """A moment of a command: around one call of one function."""

    where: str
    """`module:function` or `module:Class.method`; `stage:push` is the function of a stage."""
    when: str
    """before or after the call; torn: of the lines that the call appends, half is written before the kill;
    full: no kill, but the disk is full at this call; wait: no kill, but it stays there until it is killed."""
    about: str = ""
    """The call counts only if this is in its arguments' text."""
    call: int = 1

    def __str__(self) -> str:
        name = self.where.rpartition(":")[2] if self.where[:6] != "stage:" else self.where
        about = f" {self.about.rpartition('/')[2]}" if self.about else ""
        return f"{self.when} {name}{about}" + (f" #{self.call}" if self.call > 1 else "")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    """Exit code; -9 when it was killed."""
    output: str
    """What it said, errors included."""


def command(
    *arguments: str | Path,
    kill: Kill | None = None,
    prepare: str = "killing:lean",
    timeout: float = 240,
) -> Ended:
    """Run `labelloop <arguments>`.

    Args:
        kill: when to be killed; None runs to the end.
        prepare: `module:function` to call first, with the campaign's folder (the last argument).
    """
    process, log = start(*arguments, kill=kill, prepare=prepare)
    process.join(timeout)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"labelloop {arguments} did not end:\n{log.read_text()}")
    return Ended(process.exitcode, log.read_text(encoding="utf-8"))


def start(
    *arguments: str | Path, kill: Kill | None = None, prepare: str = "killing:lean"
) -> tuple[BaseProcess, Path]:
    """Begin `labelloop <arguments>`; what it says goes to the returned file beside the campaign."""
    words = [str(argument) for argument in arguments]
    folder = Path(words[-1])
    log = folder.parent / f"{folder.name}-{os.urandom(4).hex()}.log"
    process = _context.Process(target=_play, args=(words, str(log), kill, prepare))
    process.start()
    return process, log


def _play(words: list[str], log: str, kill: Kill | None, prepare: str) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    # The command line's streams belong to the process that this one was forked from.
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.argv = ["labelloop", *words]
    if prepare:
        _named(prepare)[2](Path(words[-1]))
    if kill is not None:
        arm(kill)
    from labelloop.cli import main

    try:
        main()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def arm(kill: Kill) -> None:
    """Make this process kill itself around the call that `kill` describes."""
    holder, name, original = _named(kill.where)
    calls = 0

    @functools.wraps(original)
    def deadly(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        meant = kill.about in f"{arguments} {named}"
        calls += meant
        if not meant or calls != kill.call:
            return original(*arguments, **named)
        if kill.when == "wait":
            print(HERE, flush=True)
            time.sleep(600)
        if kill.when == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if kill.when == "torn":
            _tear(*arguments)
        elif kill.when == "after":
            original(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    if isinstance(holder, dict):
        holder[name] = deadly
        return
    setattr(holder, name, deadly)
    # Those who imported the function by name must get the deadly one too.
    for module in [m for key, m in sys.modules.items() if key.startswith("labelloop")]:
        if vars(module).get(name) is original:
            setattr(module, name, deadly)


def lean(_: Path) -> None:
    """Leave out what takes most of a small campaign's time: pictures, twins, and waiting for the disk.

    No round depends on the first two; without the last a power cut loses files, but a kill does not.
    """
    from labelloop.reporting import plots
    from labelloop.stages import twin

    for name in ("learning_curve", "confusion_matrix"):
        setattr(plots, name, lambda *arguments, **named: None)
    twin.random_twin.__defaults__ = (1,)  # type: ignore[attr-defined]
    os.fsync = lambda descriptor: None


def small_chunks(campaign: Path) -> None:
    """A batch goes to the tool in several calls."""
    from labelloop.stages import push

    lean(campaign)
    push.CHUNK = 11


def at_the_same_time(campaign: Path) -> None:
    """Wait until the file `go` is beside the campaign; then hold it for a while."""
    from labelloop import loop

    lean(campaign)
    advance = loop.advance

    def slow(*arguments: Any, **named: Any) -> Any:
        time.sleep(0.7)
        return advance(*arguments, **named)

    loop.advance = slow
    (campaign.parent / f"ready-{os.getpid()}").touch()
    while not (campaign.parent / "go").exists():
        time.sleep(0.001)


def files_of_4096_bytes(campaign: Path) -> None:
    """No file may grow beyond 4096 bytes, as if the disk were full there."""
    import resource

    lean(campaign)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


def _tear(path: Path, content: Any) -> None:
    """Append the first half of what was to be appended."""
    rows = content if isinstance(content, list) else [content]
    text = "".join(json.dumps(row, sort_keys=True) + "\n" for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(text[: len(text) // 2])


def _named(where: str) -> tuple[Any, str, Callable[..., Any]]:
    module, _, name = where.partition(":")
    if module == "stage":
        from labelloop import stages

        return stages.FUNCTIONS, name, stages.FUNCTIONS[name]
    holder = importlib.import_module(module)
    *outer, name = name.split(".")
    for part in outer:
        holder = getattr(holder, part)
    return holder, name, getattr(holder, name)
