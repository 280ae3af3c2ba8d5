"""A Prefect server of the command's own, for the time of the command, where none is configured.

Prefect would start one too, but that one shares its database with every other command of the user, stays
behind when the command is killed, dies of the Ctrl-C that is meant for the command, and is only looked for
after everything else has been imported. This one keeps its database with the campaign, starts while the
command imports what it needs, and leaves when the command is gone, however that ended.
"""

from __future__ import annotations

import atexit
import importlib
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from labelloop.errors import LabelloopError

QUIET = {
    # The terminal shows the campaign's own progress, and errors once.
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}
PATIENCE_SECONDS = 120.0
"""For a slow machine that makes the database for the first time; usually it takes a few seconds."""

_started: list[str] = []


def configured() -> bool:
    """Whether the user has a Prefect server: in the environment, a profile or a file of settings."""
    if os.environ.get("PREFECT_API_URL"):
        return True
    home = Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser()
    places = (home / "profiles.toml", Path("prefect.toml"), Path("pyproject.toml"), Path(".env"))
    if "prefect" in sys.modules or os.environ.get("PREFECT_PROFILES_PATH") or any(p.exists() for p in places):
        from prefect.settings import get_current_settings

        return bool(get_current_settings().api.url)
    # The usual case: nothing can say so, and the second that the import takes is better spent beside the
    # start of the server.
    return False


def pages() -> str:
    """Where a browser shows the runs of the configured server."""
    from prefect.settings import PREFECT_UI_URL

    return f"{PREFECT_UI_URL.value()}/runs"


def call(module: str, flow: str, folder: Path, **parameters: Any) -> Any:
    """Call a flow with a server of this process's own.

    Args:
        folder: where the server keeps its database and its log. `PREFECT_HOME=<folder> prefect server start`
            shows afterwards what ran.

    Raises:
        LabelloopError: the server did not start.
    """
    if not _started:
        _started.append(_start(folder))
    url = _started[0]
    os.environ.update(QUIET | {"PREFECT_API_URL": url})
    try:
        from prefect.context import refresh_global_settings_context
        from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

        # Prefect reads the environment once, when it is imported, which `configured` may have done.
        refresh_global_settings_context()
        function = getattr(importlib.import_module(module), flow)
        _wait_for(url, folder)
        # Nobody watches for heartbeats here, and waiting for the thread that sends them costs a second a
        # round. No environment variable can switch them off.
        with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
            return function(**parameters)
    finally:
        # This server is nobody else's: the next command of this process must not take it for the user's.
        os.environ.pop("PREFECT_API_URL", None)


def _start(folder: Path) -> str:
    """Start the server; return its address, which accepts connections from now on."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
        environment |= QUIET | {"PREFECT_HOME": str(folder), "PREFECT_API_BLOCKS_REGISTER_ON_START": "false"}
        with (folder / "server.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "flows.private_server", str(listening.fileno())],
                pass_fds=[listening.fileno()],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environment,
                # Ctrl-C is for the command: the server has still to be told how it ended.
                start_new_session=True,
            )
        port = listening.getsockname()[1]
    # Registered before Prefect is imported, so that Prefect's own last messages are sent before.
    atexit.register(_stop, process)
    return f"http://127.0.0.1:{port}/api"


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_for(url: str, folder: Path) -> None:
    try:
        with urlopen(f"{url}/health", timeout=PATIENCE_SECONDS):
            return
    except (URLError, OSError) as error:
        raise LabelloopError(
            f"the private Prefect server did not start ({error}); {folder / 'server.log'} says why. Go on "
            "without Prefect by adding --plain, or set PREFECT_API_URL to a server of yours"
        ) from None


def _leave_with_the_command() -> None:
    """End this process when the command's end of the pipe is closed; the kernel closes it if nobody does."""
    sys.stdin.buffer.read()
    os._exit(0)


def main(descriptor: int) -> None:
    """Be the server, on a socket that listens already."""
    threading.Thread(target=_leave_with_the_command, daemon=True).start()
    import uvicorn
    from prefect.server.api.server import create_app

    app = create_app(ephemeral=True, final=True)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))
    server.run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    main(int(sys.argv[1]))
