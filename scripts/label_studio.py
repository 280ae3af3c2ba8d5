"""Start a real Label Studio server for this machine alone, with accounts for three annotators.

    python scripts/label_studio.py                   in .label-studio/, at http://127.0.0.1:8080
    python scripts/label_studio.py --port 0          at a free port

It is installed from its package into an environment of its own (its requirements do not fit Prefect's), keeps
its data in SQLite, listens on loopback, and sends nothing to anybody. Logins are made up once and kept in
accounts.json, which only its owner may read. Runs until it is interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

VERSION = "1.23.2"
"""The version that labelloop is tested with."""

ANNOTATORS = ("ada", "ben", "cy")

START_SECONDS = 180
"""An empty folder takes about 25 s on an idle machine."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path(".label-studio"), help="where its data is kept")
    parser.add_argument("--venv", type=Path, help="its environment (default: venv in the folder)")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one")
    parser.add_argument("--install-only", action="store_true", help="install it, and do not start it")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    venv = (arguments.venv or folder / "venv").resolve()
    install(venv)
    if arguments.install_only:
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    return serve(folder, venv, free_port(arguments.port))


def install(venv: Path) -> None:
    """Make the environment, once; about a minute and a gigabyte."""
    if (venv / "bin" / "label-studio").exists():
        return
    print(f"installing label-studio {VERSION} into {venv}; about two minutes", flush=True)
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    pip = [venv / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, f"label-studio=={VERSION}"], check=True)


def free_port(wanted: int) -> int:
    """The port, or a free one for 0. A busy one is refused: the server itself would take the next."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            sys.exit(f"port {wanted} is taken; is the server running already? Else choose another: --port 0")
        return int(probe.getsockname()[1])


def serve(folder: Path, venv: Path, port: int) -> int:
    accounts = read_accounts(folder / "accounts.json", f"http://127.0.0.1:{port}")
    environment = environment_of(folder, accounts["manager"])
    command = [venv / "bin" / "label-studio", "start", "--no-browser", "--internal-host", "127.0.0.1",
               "--port", str(port), "--enable-legacy-api-token"]  # fmt: skip
    with (folder / "server.log").open("ab") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        wait_until_up(server, accounts["url"], folder / "server.log")
        add_annotators(venv, environment, accounts)
        tell(accounts)
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(20)


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
    }


def read_accounts(path: Path, url: str) -> dict[str, Any]:
    """Logins and tokens, made up when there are none yet."""
    if path.exists():
        content = json.loads(path.read_text(encoding="utf-8"))
    else:
        content = {"manager": account("manager"), "annotators": [account(name) for name in ANNOTATORS]}
    content["url"] = url
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        json.dump(content, stream, indent=2)
    return dict(content)


def account(name: str) -> dict[str, str]:
    return {
        "name": name,
        "login": f"{name}@localhost.local",
        "password": secrets.token_urlsafe(12),
        "token": secrets.token_hex(20),
    }


def wait_until_up(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            sys.exit(f"label-studio ended with {server.returncode}; see {log}")
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=5):
            return
        time.sleep(0.5)
    sys.exit(f"label-studio does not answer at {url} after {START_SECONDS} s; see {log}")


def add_annotators(venv: Path, environment: dict[str, str], accounts: dict[str, Any]) -> None:
    """Accounts that are not there yet, made by the server's own command."""
    request = urllib.request.Request(
        f"{accounts['url']}/api/users/", headers={"Authorization": f"Token {accounts['manager']['token']}"}
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        there = {user["email"] for user in json.load(reply)}
    for person in accounts["annotators"]:
        if person["login"] not in there:
            command = [venv / "bin" / "label-studio", "init", "-q", "--username", person["login"],
                       "--password", person["password"], "--user-token", person["token"]]  # fmt: skip
            subprocess.run(command, env=environment, check=True, capture_output=True)


def tell(accounts: dict[str, Any]) -> None:
    print(f"Label Studio is ready at {accounts['url']}\n")
    for person in (accounts["manager"], *accounts["annotators"]):
        print(f"  {person['login']:<24} password {person['password']}")
    print("\nFor the campaign's .env:\n")
    print(f"LABEL_STUDIO_URL={accounts['url']}\nLABEL_STUDIO_API_KEY={accounts['manager']['token']}\n")
    print("Ctrl-C stops it.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
