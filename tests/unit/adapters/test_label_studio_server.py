"""Requests: what adds something is sent once, errors say what to do, and the token is in none of them."""

from __future__ import annotations

import base64
import json
import traceback
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from labelloop.adapters.tools.label_studio_push import OnServer, push_items
from labelloop.adapters.tools.label_studio_server import LostReplyError, NotThereError, Server
from labelloop.errors import ToolError

TOKEN = "0123456789abcdef0123456789abcdef01234567"
Handler = Callable[[httpx.Request], httpx.Response]


def server(handler: Handler, token: str = TOKEN) -> Server:
    return Server("http://ls.test/", token, transport=httpx.MockTransport(handler), sleep=lambda _: None)


def broken(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("reset")


def test_a_post_is_sent_once() -> None:
    """Nothing on the server dedupes."""
    seen = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        raise httpx.ReadTimeout("slow")

    with pytest.raises(LostReplyError):
        server(handler).post("/api/projects/1/import", [])
    assert len(seen) == 1


def test_a_read_is_repeated() -> None:
    """A hiccup is no reason to stop."""
    replies = iter([httpx.Response(500), httpx.Response(502), httpx.Response(200, json={"a": 1})])
    assert server(lambda _: next(replies)).get("/api/projects/1/") == {"a": 1}


@pytest.mark.parametrize(
    ("handler", "kind", "said"),
    [
        (lambda _: httpx.Response(401, json={"detail": "Invalid token."}), ToolError, "LABEL_STUDIO_API_KEY"),
        (lambda _: httpx.Response(403, json={}), ToolError, "does not let this account"),
        (lambda _: httpx.Response(404, text="<html>" * 30_000), NotThereError, "deleted"),
        (lambda _: httpx.Response(400, json={"validation_errors": {"x": ["wrong"]}}), ToolError, "wrong"),
        (lambda _: httpx.Response(200, html="<html>"), ToolError, "web page"),
        (lambda _: httpx.Response(200, text='{"a'), LostReplyError, "broken JSON"),
        (lambda _: httpx.Response(503), LostReplyError, "503"),
        (broken, LostReplyError, "broke off"),
    ],
)
def test_errors_say_what_to_do_and_never_the_token(
    handler: Handler, kind: type[ToolError], said: str
) -> None:
    """A message that is short, and a traceback that can be shown to anybody."""
    with pytest.raises(kind, match=said) as error:
        server(handler).post("/api/projects/", {})
    assert len(str(error.value)) < 1000
    assert TOKEN not in "".join(traceback.format_exception(error.value))


@pytest.mark.parametrize(
    "url", ["", "localhost:8080", "ftp://x", "http://", "http://me:secret@host", "http://["]
)
def test_a_url_that_is_none_is_refused_without_its_password(url: str) -> None:
    """Before anything is sent."""
    with pytest.raises(ToolError, match="LABEL_STUDIO_URL") as error:
        Server(url, TOKEN)
    assert "secret" not in str(error.value)


def test_a_personal_token_is_refreshed_when_its_access_ends() -> None:
    """Access lives for minutes, a campaign for weeks."""
    personal = ".".join([base64.urlsafe_b64encode(b'{"alg": "HS256"}').decode().rstrip("="), "e30", "sig"])
    given = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/token/refresh/":
            assert json.loads(request.content) == {"refresh": personal}
            given.append(f"access{len(given)}")
            return httpx.Response(200, json={"access": given[-1]})
        good = request.headers["Authorization"] == "Bearer access1"
        return httpx.Response(200 if good else 401, json={"ok": good})

    assert server(handler, personal).get("/api/projects/") == {"ok": True}
    assert given == ["access0", "access1"]


def test_the_clock_is_the_servers() -> None:
    """Ours may be an hour off."""
    date = {"Date": "Mon, 05 Jan 2026 09:00:00 GMT"}
    asked = server(lambda _: httpx.Response(200, json=[], headers=date))
    asked.get("/api/users/")
    assert asked.clock == datetime(2026, 1, 5, 9, tzinfo=UTC)


def push(replies: list[httpx.Response], there: dict[str, OnServer]) -> tuple[dict[str, OnServer], list[int]]:
    """Push three items of which `there` turn out to have arrived; also the sizes of the imports."""
    sizes = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            sizes.append(len(json.loads(request.content)))
            return replies.pop(0)
        return httpx.Response(200, json={"status": "completed"})

    pushed = push_items(
        server(handler),
        {"id": 1, "maximum_annotations": 2},
        {key: {"text": key} for key in "abc"},
        dict.fromkeys("abc", 2),
        {},
        pushed_at="2026-01-05T09:00:00+00:00",
        find=lambda keys: {key: task for key, task in there.items() if key in keys},
        sleep=lambda _: None,
    )
    return pushed, sizes


def test_after_a_lost_reply_only_what_is_missing_is_sent_again() -> None:
    """What arrived is found by its key."""
    there = {"a": OnServer(7, 2, 0, None)}
    pushed, sizes = push([httpx.Response(500), httpx.Response(201, json={"task_ids": [8, 9]})], there)
    assert sizes == [3, 2]
    assert [pushed[key].id for key in "abc"] == [7, 8, 9]


def test_an_import_on_the_servers_own_time_is_waited_for() -> None:
    """As editions other than the open one do it."""
    there = {key: OnServer(n, 2, 0, None) for n, key in enumerate("abc")}
    pushed, sizes = push([httpx.Response(201, json={"import": 5})], there)
    assert (sizes, pushed) == ([3], there)
