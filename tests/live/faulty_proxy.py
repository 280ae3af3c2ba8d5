"""A proxy between the tool and the server that loses replies, breaks connections, answers 500 and is slow."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

KINDS = (
    "lost reply", "reset", "500 before", "500 after", "cut reply", "timeout before", "timeout after", "slow",
    "late",
)  # fmt: skip
"""lost reply, 500 after, cut reply and timeout after: the server did what was asked, and the tool does not
hear of it. late: the connection breaks first, and the server does it afterwards. slow: nothing is lost."""

SLOW = 1.5
"""Seconds that a slow reply takes longer."""

LATE = 0.3
"""Seconds after which a late request arrives."""


class FaultyProxy:
    """Forwards to `target`; a share `rate` of the requests goes wrong, drawn from `seed`."""

    def __init__(self, target: str, *, rate: float, seed: int, hold: float) -> None:
        """Start; `hold` is for how many seconds a reply is held back until its reader has given up."""
        self.rate, self.faults, self._hold = rate, Counter[str](), hold
        self.tokens: set[str] = set()
        """What came in headers `Authorization`."""
        self._closing = threading.Event()
        self._random, self._lock = random.Random(seed), threading.Lock()
        self._client = httpx.Client(base_url=target, timeout=120)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def _handle(self) -> None:
                with contextlib.suppress(OSError):  # its reader has given up
                    proxy._serve(self)

            do_GET = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._client.close()

    def _draw(self) -> str | None:
        with self._lock:
            kind = self._random.choice(KINDS) if self._random.random() < self.rate else None
            if kind:
                self.faults[kind] += 1
        return kind

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        self.tokens.add(handler.headers.get("Authorization", "").rpartition(" ")[2])
        fault = self._draw()
        handler.close_connection = True
        if fault == "timeout before":
            self._closing.wait(self._hold)
        if fault in ("reset", "timeout before"):
            return
        if fault == "500 before":
            _answer(handler, 500, b"{}", {})
            return
        headers = {n: v for n, v in handler.headers.items() if n.lower() in ("authorization", "content-type")}
        if fault == "late":
            handler.connection.shutdown(socket.SHUT_RDWR)
            self._closing.wait(LATE)
        try:
            reply = self._client.request(handler.command, handler.path, content=body, headers=headers)
        except httpx.HTTPError:
            return  # the server was killed
        self._client.cookies.clear()
        if fault in ("slow", "timeout after"):
            self._closing.wait(SLOW if fault == "slow" else self._hold)
        if fault in ("lost reply", "late", "timeout after"):
            return
        if fault == "500 after":
            _answer(handler, 500, b"<html>broken</html>", {})
            return
        content = reply.content
        kept = {n: reply.headers[n] for n in ("content-type", "date") if n in reply.headers}
        if fault == "cut reply":
            _answer(handler, reply.status_code, content[: len(content) // 2], kept, length=len(content))
        else:
            _answer(handler, reply.status_code, content, kept)


def _answer(
    handler: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    headers: dict[str, str],
    length: int | None = None,
) -> None:
    handler.send_response_only(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(body)
