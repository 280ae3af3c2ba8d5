"""The receiver believes nobody without the secret, reads nothing it need not, and answers at once."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from labelloop import webhook
from labelloop.environment import Environment
from labelloop.errors import LabelloopError, SettingsError

SECRET = "a secret of enough characters"


class Hints:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.fixture
def hints() -> Hints:
    return Hints()


@pytest.fixture
def client(hints: Hints) -> Iterator[TestClient]:
    with TestClient(webhook.make_app(SECRET, hints)) as client:
        yield client


def test_with_the_secret_it_is_a_hint(client: TestClient, hints: Hints) -> None:
    """Whatever the body says, or whether there is one."""
    for body in (
        b"",
        b"{}",
        b"no json \xff",
        b'{"action": "ANNOTATION_CREATED", "task": {"id": "; rm -rf"}}',
    ):
        assert client.post("/", content=body, headers={webhook.HEADER: SECRET}).status_code == 202
    assert hints.count == 4


@pytest.mark.parametrize(
    "headers",
    [{}, {webhook.HEADER: ""}, {webhook.HEADER: "wrong"}, {webhook.HEADER: SECRET + "x"},
     {webhook.HEADER: SECRET[:-1]}, {webhook.HEADER: SECRET.upper()}, {"Authorization": SECRET},
     {webhook.HEADER: "ä" * 20}],
)  # fmt: skip
def test_without_the_secret_it_is_nothing(client: TestClient, hints: Hints, headers: dict[str, str]) -> None:
    """401, and nobody is woken."""
    sent = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = client.post("/", content=b"{}", headers=sent)
    assert answer.status_code == 401
    assert SECRET not in answer.text
    assert hints.count == 0


def test_secrets_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch, client: TestClient) -> None:
    """By the function that is made for it, and by no other comparison."""
    monkeypatch.setattr(webhook.hmac, "compare_digest", lambda given, expected: True)
    assert client.post("/", headers={webhook.HEADER: "wrong"}).status_code == 202
    monkeypatch.setattr(webhook.hmac, "compare_digest", lambda given, expected: False)
    assert client.post("/", headers={webhook.HEADER: SECRET}).status_code == 401


def test_a_body_over_the_limit_is_refused(client: TestClient, hints: Hints) -> None:
    """At the limit it is not; without a length it is counted as it comes."""
    headers = {webhook.HEADER: SECRET}
    most, more = b"x" * webhook.LARGEST_BODY, b"x" * (webhook.LARGEST_BODY + 1)
    assert client.post("/", content=more, headers=headers).status_code == 413
    assert client.post("/", content=iter([more[:9], more[9:]]), headers=headers).status_code == 413
    assert hints.count == 0
    assert client.post("/", content=most, headers=headers).status_code == 202
    assert client.post("/", content=iter([most[:9], most[9:]]), headers=headers).status_code == 202


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 405), ("PUT", "/", 405), ("POST", "/other", 404), ("GET", "/docs", 404),
     ("GET", "/openapi.json", 404), ("GET", "/health", 200)],
)  # fmt: skip
def test_there_is_nothing_else(client: TestClient, hints: Hints, method: str, path: str, status: int) -> None:
    """No pages that describe it to strangers."""
    assert client.request(method, path, headers={webhook.HEADER: SECRET}).status_code == status
    assert hints.count == 0


@pytest.fixture
def running(hints: Hints) -> Iterator[str]:
    """The real web server on a port of its own."""
    listening = webhook.listen("127.0.0.1", 0)
    server = webhook.make_server(webhook.make_app(SECRET, hints))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield f"127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
    listening.close()


def test_no_more_is_read_than_the_limit(hints: Hints) -> None:
    """Of chunks without a length, without end."""
    chunk, read, said = b"x" * 8192, [0], []

    async def receive() -> dict[str, Any]:
        read[0] += len(chunk)
        return {"type": "http.request", "body": chunk, "more_body": True}

    async def send(message: Any) -> None:
        said.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/", "raw_path": b"/", "query_string": b"", "root_path": "",
        "http_version": "1.1", "scheme": "http", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
        "headers": [(webhook.HEADER.lower().encode(), SECRET.encode())],
    }  # fmt: skip
    asyncio.run(webhook.make_app(SECRET, hints)(scope, receive, send))
    assert said[0]["status"] == 413
    assert read[0] == webhook.LARGEST_BODY + len(chunk)
    assert hints.count == 0


def test_a_sender_without_end_is_hung_up_on(running: str, hints: Hints) -> None:
    """By the real web server, which then answers the next one."""
    host, port = running.split(":")
    chunk = b"2000\r\n" + b"x" * 8192 + b"\r\n"
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(
            f"POST / HTTP/1.1\r\nHost: x\r\n{webhook.HEADER}: {SECRET}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
        )
        with pytest.raises(ConnectionError):
            for _ in range(10_000):
                connection.sendall(chunk)
    assert hints.count == 0
    assert httpx.post(f"http://{running}/", headers={webhook.HEADER: SECRET}).status_code == 202


def test_a_body_that_never_ends_is_let_go(
    running: str, hints: Hints, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender that dawdles holds nothing for long."""
    monkeypatch.setattr(webhook, "BODY_SECONDS", 0.2)
    host, port = running.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(
            f"POST / HTTP/1.1\r\nHost: x\r\n{webhook.HEADER}: {SECRET}\r\n".encode()
            + b"Content-Length: 10\r\n\r\nabc"
        )
        assert connection.recv(200).startswith(b"HTTP/1.1 408")
    assert hints.count == 0


def test_many_at_once_are_answered(running: str, hints: Hints) -> None:
    """Every one of them is a hint."""

    def send(count: int) -> None:
        with httpx.Client(base_url=f"http://{running}", headers={webhook.HEADER: SECRET}) as sender:
            for _ in range(count):
                assert sender.post("/", json={"action": "ANNOTATION_CREATED"}).status_code == 202

    senders = [threading.Thread(target=send, args=(25,)) for _ in range(8)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert hints.count == 200


@pytest.mark.parametrize(
    "secret", [None, "", "short", "with a line\nbreak in it", "ä" * 20, " padded with space "]
)
def test_a_secret_that_can_be_guessed_is_refused(secret: str | None) -> None:
    """Never shown in the message, which says how to make one."""
    with pytest.raises(SettingsError, match="token_urlsafe") as refused:
        webhook.secret_of(Environment(labelloop_webhook_secret=secret))  # type: ignore[arg-type]
    assert not secret or secret not in str(refused.value)


def test_the_secret_is_not_shown_with_the_settings() -> None:
    """Where they are printed or logged as they are."""
    environment = Environment(labelloop_webhook_secret=SECRET)  # type: ignore[arg-type]
    assert SECRET not in repr(environment) + str(environment.model_dump())
    assert webhook.secret_of(environment) == SECRET


def test_a_port_that_is_taken_is_said() -> None:
    """With what to do."""
    with webhook.listen("127.0.0.1", 0) as first, pytest.raises(LabelloopError, match="--port"):
        webhook.listen("127.0.0.1", first.getsockname()[1])


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
     ("::", False), ("192.168.1.4", False), ("example.org", False)],
)  # fmt: skip
def test_what_only_this_machine_can_reach(host: str, expected: bool) -> None:
    """Everything else is warned of."""
    assert webhook.is_loopback(host) == expected
