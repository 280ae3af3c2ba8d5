"""A proxy between the tool and the server that loses replies, breaks connections, answers 500 and is slow."""

from __future__ import annotations

import random
import socket
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler

import httpx
from proxy import Proxy, answer

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


class FaultyProxy(Proxy):
    """A share `rate` of the requests goes wrong, drawn from `seed`."""

    def __init__(self, target: str, *, rate: float, seed: int, hold: float) -> None:
        """Start; `hold` is for how many seconds a reply is held back until its reader has given up."""
        self.rate, self.faults, self._hold = rate, Counter[str](), hold
        self.tokens: set[str] = set()
        """What came in headers `Authorization`."""
        self._closing = threading.Event()
        self._random, self._lock = random.Random(seed), threading.Lock()
        super().__init__(target)

    def close(self) -> None:
        self._closing.set()
        super().close()

    def _draw(self) -> str | None:
        with self._lock:
            kind = self._random.choice(KINDS) if self._random.random() < self.rate else None
            if kind:
                self.faults[kind] += 1
        return kind

    def _serve(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        self.tokens.add(handler.headers.get("Authorization", "").rpartition(" ")[2])
        fault = self._draw()
        if fault == "timeout before":
            self._closing.wait(self._hold)
        if fault in ("reset", "timeout before"):
            return
        if fault == "500 before":
            answer(handler, 500, b"{}")
            return
        if fault == "late":
            handler.connection.shutdown(socket.SHUT_RDWR)
            self._closing.wait(LATE)
        try:
            reply = self._forward(handler, body)
        except httpx.HTTPError:
            return  # the server was killed
        if fault in ("slow", "timeout after"):
            self._closing.wait(SLOW if fault == "slow" else self._hold)
        if fault in ("lost reply", "late", "timeout after"):
            return
        if fault == "500 after":
            answer(handler, 500, b"<html>broken</html>")
            return
        content = reply.content
        sent = content[: len(content) // 2] if fault == "cut reply" else content
        answer(handler, reply.status_code, sent, reply.headers, length=len(content))
