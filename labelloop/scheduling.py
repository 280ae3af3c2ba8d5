"""Have the campaign driven while nobody is at the command line: served, deployed, woken, approved.

As in driving.py, Prefect's side is imported by name when it is wanted.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Callable, Iterator

from labelloop import approval, driving, waking
from labelloop.adapters.tools import label_studio_webhook
from labelloop.environment import read_environment
from labelloop.errors import LabelloopError, SettingsError
from labelloop.workspace import Workspace

Told = Callable[[str], None]

REGISTER_AGAIN = 60.0
"""Seconds between two tries to tell the tool of the webhook: its project may come with the first batch."""


def serve(workspace: Workspace, every: float, *, host: str, port: int | None, url: str, told: Told) -> None:
    """Serve the campaign's deployments from this process until it is interrupted.

    Args:
        port: also receive webhooks there; None does not.

    Raises:
        SettingsError: no Prefect server is configured, or no secret for the webhook.
    """
    _need_server(workspace)
    driving.send_log()
    with contextlib.ExitStack() as stack:
        if port is not None:
            receiving, _ = stack.enter_context(receiver(workspace, host=host, port=port, url=url, told=told))
            thread = threading.Thread(target=receiving, daemon=True, name="labelloop webhook")
            thread.start()
        importlib.import_module("flows.serving").serve_campaign(workspace, every)


def deploy(workspace: Workspace, *, name: str, pool: str, every: float | None) -> list[str]:
    """Register work pool, deployments and automations with the Prefect server; what is there, a line each.

    Raises:
        SettingsError: no Prefect server is configured; or pool or name are taken.
    """
    _need_server(workspace)
    name = name or workspace.settings.campaign.name
    import httpx

    try:
        return list(importlib.import_module("flows.serving").deploy_campaign(workspace, name, pool, every))
    except httpx.HTTPError as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise LabelloopError(
            f"the Prefect server (PREFECT_API_URL) did not take the deployment: {said}. Start it, or correct "
            "the address, and run this again"
        ) from None


def webhook(workspace: Workspace, *, host: str, port: int, url: str, told: Told) -> None:
    """Receive webhooks until interrupted, and start a look at the tool whenever somebody has answered.

    Args:
        url: where the tool reaches this; empty: host and port.
    """
    _need_server(workspace)
    with receiver(workspace, host=host, port=port, url=url, told=told) as (receiving, _):
        receiving()


@contextlib.contextmanager
def receiver(
    workspace: Workspace, *, host: str, port: int, url: str, told: Told
) -> Iterator[tuple[Callable[[], None], str]]:
    """The receiver of webhooks, ready to be run: a function that runs it, and its address.

    Raises:
        SettingsError: there is no secret.
        LabelloopError: the address is taken.
    """
    from labelloop import webhook as receiving

    secret = receiving.secret_of(read_environment(workspace.root))
    listening = receiving.listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{listening.getsockname()[1]}/"
    if not receiving.is_loopback(host):
        told(
            f"WARNING: {address} can be reached from other machines, and the secret travels unencrypted. Let "
            "a proxy with TLS stand before it, or stay with --host 127.0.0.1"
        )
    told(f"receiving webhooks at {address}")
    events = importlib.import_module("flows.events")
    with listening, waking.Waker(workspace, lambda: events.tell_answered(workspace)) as waker:
        app = receiving.make_app(secret, waker.hint)
        server = receiving.make_server(app)
        closing = threading.Event()
        if host in ("0.0.0.0", "::") and not url:
            told("the tool was not told of it: say with --url under which address the tool reaches this")
        elif (tool := workspace.settings.annotation.tool) != "label_studio":
            told(
                f"annotation.tool is {tool}, which sends no webhooks; anything with the secret may send hints"
            )
        else:
            where = (workspace, url or address, secret, told, closing)
            threading.Thread(target=_register, args=where, daemon=True).start()
        try:
            yield lambda: server.run(sockets=[listening]), address
        finally:
            server.should_exit = True
            closing.set()


def _register(workspace: Workspace, url: str, secret: str, told: Told, closing: threading.Event) -> None:
    """Tell the tool where its webhooks go; again until it has worked."""
    said = ""
    while not closing.is_set():
        try:
            done = label_studio_webhook.register(workspace, url, secret)
            told(done)
            return
        except LabelloopError as error:
            if str(error) != said:
                said = str(error)
                told(f"the tool does not know of the webhook yet, trying again every minute: {said}")
        closing.wait(REGISTER_AGAIN)


def decide(
    workspace: Workspace, batch: approval.Batch, *, approved: bool, reason: str = ""
) -> approval.Decision:
    """Decide about a batch that was shown; where there is a Prefect server, the next look begins at once."""
    decision = approval.decide(
        workspace, batch.round_id, approved=approved, digest=batch.digest, reason=reason
    )
    driving.take_address(workspace)
    if driving.private_server().configured():
        waking.wake(workspace)
        # The word counts whether or not Prefect hears of it: the next look at the folder finds it.
        with contextlib.suppress(Exception):
            importlib.import_module("flows.approve").forget_question(workspace)
            importlib.import_module("flows.events").tell_answered(workspace)
    return decision


def _need_server(workspace: Workspace) -> None:
    driving.take_address(workspace)
    if not driving.private_server().configured():
        raise SettingsError(
            "no Prefect server is configured. Start one with `prefect server start`, then "
            "`export PREFECT_API_URL=http://127.0.0.1:4200/api` and run this again"
        )
