"""A proxy that changes what a real server replies, as a broken or hostile one might."""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from proxy import Proxy, answer

Rewrite = Callable[[str, bytes], bytes | None]
"""Path and reply to another reply; None leaves it as it is."""


class RewritingProxy(Proxy):
    """What the server replies goes through `rewrite`, where there is one and the method is in `methods`."""

    def __init__(self, target: str) -> None:
        self.rewrite: Rewrite | None = None
        self.methods, self.rewritten = {"GET"}, 0
        super().__init__(target)

    def _serve(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        reply = self._forward(handler, body)
        content = reply.content
        if self.rewrite is not None and handler.command in self.methods and reply.is_success:
            other = self.rewrite(handler.path, content)
            if other is not None:
                content, self.rewritten = other, self.rewritten + 1
        answer(handler, reply.status_code, content, reply.headers)
