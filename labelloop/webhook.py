"""The receiver of webhooks: a hint that somebody has answered, and nothing more.

A labeling tool delivers its webhooks inside the annotator's own request, once, and signs nothing. So this
answers at once, believes nothing of what is sent (what was answered is read from the tool itself), and asks
for a secret that only the tool was told.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import socket
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request, Response

from labelloop.environment import Environment
from labelloop.errors import LabelloopError, SettingsError

HEADER = "X-Hook-Secret"
LARGEST_BODY = 64 * 1024
"""Bytes. The webhooks that labelloop registers carry some hundred."""

BODY_SECONDS = 5.0
"""For the whole body: a sender that dawdles is let go."""

SHORTEST_SECRET = 16
"""Characters."""

CONNECTIONS = 64
"""At a time; more are told to come back."""


def make_app(secret: str, hint: Callable[[], None]) -> FastAPI:
    """The application: `POST /` with the secret calls `hint`, `GET /health` tells that it is there.

    Answers 202; 401 without the secret, 413 to a body over `LARGEST_BODY`, 408 to one that does not end.

    Args:
        hint: must return at once.
    """
    app = FastAPI(title="labelloop webhook", docs_url=None, redoc_url=None, openapi_url=None)
    expected = secret.encode()

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/")
    async def receive(request: Request) -> Response:
        given = request.headers.get(HEADER, "").encode("latin-1", "replace")
        if not hmac.compare_digest(given, expected):
            return _refusal(401, f"the header {HEADER} must hold the secret")
        try:
            # A body without a length is counted as it comes.
            async with asyncio.timeout(BODY_SECONDS):
                fits = await _fits(request)
        except TimeoutError:
            return _refusal(408, f"the body must be there within {BODY_SECONDS:g} s")
        if not fits:
            return _refusal(413, f"at most {LARGEST_BODY} bytes")
        hint()
        return Response(status_code=202)

    return app


async def _fits(request: Request) -> bool:
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > LARGEST_BODY:
        return False
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_BODY:
            return False
    return True


def _refusal(status: int, why: str) -> Response:
    # The connection is closed, so that nobody reads the rest of a body that is not wanted.
    return Response(why + "\n", status_code=status, media_type="text/plain", headers={"Connection": "close"})


def secret_of(environment: Environment) -> str:
    """The secret from the environment.

    Raises:
        SettingsError: there is none, or it can be guessed.
    """
    secret = environment.labelloop_webhook_secret
    how = "python -c 'import secrets; print(secrets.token_urlsafe(32))'"
    if secret is None or not secret.get_secret_value():
        raise SettingsError(
            f"LABELLOOP_WEBHOOK_SECRET is not set; make one with `{how}` and put it into .env"
        )
    text = secret.get_secret_value()
    if len(text) < SHORTEST_SECRET or not text.isascii() or not text.isprintable() or text != text.strip():
        raise SettingsError(
            f"LABELLOOP_WEBHOOK_SECRET must have at least {SHORTEST_SECRET} plain characters; make one with "
            f"`{how}`"
        )
    return text


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listen(host: str, port: int) -> socket.socket:
    """Take the address.

    Args:
        port: 0 takes a free one.

    Raises:
        LabelloopError: it is taken, or not this machine's.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise LabelloopError(
            f"cannot listen on {host} port {port}: {error.strerror or error}; choose another with --port "
            "or --host"
        ) from None


def serve(app: FastAPI, listening: socket.socket) -> None:
    """Answer requests until the process is told to end."""
    make_server(app).run(sockets=[listening])


def make_server(app: FastAPI) -> Any:
    """The web server; its `should_exit` ends it."""
    import uvicorn

    # No access log: nothing that a stranger sends becomes a line of ours.
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=2,
    )  # fmt: skip
    return uvicorn.Server(config)
