"""Requests to a Label Studio server through its SDK: tokens of both kinds, its clock, and errors that say
what to do.

The SDK would repeat a POST whose reply was lost, which makes tasks twice, so its own repetitions are off.
Here, reads and changes that give the same result twice are repeated; whatever adds something is sent once,
and `LostReplyError` says that nobody knows whether it arrived. The reply's date, which is the server's
clock, and the server's cookies, which would ask for a CSRF token, are dealt with by a hook on the SDK's HTTP
client.

What the SDK has a method for, whose parsing loses nothing, is asked by that method (`read`, `add`). The rest
goes through the SDK's own authenticated client as plain JSON (`get`, `patch`, `post`, `tasks`): listings of
tasks, because answers are hostile input that must arrive as it is; a task's overlap, whose reply is a whole
task; the state of an import on the server's own time, for which the SDK has no method; and imports, because
the SDK's method walks through every value of every task (33 ms instead of 6 a thousand tasks, 3% of a push).
"""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from labelloop.errors import ToolError, UnreachableError

if TYPE_CHECKING:
    import httpx
    from label_studio_sdk.client import LabelStudio

TIMEOUT = 600.0
"""Seconds for the reply to a POST: the server commits an import even when nobody waits for it any more."""

READ_TIMEOUT = 60.0
"""Seconds for any other reply. What is read is asked for again, so a server that hangs costs several."""

CONNECT_TIMEOUT = 10.0
"""Seconds until the server takes a connection."""

PAGE = 500
"""Tasks in one page of a listing."""

_WAITS = (0.2, 1.0, 3.0)
"""Seconds before each repetition."""

_Reply = TypeVar("_Reply")


class LostReplyError(UnreachableError):
    """The server may or may not have done what it was asked; look before asking again."""


class NotThereError(ToolError):
    """The server has no such thing."""


class Server:
    """One server and one account on it. Nothing is sent before the first request."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        transport: Any = None,
        sleep: Callable[[float], None] = time.sleep,
        timeout: float = TIMEOUT,
    ) -> None:
        """Remember where the server is.

        Args:
            token: a legacy token (40 hex digits) or a personal access token (a JWT that is refreshed).
            transport: an httpx transport, in place of the network.
            timeout: seconds for the reply to a POST; others get no more than READ_TIMEOUT.

        Raises:
            ToolError: the URL is none.
        """
        self.url = url.strip().rstrip("/")
        if not _is_url(self.url):
            raise ToolError("LABEL_STUDIO_URL must look like http://127.0.0.1:8080, without a user or a "
                            "password in it; it has no such form")  # fmt: skip
        self._token, self._transport, self._timeout, self._sleep = token.strip(), transport, timeout, sleep
        self._client: LabelStudio | None = None
        self._http: httpx.Client | None = None
        self._path = "/"
        self.clock: datetime | None = None
        """The server's time when it last replied; aware, UTC, whole seconds."""

    def read(self, call: Callable[[LabelStudio], _Reply]) -> _Reply:
        """What an SDK method replies that changes nothing, or gives the same result twice; repeated.

        Raises:
            ToolError: the server refuses, or cannot be reached.
        """
        for wait in _WAITS:
            try:
                return self.add(call)
            except LostReplyError:
                self._sleep(wait)
        return self.add(call)

    def pause(self, seconds: float) -> None:
        self._sleep(seconds)

    def add(self, call: Callable[[LabelStudio], _Reply]) -> _Reply:
        """What an SDK method replies that adds something; sent once.

        Raises:
            LostReplyError: it may have been done.
            ToolError: it was not.
        """
        had_access = self._client is not None
        try:
            return self._ask(call)
        except _TokenRefusedError:
            # The access that a personal token gives lives for minutes; the SDK judges that by our clock.
            self._client = None
            if not (had_access and "." in self._token):
                raise
        return self._ask(call)

    def get(self, path: str, **query: Any) -> Any:
        return self.read(lambda client: self._json(client, "GET", path, None, query))

    def patch(self, path: str, body: Any) -> Any:
        return self.read(lambda client: self._json(client, "PATCH", path, body, {}))

    def post(self, path: str, body: Any, *, repeatable: bool = False, **query: Any) -> Any:
        """Send once, unless doing it twice does no harm. Bytes are sent as they are, and must be JSON.

        Raises:
            LostReplyError: it may have been done.
            ToolError: it was not.
        """
        send = self.read if repeatable else self.add
        return send(lambda client: self._json(client, "POST", path, body, query))

    def tasks(
        self, project: int, filters: list[dict[str, Any]], *, page_size: int = PAGE, **query: Any
    ) -> Iterator[dict[str, Any]]:
        """All tasks of a project that meet all filters, by id, as the server tells them."""
        conditions = {"filters": {"conjunction": "and", "items": filters}, "ordering": ["tasks:id"]}
        page, seen = 1, 0
        while True:
            content = self.get(
                "/api/tasks/",
                project=project,
                page=page,
                page_size=page_size,
                query=json.dumps(conditions, separators=(",", ":")),
                **query,
            )
            rows = content.get("tasks") if isinstance(content, dict) else None
            # A row that cannot be told is no task that is gone.
            if not isinstance(rows, list) or not all(_is_task(row) for row in rows):
                raise ToolError(f"{self.url} answers a listing of tasks with something else; is it a Label "
                                "Studio server, version 1.20 or later?")  # fmt: skip
            yield from rows
            seen, page = seen + len(rows), page + 1
            total = content.get("total")
            if len(rows) < page_size or (isinstance(total, int) and seen >= total):
                return

    def _json(self, client: LabelStudio, method: str, path: str, body: Any, query: Mapping[str, Any]) -> Any:
        """A request without an SDK method, by the SDK's client, which knows the token."""
        response = client._client_wrapper.httpx_client.request(
            path,
            method=method,
            params=dict(query),
            content=body if body is None or isinstance(body, bytes) else json.dumps(body).encode(),
            headers=None if body is None else {"Content-Type": "application/json"},
        )
        if response.status_code == 204:
            return None
        try:
            content = response.json()
        except (ValueError, RecursionError):  # no JSON, or nested without bottom
            content = response.text
            if response.is_success:
                raise self._failure(response.status_code, response.headers, content) from None
        if not response.is_success:
            raise self._failure(response.status_code, response.headers, content)
        return content

    def _ask(self, call: Callable[[LabelStudio], _Reply]) -> _Reply:
        import httpx
        from label_studio_sdk.core.api_error import ApiError

        try:
            return call(self._sdk())
        except ApiError as error:
            raise self._failure(error.status_code or 0, error.headers or {}, error.body) from None
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol):
            raise LostReplyError(f"Label Studio at {self.url} cannot be reached; start it, or correct "
                            "LABEL_STUDIO_URL, and run it again") from None  # fmt: skip
        except httpx.HTTPError as error:
            raise LostReplyError(f"Label Studio at {self.url} broke off ({type(error).__name__}) while asked "
                            f"for {self._path}; look at the server's log and run it again"
                            ) from None  # fmt: skip
        # The reply to a refresh of the token is no JSON; what an SDK method reads is nested without bottom.
        except (ValueError, RecursionError, httpx.InvalidURL):
            raise LostReplyError(f"Label Studio at {self.url} answers {self._path} with something that "
                                 "cannot be read; run it again") from None  # fmt: skip
        except (AttributeError, KeyError, TypeError) as error:  # the SDK expects the reply of a Label Studio
            raise ToolError(f"{self.url} answers {self._path} with something else than expected; is it a "
                            "Label Studio server, version 1.20 or later?") from error  # fmt: skip

    def _sdk(self) -> LabelStudio:
        """The SDK's client; made late, because its import takes a second."""
        if self._client is None:
            import httpx
            from label_studio_sdk.client import LabelStudio

            if self._http is None:
                self._http = httpx.Client(
                    transport=self._transport,
                    timeout=httpx.Timeout(self._timeout, connect=CONNECT_TIMEOUT),
                    event_hooks={"request": [self._note_request], "response": [self._note_response]},
                )
            # The slash keeps a path in the URL when the SDK refreshes a token.
            self._client = LabelStudio(
                base_url=f"{self.url}/", api_key=self._token, max_retries=0, httpx_client=self._http
            )
        return self._client

    def _note_request(self, request: httpx.Request) -> None:
        self._path = request.url.path
        if request.method != "POST" or self._path.endswith("/api/token/refresh/"):
            timeout = dict(request.extensions["timeout"])
            timeout["read"] = min(self._timeout, READ_TIMEOUT)
            request.extensions["timeout"] = timeout

    def _note_response(self, response: httpx.Response) -> None:
        if self._http is not None:
            self._http.cookies.clear()
        try:
            date = email.utils.parsedate_to_datetime(response.headers.get("date", ""))
            self.clock = date.astimezone(UTC)
        except (ValueError, TypeError, OverflowError):
            self.clock = self.clock or datetime.now(UTC)

    def _failure(self, status: int, headers: Mapping[str, str], content: object) -> ToolError:
        """The error for a reply that is none; short, and without anything of the request but its path."""
        path = self._path
        if status in (401, 403):
            what = "does not know the token" if status == 401 else "does not let this account do that"
            error = _TokenRefusedError if status == 401 else ToolError
            return error(f"Label Studio at {self.url} {what} ({path}: {status}); put a valid token of an "
                         "account that may manage the project into LABEL_STUDIO_API_KEY (Account & "
                         "Settings on the server's page)")  # fmt: skip
        if status == 404:
            return NotThereError(f"Label Studio at {self.url} has no {path}; if LABEL_STUDIO_URL is right, "
                                 "it was deleted there")  # fmt: skip
        if status in (408, 429) or status >= 500:
            return LostReplyError(f"Label Studio at {self.url} answers {path} with {status}; look at the "
                                  "server's log (is its disk full?) and run it again")  # fmt: skip
        if 300 <= status < 400:
            return ToolError(f"{self.url} sends {path} elsewhere ({status}); LABEL_STUDIO_URL must be the "
                             "address that the server itself uses (https?)")  # fmt: skip
        if not 200 <= status < 300:
            return ToolError(f"Label Studio at {self.url} refuses {path} with {status}: {_detail(content)}")
        if "html" in headers.get("content-type", ""):
            return ToolError(f"{self.url} answers {path} with a web page; LABEL_STUDIO_URL must be the "
                             "address of Label Studio itself")  # fmt: skip
        return LostReplyError(f"Label Studio at {self.url} answers {path} with broken JSON; run it again")


class _TokenRefusedError(ToolError):
    """The token, or the access that it gave, is not valid."""


def _is_task(row: object) -> bool:
    number = row.get("id") if isinstance(row, dict) else None
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 2**63


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
                    and (parts.port is None or parts.port > 0) and text.isprintable())  # fmt: skip
    except ValueError:
        return False


def _detail(content: object) -> str:
    """What the server says is wrong, cut: an import's 400 may hold every task."""
    if isinstance(content, str):
        return content[:300]
    if isinstance(content, dict):
        content = content.get("validation_errors") or content.get("detail") or content
    try:
        return json.dumps(content, ensure_ascii=False, default=str)[:600]
    except RecursionError:
        return "something nested too deeply to be shown"
