"""The command line, called in this process as a shell would call it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    error: str


@pytest.fixture(scope="session")
def labelloop() -> Callable[..., Said]:
    """`labelloop(*words, cwd=None)`: through the entry point, so that errors are what a user sees.

    What is no LabelloopError escapes and fails the test, as its traceback would reach the user.
    """
    from labelloop.cli import main

    def command(*words: str | Path, cwd: Path | None = None) -> Said:
        out, error = StringIO(), StringIO()
        code: object = 0
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(error):
            patch.setattr(sys, "argv", ["labelloop", *(str(word) for word in words)])
            patch.setattr(sys, "path", list(sys.path))
            patch.setenv("COLUMNS", "160")
            if cwd is not None:
                patch.chdir(cwd)
            try:
                main()
            except SystemExit as leaving:
                code = leaving.code or 0
        return Said(int(str(code)), out.getvalue(), error.getvalue())

    return command


@pytest.fixture(scope="session")
def dvc_is_clean() -> Callable[[Path], bool]:
    """`dvc_is_clean(root)`: whether every stage and source is as dvc.lock and the .dvc files say."""

    def is_clean(root: Path) -> bool:
        status = [sys.executable, "-m", "dvc", "status", "--quiet"]
        ended = subprocess.run(status, cwd=root, capture_output=True, text=True, check=False)
        assert ended.returncode in (0, 1), ended.stderr
        return ended.returncode == 0

    return is_clean
