"""Requests: what adds something is sent once, errors say what to do, and the token is in none of them."""

from __future__ import annotations

import base64
import json
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from labelloop.adapters.tools.label_studio_push import OnServer, import_tasks
from labelloop.adapters.tools.label_studio_server import (
    CONNECT_TIMEOUT,
    READ_TIMEOUT,
    LostReplyError,
    NotThereError,
    Server,
)
from labelloop.errors import ToolError

TOKEN = "0123456789abcdef0123456789abcdef01234567"
Handler = Callable[[httpx.Request], httpx.Response]


def server(handler: Handler, token: str = TOKEN, url: str = "http://ls.test/") -> Server:
    return Server(url, token, transport=httpx.MockTransport(handler), sleep=lambda _: None)


def raising(error: Exception) -> Handler:
    def handler(request: httpx.Request) -> httpx.Response:
        raise error

    return handler


broken = raising(httpx.ReadError("reset"))


FAILURES: dict[str, Handler] = {
    "timeout": raising(httpx.ReadTimeout("slow")),
    "reset": raising(httpx.ReadError("reset")),
    "cut": raising(httpx.RemoteProtocolError("cut")),
    "unreachable": raising(httpx.ConnectError("refused")),
    "500": lambda _: httpx.Response(500),
    "409": lambda _: httpx.Response(409, json={}),
    "429": lambda _: httpx.Response(429, headers={"Retry-After": "0"}),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("way", ["raw", "create", "import"])
def test_what_adds_something_is_sent_once(failure: str, way: str) -> None:
    """Nothing on the server dedupes, and the SDK's own repetitions are off."""
    seen = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.method)
        return FAILURES[failure](request)

    asked = server(handler)
    calls = {
        "raw": lambda: asked.post("/api/webhooks/", {}),
        "create": lambda: asked.add(lambda client: client.projects.create(title="animals")),
        "import": lambda: asked.post("/api/projects/1/import", [{"data": {}}], return_task_ids="true"),
    }
    with pytest.raises(ToolError if failure == "409" else LostReplyError):
        calls[way]()
    assert seen == ["POST"]


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
        (lambda _: httpx.Response(200, text="[" * 200_000), LostReplyError, "broken JSON"),
        (lambda _: httpx.Response(400, text="[" * 200_000), ToolError, "refuses"),
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


def token_until(moment: datetime, serial: int = 0) -> str:
    """A JWT, as personal tokens and their accesses are."""
    parts = [{"alg": "HS256"}, {"exp": int(moment.timestamp()), "token_type": "refresh", "jti": serial}]
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*coded, "c2lnbmF0dXJl"])


LATER = datetime.now(UTC) + timedelta(days=30)


@pytest.mark.parametrize("ours", [timedelta(minutes=5), timedelta(hours=-1), timedelta(hours=1)])
def test_a_personal_token_is_refreshed_when_its_access_ends(ours: timedelta) -> None:
    """Access lives for minutes, a campaign for weeks; also where the clocks are an hour apart."""
    personal = token_until(LATER)
    given: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/in/a/folder/api/token/refresh/":
            assert json.loads(request.content) == {"refresh": personal}
            given.append(token_until(datetime.now(UTC) + ours, len(given)))
            return httpx.Response(200, json={"access": given[-1]})
        good = len(given) > 1 and request.headers["Authorization"] == f"Bearer {given[-1]}"
        return httpx.Response(200 if good else 401, json={"ok": good})

    asked = server(handler, personal, "http://ls.test/in/a/folder")
    try:
        first = asked.get("/api/projects/")
    except ToolError:
        first = None  # a fresh access that is not accepted
    assert first == {"ok": True} or asked.get("/api/projects/") == {"ok": True}


@pytest.mark.parametrize(
    "refreshed",
    [
        lambda: httpx.Response(401, json={"detail": "Token is invalid or expired"}),
        lambda: httpx.Response(502, text="<html>"),
        lambda: httpx.Response(200, text="{"),
        lambda: httpx.Response(200, json={}),
    ],
)
def test_a_personal_token_that_is_refused_is_told(refreshed: Callable[[], httpx.Response]) -> None:
    """Whatever the server makes of it, and without the token."""
    personal = token_until(LATER)
    with pytest.raises(ToolError) as error:
        server(lambda _: refreshed(), personal).get("/api/projects/")
    assert personal not in "".join(traceback.format_exception(error.value))


def test_an_expired_personal_token_is_told_before_anything_is_sent() -> None:
    """The message names the variable to change."""
    with pytest.raises(ToolError, match="LABEL_STUDIO_API_KEY"):
        server(broken, token_until(datetime.now(UTC) - timedelta(days=1))).get("/api/projects/")


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize("content", [[], 1, "text", None, {"id": "x"}, {"results": 3}, [[]]])
def test_a_server_that_is_no_label_studio_is_told(content: object) -> None:
    """Some other program that answers in JSON at that address."""
    asked = server(lambda _: httpx.Response(200, json=content))
    with pytest.raises(ToolError):
        asked.read(lambda client: [project.id + 0 for project in client.projects.list()])
        asked.read(lambda client: client.projects.get(1).id + 0)


@pytest.mark.parametrize("row", [{"id": "9004"}, {"id": True}, {"id": -1}, {"data": {}}, "text", None])
def test_a_listing_with_a_row_that_is_no_task_is_refused(row: object) -> None:
    """Left out, it would look like a task that is gone."""
    asked = server(lambda _: httpx.Response(200, json={"tasks": [{"id": 1}, row], "total": 2}))
    with pytest.raises(ToolError, match="listing of tasks"):
        list(asked.tasks(1, []))


@pytest.mark.parametrize("status", [200, 400])
def test_a_reply_nested_without_bottom_is_told(status: int) -> None:
    """Also to the SDK's own methods; Python's reader of JSON gives up with a RecursionError."""
    text = "[" * 200_000 + "]" * 200_000
    asked = server(lambda _: httpx.Response(status, text=text))
    with pytest.raises(ToolError, match="/api/projects"):
        asked.read(lambda client: client.projects.get(1))
    with pytest.raises(ToolError, match="/api/projects"):
        asked.get("/api/projects/1/")


@pytest.mark.parametrize(("timeout", "reading", "adding"), [(600.0, READ_TIMEOUT, 600.0), (4.0, 4.0, 4.0)])
def test_only_what_adds_is_waited_for_long(timeout: float, reading: float, adding: float) -> None:
    """A server that hangs holds a run for minutes, also while a token is refreshed; an import may take."""
    waits: dict[tuple[str, str], tuple[float, float]] = {}

    def handler(request: httpx.Request) -> httpx.Response:
        seconds = request.extensions["timeout"]
        waits[request.method, request.url.path] = seconds["read"], seconds["connect"]
        content = {"id": 1, "access": token_until(datetime.now(UTC) + timedelta(minutes=5))}
        return httpx.Response(200, json=content)

    asked = Server(
        "http://ls.test", token_until(LATER), transport=httpx.MockTransport(handler), timeout=timeout
    )
    asked.get("/api/tasks/")
    asked.read(lambda client: client.projects.get(1))
    asked.patch("/api/tasks/1/", {})
    asked.post("/api/projects/1/import", [])
    assert waits.pop(("POST", "/api/projects/1/import")) == (adding, CONNECT_TIMEOUT)
    assert len(waits) == 4
    assert set(waits.values()) == {(reading, CONNECT_TIMEOUT)}


def test_a_redirect_is_told() -> None:
    """A POST that follows one becomes a GET."""
    moved = httpx.Response(301, headers={"Location": "https://ls.test/"})
    with pytest.raises(ToolError, match="elsewhere"):
        server(lambda _: moved).get("/api/projects/")


def test_cookies_are_not_kept() -> None:
    """The server would ask a session for its CSRF token."""
    seen = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("cookie"))
        return httpx.Response(200, json={}, headers={"Set-Cookie": "sessionid=1"})

    asked = server(handler)
    asked.get("/api/a")
    asked.get("/api/b")
    assert seen == [None, None]


def test_the_clock_is_the_servers() -> None:
    """Ours may be an hour off."""
    date = {"Date": "Mon, 05 Jan 2026 09:00:00 GMT"}
    asked = server(lambda _: httpx.Response(200, json=[], headers=date))
    asked.get("/api/users/")
    assert asked.clock == datetime(2026, 1, 5, 9, tzinfo=UTC)


def push(
    replies: list[httpx.Response], there: dict[str, OnServer], state: object = None
) -> tuple[dict[str, OnServer], list[int]]:
    """Push three items of which `there` turn out to have arrived; also the sizes of the imports.

    Args:
        state: what the server says of an import that it does on its own time.
    """
    sizes = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            sizes.append(len(json.loads(request.content)))
            return replies.pop(0)
        return httpx.Response(200, json={"status": "completed"} if state is None else state)

    pushed, _ = import_tasks(
        server(handler),
        1,
        2,
        list("abc"),
        lambda key: json.dumps({"data": {"text": key}}).encode(),
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


@pytest.mark.parametrize("number", [None, "five", [5], {"id": 5}, True])
def test_an_import_without_a_number_is_told(number: object) -> None:
    """It is not sent again: it may be done all the same."""
    replies = [
        httpx.Response(201, json={"import": number}),
        httpx.Response(201, json={"task_ids": [1, 2, 3]}),
    ]
    with pytest.raises(ToolError, match="took an import"):
        push(replies, {})
    assert len(replies) == 1


@pytest.mark.parametrize("state", [[], "completed", 3, ["completed"]])
def test_an_import_whose_state_is_none_is_told(state: object) -> None:
    replies = [httpx.Response(201, json={"import": 5}), httpx.Response(201, json={"task_ids": [1, 2, 3]})]
    with pytest.raises(ToolError, match="took an import"):
        push(replies, {}, state)
    assert len(replies) == 1


@pytest.mark.parametrize("ids", [[None, 2, 3], [[1], 2, 3], ["x", "y", "z"]])
def test_ids_that_are_none_are_looked_up(ids: list[object]) -> None:
    """The tasks are there, whatever the reply says."""
    there = {key: OnServer(n, 2, 0, None) for n, key in enumerate("abc")}
    pushed, sizes = push([httpx.Response(201, json={"task_ids": ids})], there)
    assert (sizes, pushed) == ([3], there)
