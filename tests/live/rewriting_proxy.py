"""A proxy that changes what a real server replies, as a broken or hostile one might."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

Rewrite = Callable[[str, bytes], bytes | None]
"""Path and reply to another reply; None leaves it as it is."""


class RewritingProxy:
    """Forwards to `target`; what it replies goes through `rewrite`, where there is one."""

    def __init__(self, target: str) -> None:
        self.rewrite: Rewrite | None = None
        self.methods, self.rewritten = {"GET"}, 0
        self._client = httpx.Client(base_url=target, timeout=120)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def _handle(self) -> None:
                with contextlib.suppress(OSError):  # its reader has had enough
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

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        headers = {n: v for n, v in handler.headers.items() if n.lower() in ("authorization", "content-type")}
        reply = self._client.request(handler.command, handler.path, content=body, headers=headers)
        self._client.cookies.clear()
        content = reply.content
        if self.rewrite is not None and handler.command in self.methods and reply.is_success:
            other = self.rewrite(handler.path, content)
            if other is not None:
                content, self.rewritten = other, self.rewritten + 1
        handler.send_response_only(reply.status_code)
        for name in ("content-type", "date"):
            if name in reply.headers:
                handler.send_header(name, reply.headers[name])
        handler.send_header("Content-Length", str(len(content)))
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(content)
