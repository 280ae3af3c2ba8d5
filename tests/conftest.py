"""The command line, called in this process as a shell would call it."""

from __future__ import annotations

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
