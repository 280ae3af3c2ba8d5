"""A proxy between the tool and the server that loses replies, breaks connections and answers 500."""

from __future__ import annotations

import random
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

KINDS = ("lost reply", "reset", "500 before", "500 after", "cut reply")
"""lost reply, 500 after and cut reply: the server did what was asked, and the tool does not hear of it."""


class FaultyProxy:
    """Forwards to `target`; a share `rate` of the requests goes wrong, drawn from `seed`."""

    def __init__(self, target: str, *, rate: float, seed: int) -> None:
        self.rate, self.faults = rate, Counter[str]()
        self._random, self._lock = random.Random(seed), threading.Lock()
        self._client = httpx.Client(base_url=target, timeout=120)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def _handle(self) -> None:
                proxy._serve(self)

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

    def _draw(self) -> str | None:
        with self._lock:
            kind = self._random.choice(KINDS) if self._random.random() < self.rate else None
            if kind:
                self.faults[kind] += 1
        return kind

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        fault = self._draw()
        handler.close_connection = True
        if fault == "reset":
            return
        if fault == "500 before":
            _answer(handler, 500, b"{}", {})
            return
        headers = {n: v for n, v in handler.headers.items() if n.lower() in ("authorization", "content-type")}
        reply = self._client.request(handler.command, handler.path, content=body, headers=headers)
        self._client.cookies.clear()
        if fault == "lost reply":
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
