"""Requests to a Label Studio server: tokens of both kinds, its clock, and errors that say what to do.

The SDK repeats a POST whose reply was lost, which makes tasks twice, and hides the reply's date, which is
the server's clock; so requests are made here. Reads and changes that give the same result twice are
repeated; whatever adds something is sent once, and `LostReplyError` says that nobody knows whether it
arrived.
"""

from __future__ import annotations

import base64
import binascii
import email.utils
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from labelloop.errors import ToolError

if TYPE_CHECKING:
    import httpx

TIMEOUT = 600.0
"""Seconds for one reply: the server commits an import even when nobody waits for it any more."""

PAGE = 500
"""Tasks in one page of a listing."""

_WAITS = (0.2, 1.0, 3.0)
"""Seconds before each repetition."""


class LostReplyError(ToolError):
    """The server may or may not have done what it was asked; look before asking again."""


class NotThereError(ToolError):
    """The server has no such thing."""


class Server:
    """One server and one account on it. Nothing is sent before the first request."""

    def __init__(
        self, url: str, token: str, *, transport: Any = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Remember where the server is.

        Args:
            token: a legacy token (40 hex digits) or a personal access token (a JWT that is refreshed).
            transport: an httpx transport, in place of the network.

        Raises:
            ToolError: the URL is none.
        """
        import httpx

        self.url = url.strip().rstrip("/")
        if not _is_url(self.url):
            raise ToolError("LABEL_STUDIO_URL must look like http://127.0.0.1:8080, without a user or a "
                            "password in it; it has no such form")  # fmt: skip
        self._token, self._personal, self._access = token.strip(), _is_jwt(token.strip()), ""
        timeout = httpx.Timeout(TIMEOUT, connect=10.0)
        self._http = httpx.Client(base_url=self.url, timeout=timeout, transport=transport)
        self._sleep = sleep
        self.clock: datetime | None = None
        """The server's time when it last replied; aware, UTC, whole seconds."""

    def get(self, path: str, **query: Any) -> Any:
        return self._repeated("GET", path, query=query)

    def patch(self, path: str, body: Any) -> Any:
        return self._repeated("PATCH", path, body=body)

    def post(self, path: str, body: Any, *, repeatable: bool = False, **query: Any) -> Any:
        """Send once, unless doing it twice does no harm.

        Raises:
            LostReplyError: it may have been done.
            ToolError: it was not.
        """
        if repeatable:
            return self._repeated("POST", path, body=body, query=query)
        return self._once("POST", path, body=body, query=query)

    def tasks(self, project: int, filters: list[dict[str, Any]], **query: Any) -> Iterator[dict[str, Any]]:
        """All tasks of a project that meet all filters, by id."""
        conditions = {"filters": {"conjunction": "and", "items": filters}, "ordering": ["tasks:id"]}
        page, seen = 1, 0
        while True:
            content = self.get(
                "/api/tasks/",
                project=project,
                page=page,
                page_size=PAGE,
                query=json.dumps(conditions),
                **query,
            )
            rows = content.get("tasks") if isinstance(content, dict) else None
            if not isinstance(rows, list):
                raise ToolError(f"{self.url} answers a listing of tasks with something else; is it a Label "
                                "Studio server, version 1.20 or later?")  # fmt: skip
            yield from (row for row in rows if isinstance(row, dict))
            seen, page = seen + len(rows), page + 1
            total = content.get("total")
            if len(rows) < PAGE or (isinstance(total, int) and seen >= total):
                return

    def _repeated(self, method: str, path: str, *, body: Any = None, query: Any = None) -> Any:
        for wait in _WAITS:
            try:
                return self._once(method, path, body=body, query=query)
            except LostReplyError:
                self._sleep(wait)
        return self._once(method, path, body=body, query=query)

    def _once(self, method: str, path: str, *, body: Any = None, query: Any = None) -> Any:
        response = self._send(method, path, body, query, self._authorization())
        if response.status_code == 401 and self._personal:
            self._access = ""  # it lives for minutes only
            response = self._send(method, path, body, query, self._authorization())
        return self._content(response, path)

    def _send(self, method: str, path: str, body: Any, query: Any, headers: dict[str, str]) -> httpx.Response:
        import httpx

        self._http.cookies.clear()  # a session's cookie would be asked for its CSRF token
        try:
            response = self._http.request(method, path, json=body, params=query or None, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol):
            raise LostReplyError(f"Label Studio at {self.url} cannot be reached; start it, or correct "
                            "LABEL_STUDIO_URL, and run it again") from None  # fmt: skip
        except httpx.HTTPError as error:
            raise LostReplyError(f"Label Studio at {self.url} broke off ({type(error).__name__}) while asked "
                            f"for {path}; look at the server's log and run it again") from None  # fmt: skip
        try:
            date = email.utils.parsedate_to_datetime(response.headers.get("date", ""))
            self.clock = date.astimezone(UTC)
        except (ValueError, TypeError, OverflowError):
            self.clock = self.clock or datetime.now(UTC)
        return response

    def _content(self, response: httpx.Response, path: str) -> Any:
        status = response.status_code
        if status in (401, 403):
            what = "does not know the token" if status == 401 else "does not let this account do that"
            raise ToolError(f"Label Studio at {self.url} {what} ({path}: {status}); put a valid token of an "
                            "account that may manage the project into LABEL_STUDIO_API_KEY (Account & "
                            "Settings on the server's page)")  # fmt: skip
        if status == 404:
            raise NotThereError(f"Label Studio at {self.url} has no {path}; if LABEL_STUDIO_URL is right, "
                                "it was deleted there")  # fmt: skip
        if status in (408, 429) or status >= 500:
            raise LostReplyError(f"Label Studio at {self.url} answers {path} with {status}; look at the "
                                 "server's log (is its disk full?) and run it again")  # fmt: skip
        if not 200 <= status < 300:
            raise ToolError(f"Label Studio at {self.url} refuses {path} with {status}: {_detail(response)}")
        if status == 204:
            return None
        try:
            return response.json()
        except ValueError:
            if "html" in response.headers.get("content-type", ""):
                raise ToolError(f"{self.url} answers {path} with a web page; LABEL_STUDIO_URL must be the "
                                "address of Label Studio itself") from None  # fmt: skip
            raise LostReplyError(f"Label Studio at {self.url} answers {path} with broken JSON; run it "
                            "again") from None  # fmt: skip

    def _authorization(self) -> dict[str, str]:
        if not self._personal:
            return {"Authorization": f"Token {self._token}"}
        if not self._access:
            response = self._send("POST", "/api/token/refresh/", {"refresh": self._token}, None, {})
            content = self._content(response, "/api/token/refresh/")
            self._access = str(content["access"]) if isinstance(content, dict) and "access" in content else ""
        return {"Authorization": f"Bearer {self._access}"}


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
                    and (parts.port is None or parts.port > 0) and text.isprintable())  # fmt: skip
    except ValueError:
        return False


def _is_jwt(token: str) -> bool:
    parts = token.split(".")
    if len(parts) != 3:
        return False
    try:
        return isinstance(json.loads(base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4))), dict)
    except (ValueError, binascii.Error):
        return False


def _detail(response: httpx.Response) -> str:
    """What the server says is wrong, cut: an import's 400 may hold every task."""
    try:
        content = response.json()
    except ValueError:
        return response.text[:300]
    if isinstance(content, dict):
        content = content.get("validation_errors") or content.get("detail") or content
    return json.dumps(content, ensure_ascii=False)[:600]
