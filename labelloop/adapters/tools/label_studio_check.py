"""Whether a Label Studio server and a campaign fit; asks and changes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labelloop import files
from labelloop.adapters.tools.base import Project
from labelloop.adapters.tools.checks import Check
from labelloop.adapters.tools.label_studio_config import updated_config
from labelloop.adapters.tools.label_studio_project import LabelStudioProject
from labelloop.adapters.tools.label_studio_server import LostReplyError, NotThereError, Server
from labelloop.campaign import Annotation
from labelloop.errors import ToolError

OLDEST, TESTED = (1, 20), (1, 23)
"""Versions: older than the first is refused; the last is what the tests run against."""

NO_LABEL_STUDIO = "LABEL_STUDIO_URL must be the address of a Label Studio, version 1.20 or later"

CLOCK_SECONDS = 120
"""How far the server's clock may be from this machine's without a word."""

Reach = Callable[[str], bool]
"""Whether something answers at a URL."""


def check_label_studio(
    server: Server,
    token: str,
    folder: Path,
    *,
    campaign: str,
    annotation: Annotation,
    project: Project | None,
    webhooks: bool,
    reach: Reach,
) -> list[Check]:
    """Look at everything that can be looked at from here, in the order in which it matters.

    Args:
        token: of the account; only its kind is told.
        folder: where the tool keeps what it remembers.
        project: what the campaign asks; None while the data is not prepared and no classes are named.
        webhooks: whether the campaign waits for webhooks.
    """
    checks = [*_version(server)]
    if any(check.state == "fail" for check in checks):
        return checks
    checks += [_clock(server), _token(token)]
    account = _account(server)
    checks.append(account)
    if account.state == "fail":
        return checks
    rights = _rights(server)
    checks.append(rights)
    if rights.state == "fail":
        return checks
    remembered = folder / "project.json"
    found = LabelStudioProject(server, remembered, campaign, annotation.overlap)
    try:
        number = found.id if found.exists() else None
    except ToolError as error:
        return [*checks, Check("project", "fail", str(error))]
    if number is None:
        return [*checks, Check("project", "ok", "not there yet; the first batch makes it")]
    checks.append(Check("project", "ok", f"{server.url}/projects/{number}"))
    try:
        content = server.get(f"/api/projects/{number}/")
        checks.append(_interface(content, project, remembered))
        checks += _settings(content, annotation)
        checks.append(_webhook(server, number, webhooks, reach))
    except ToolError as error:
        checks.append(Check("project", "fail", str(error)))
    return checks


def _version(server: Server) -> Iterator[Check]:
    try:
        content = server.get("/api/version")
    except NotThereError:
        yield Check("server", "fail", f"{server.url} answers, but it has no /api/version",
                    NO_LABEL_STUDIO)  # fmt: skip
        return
    except ToolError as error:
        # A personal token is exchanged for an access before anything else is asked.
        yield Check("account" if "the token" in str(error) else "server", "fail", str(error))
        return
    release = content.get("release") if isinstance(content, dict) else None
    parts = re.match(r"(\d{1,4})\.(\d{1,4})", release) if isinstance(release, str) else None
    if parts is None:
        yield Check("server", "fail", f"{server.url} does not say which Label Studio it is",
                    NO_LABEL_STUDIO)  # fmt: skip
        return
    yield Check("server", "ok", f"{server.url} answers")
    version, says = (int(parts[1]), int(parts[2])), f"Label Studio {str(release)[:40]}"
    tested = f"tested with {TESTED[0]}.{TESTED[1]}"
    if version < OLDEST:
        yield Check("version", "fail", f"{says} is too old ({tested})",
                    f"update it to {OLDEST[0]}.{OLDEST[1]} or later")  # fmt: skip
    elif version == TESTED:
        yield Check("version", "ok", f"{says} ({tested})")
    else:
        age = "newer than what is tested" if version > TESTED else "older than what is tested"
        yield Check("version", "warn", f"{says} is {age} ({tested})",
                    "try it on a small campaign first, or use the tested version")  # fmt: skip


def _clock(server: Server) -> Check:
    if server.clock is None:
        return Check("clock", "warn", "the server does not tell its time")
    ahead = (server.clock - datetime.now(UTC)).total_seconds()
    if abs(ahead) <= CLOCK_SECONDS:
        return Check("clock", "ok", f"the server's is within {CLOCK_SECONDS} s of this machine's")
    how = "ahead of" if ahead > 0 else "behind"
    return Check("clock", "warn", f"the server's is {_span(abs(ahead))} {how} this machine's; answers and "
                 "deadlines go by the server's", "set both clocks by a time server (NTP)")  # fmt: skip


def _span(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3000 else f"{seconds / 60:.0f} min"


def _token(token: str) -> Check:
    if token.count(".") == 2:
        return Check("token", "ok", "a personal access token")
    if re.fullmatch(r"[0-9a-f]{40}", token):
        return Check("token", "ok", "a legacy token")
    return Check("token", "warn", "looks like neither kind: a personal access token has three parts with "
                 "dots, a legacy one 40 hexadecimal digits",
                 "copy it again from Account & Settings on the server's page")  # fmt: skip


def _account(server: Server) -> Check:
    try:
        content = server.get("/api/current-user/whoami")
    except ToolError as error:
        return Check("account", "fail", str(error))
    name = content.get("email") or content.get("username") if isinstance(content, dict) else None
    return Check("account", "ok", str(name or "unnamed")[:200])


def _rights(server: Server) -> Check:
    try:
        server.get("/api/projects/", page=1, page_size=1, include="id")
    except ToolError as error:
        return Check("rights", "fail", f"projects cannot be listed: {error}")
    try:
        # A project that cannot be made, whoever asks: who may make none is told that first.
        server.post("/api/projects/", {"title": "", "label_config": "<"})
    except LostReplyError as error:
        return Check("rights", "warn", f"may list projects; whether it may make one is not known: {error}")
    except ToolError as error:
        if "does not let this account" in str(error):
            return Check("rights", "fail", "the account may not make projects",
                         "use the token of an account that may manage projects")  # fmt: skip
    return Check("rights", "ok", "may list and make projects")


def _interface(content: Any, project: Project | None, remembered: Path) -> Check:
    if project is None:
        return Check("labeling interface", "warn", "not compared: the classes are not known yet",
                     "name them in labels.classes, or run `labelloop run` once")  # fmt: skip
    written = files.read_json(remembered).get("config") if remembered.exists() else None
    there = content.get("label_config") if isinstance(content, dict) else None
    try:
        change = updated_config(str(there or ""), project, written)
    except ToolError as error:
        return Check("labeling interface", "fail", str(error))
    if change is not None:
        return Check(
            "labeling interface", "ok", "older than params.yaml; the next batch brings it up to date"
        )
    return Check("labeling interface", "ok", f"asks for {len(project.classes)} classes as params.yaml says")


def _settings(content: Any, annotation: Annotation) -> Iterator[Check]:
    shown = bool(content.get("show_collab_predictions"))
    wanted = annotation.prelabels == "shown"
    if shown == wanted:
        state = "shown to annotators" if shown else "not shown to annotators"
        yield Check("predictions", "ok", f"{state} (annotation.prelabels: {annotation.prelabels})")
    else:
        yield Check("predictions", "warn", f"the project {'shows' if shown else 'hides'} them, but "
                    f"annotation.prelabels is {annotation.prelabels}",
                    "the next batch sets it; until then answers may follow the model"
                    if shown else "the next batch sets it")  # fmt: skip
    if content.get("skip_queue") == "REQUEUE_FOR_OTHERS":
        yield Check("skipped tasks", "ok", "go to other annotators")
    else:
        yield Check("skipped tasks", "warn", f"the project's skip queue is "
                    f"{content.get('skip_queue')!r:.60}: what one skips is not asked of others",
                    "Settings, Annotation, Task-Skipping: requeue to others")  # fmt: skip


def _webhook(server: Server, project: int, wanted: bool, reach: Reach) -> Check:
    found = server.get("/api/webhooks/", project=project)
    hooks = [hook for hook in found if isinstance(hook, dict)] if isinstance(found, list) else []
    active = [str(hook.get("url")) for hook in hooks
              if hook.get("is_active", True) and hook.get("project") == project]  # fmt: skip
    if not active:
        says = "none; the schedule alone looks for answers"
        return Check("webhook", "warn" if wanted else "ok", says,
                     "`labelloop webhook` makes one and receives it" if wanted else "")  # fmt: skip
    silent = [url for url in active if not reach(url)]
    if silent:
        return Check("webhook", "warn", f"{silent[0]:.200} cannot be reached from here; the schedule alone "
                     "looks for answers", "start the receiver (`labelloop webhook`), or take it out of the "
                     "project's webhooks")  # fmt: skip
    return Check("webhook", "ok", f"{active[0]:.200} can be reached")
