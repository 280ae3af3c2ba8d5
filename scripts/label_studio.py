"""Start a real Label Studio server for this machine alone, with accounts for three annotators.

    python scripts/label_studio.py                   in .label-studio/, at http://127.0.0.1:8080
    python scripts/label_studio.py --port 0          at a free port

It is installed from its package into an environment of its own (its requirements do not fit Prefect's),
keeps its data in SQLite, listens on loopback, and sends nothing to anybody but the webhooks you set. Logins
are made up once and kept in accounts.json, which only its owner may read. Runs until it is interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from label_studio_accounts import add_annotators, read_accounts, write_accounts

PINNED = Path(__file__).with_name("label_studio.txt")
"""Every package of the server's environment, with its version."""

START_SECONDS = 300
"""An empty folder takes about 20 s on an idle machine."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path(".label-studio"), help="where its data is kept")
    parser.add_argument("--venv", type=Path, help="an environment that has it, used as it is; without it, "
                        "venv in the folder, installed when missing")  # fmt: skip
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one")
    parser.add_argument("--install-only", action="store_true", help="install it, and do not start it")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if arguments.venv is None:
        with hold(folder / "install.lock", f"another process installs into {folder}; wait until it is done"):
            install(folder / "venv")
    if arguments.install_only:
        return 0
    venv = (arguments.venv or folder / "venv").resolve()
    running = f"the server in {folder} is running already; {folder / 'accounts.json'} says where"
    with hold(folder / "server.lock", running) as lock:
        return serve(folder, venv, free_port(arguments.port), lock)


@contextlib.contextmanager
def hold(path: Path, refusal: str) -> Iterator[int]:
    """Hold a lock that goes with the last process that has it open; yields its file descriptor."""
    with path.open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            sys.exit(refusal)
        yield stream.fileno()


def install(venv: Path) -> None:
    """Make the environment of exactly the pinned packages; half of one, or one of other pins, is replaced."""
    wanted = hashlib.sha256(PINNED.read_bytes()).hexdigest()
    mark = venv / "installed"
    if mark.exists() and mark.read_text() == wanted and (venv / "bin" / "label-studio").exists():
        return
    print(f"installing Label Studio into {venv}: one gigabyte, a few minutes", flush=True)
    mark.unlink(missing_ok=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
    pip: list[str | Path] = [
        venv / "bin" / "python",
        "-m",
        "pip",
        "install",
        "-qq",
        "--disable-pip-version-check",
    ]
    if subprocess.run([*pip, "--no-deps", "-r", PINNED], check=False).returncode:
        sys.exit("pip could not install Label Studio (see above); put that right and run it again")
    mark.write_text(wanted)


def free_port(wanted: int) -> int:
    """The port, or a free one for 0. A busy one is refused: the server itself would take the next."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            sys.exit(f"port {wanted} is taken; is a server running already? Else choose another: --port 0")
        return int(probe.getsockname()[1])


def serve(folder: Path, venv: Path, port: int, lock: int) -> int:
    """Run the server until it ends or this process is told to; its log is server.log in the folder."""
    accounts = read_accounts(folder / "accounts.json")
    accounts["url"] = f"http://127.0.0.1:{port}"
    write_accounts(folder / "accounts.json", accounts)
    command: list[str | Path] = [venv / "bin" / "label-studio", "start", "--no-browser", "--port", str(port)]
    command += ["--internal-host", "127.0.0.1", "--enable-legacy-api-token"]
    print(f"starting Label Studio at {accounts['url']}; the first time takes half a minute", flush=True)
    with (folder / "server.log").open("ab") as log:
        server = subprocess.Popen(
            command,
            env=environment_of(folder, accounts["manager"]),
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            pass_fds=[lock],  # a server that outlives this process still holds the folder
            start_new_session=True,  # Ctrl-C ends it through here, in order
        )
    try:
        wait_until_up(server, accounts["url"], folder / "server.log")
        add_annotators(accounts)
        write_accounts(folder / "accounts.json", accounts)
        tell(accounts)
        code = server.wait()
        print(f"label-studio ended with {code}; see {folder / 'server.log'}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        stop(server)


def stop(server: subprocess.Popen[bytes]) -> None:
    """End the server; a request in hand has some seconds."""
    server.terminate()
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def environment_of(folder: Path, manager: dict[str, str]) -> dict[str, str]:
    """Settings of a server that talks to nobody."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("LABEL_STUDIO_")},
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder / "data"),
        "LABEL_STUDIO_USERNAME": manager["login"],
        "LABEL_STUDIO_PASSWORD": manager["password"],
        "LABEL_STUDIO_USER_TOKEN": manager["token"],
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        # Switches SQLite to its write-ahead log: without it, answers that come together may be stored twice.
        "LABEL_STUDIO_AZURE_MOUNT_FIX": "1",
        # By default the server sends no webhook to this machine, where labelloop's receiver listens.
        "SSRF_PROTECTION_ENABLED": "false",
    }


def wait_until_up(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            sys.exit(f"label-studio ended with {server.returncode}; see {log}")
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=5):
            return
        time.sleep(0.3)
    sys.exit(f"label-studio does not answer at {url} after {START_SECONDS} s; see {log}")


def tell(accounts: dict[str, Any]) -> None:
    print(f"\nLabel Studio is ready at {accounts['url']}\n")
    for person in (accounts["manager"], *accounts["annotators"]):
        print(f"  {person['login']:<24} password {person['password']}")
    print("\nFor the campaign's .env:\n")
    print(f"LABEL_STUDIO_URL={accounts['url']}\nLABEL_STUDIO_API_KEY={accounts['manager']['token']}\n")
    print("It answers on this machine only, and its webhooks may go to this machine (no SSRF protection), "
          "so do not open it to others. Ctrl-C stops it.", flush=True)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
