"""A proxy in front of a real server: what tests break on the way between a client and it."""

from __future__ import annotations

import contextlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

FORWARDED = ("authorization", "content-type")
RETURNED = ("content-type", "date")


class Proxy(ABC):
    """Listens at `url`, a free port of loopback; each request gets a thread of its own."""

    def __init__(self, target: str) -> None:
        self._client = httpx.Client(base_url=target, timeout=120)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def _handle(self) -> None:
                self.close_connection = True
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with contextlib.suppress(OSError):  # its reader has given up
                    proxy._serve(self, body)

            do_GET = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._client.close()

    @abstractmethod
    def _serve(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        """Forward a request, reply to it, or do neither."""

    def _forward(self, handler: BaseHTTPRequestHandler, body: bytes) -> httpx.Response:
        """What the server says to the request; cookies of one request never reach the next."""
        headers = {n: v for n, v in handler.headers.items() if n.lower() in FORWARDED}
        reply = self._client.request(handler.command, handler.path, content=body, headers=headers)
        self._client.cookies.clear()
        return reply


def answer(
    handler: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    headers: Mapping[str, str] | None = None,
    length: int | None = None,
) -> None:
    """Send a reply with those of `headers` that are in `RETURNED`; `length` is what it claims to be long."""
    handler.send_response_only(status)
    for name in RETURNED:
        if headers is not None and name in headers:
            handler.send_header(name, headers[name])
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(body)
