"""Which failures are tried again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from labelloop.errors import DataError, LabelloopError, ToolError, UnreachableError
from tasks.collect import collect
from tasks.finish import finish
from tasks.outside import may_pass
from tasks.push import push
from tasks.track import track
from tasks.version import version


@pytest.mark.parametrize(
    ("task", "error", "again"),
    [
        (push, UnreachableError("no route"), True),
        (collect, UnreachableError("no route"), True),
        (push, ToolError("put a valid token into LABEL_STUDIO_API_KEY"), False),
        (collect, ToolError("the project was deleted"), False),
        (collect, DataError("no such column"), False),
        # MLflow and DVC do not tell an outage from a mistake.
        (track, ToolError("MLflow does not answer"), True),
        (version, ToolError("the remote does not answer"), True),
        (finish, ToolError("MLflow does not answer"), True),
        (track, DataError("no such column"), False),
    ],
)
def test_only_what_may_pass_by_itself_is_tried_again(task: Any, error: LabelloopError, again: bool) -> None:
    """A wrong token would only cost half a minute more."""
    state: Any = SimpleNamespace(result=lambda raise_on_failure: error)
    assert may_pass(task, SimpleNamespace(name="r000"), state) is again  # type: ignore[arg-type]
