"""Run a campaign through a real Label Studio server, with three scripted annotators who work its queue.

    python scripts/demo_label_studio.py              in demo-label-studio/, with a server of its own
    python scripts/demo_label_studio.py --keep       and leave the server running to look around
    python scripts/demo_label_studio.py --accounts FILE     on a server that runs already (its accounts.json)

The campaign is the digits'. The annotators log in with their own accounts, take what the queue deals them,
look the digit up, and are wrong as often as their error rate says. Interrupted, the same command goes on.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from label_studio_accounts import Session

from labelloop import console, driving, files, scaffold
from labelloop.errors import LabelloopError
from labelloop.ledger import Ledger
from labelloop.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]

ERROR_RATES = {"ada": 0.02, "ben": 0.05, "cy": 0.1}

SKIP_RATE = 0.02
"""How often an annotator passes a task on to the others."""

SETTINGS: dict[str, Any] = {
    "labels": {"question": "Which digit is it?"},
    "acquisition": {"strategy": "margin", "first_batch_size": 20, "batch_size": 20, "control_share": 0.1},
    "annotation": {
        "tool": "label_studio",
        "overlap": 2,
        "test_overlap": 3,
        "payload_columns": ["image"],
    },
    "evaluation": {"test_size": 30},
    "stopping": {"max_rounds": 4},
    "budget": {"labels": 80},
}

IDLE_SECONDS = 0.5
"""Between two looks at a queue that is empty."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--folder", type=Path, default=Path("demo-label-studio"), help="the campaign's folder"
    )
    parser.add_argument("--accounts", type=Path, default=os.environ.get("LABEL_STUDIO_ACCOUNTS"),
                        help="accounts.json of a running server, also LABEL_STUDIO_ACCOUNTS")  # fmt: skip
    parser.add_argument("--keep", action="store_true", help="leave the server running at the end")
    parser.add_argument("--plain", action="store_true", help="run the campaign without Prefect")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    with contextlib.ExitStack() as endings:
        accounts = running_server(arguments.accounts or ROOT / ".label-studio" / "accounts.json")
        server = None
        if accounts is None and arguments.accounts:
            sys.exit(f"{arguments.accounts} names no server that answers; start it, or leave --accounts out")
        if accounts is None:
            server = start_server()
            endings.callback(stop, server)
            accounts = running_server(ROOT / ".label-studio" / "accounts.json")
            assert accounts is not None
        folder = campaign(arguments.folder.resolve(), accounts)
        print(f"campaign in {folder}, people at {accounts['url']}", flush=True)
        people = [Annotator(accounts, person, folder) for person in accounts["annotators"]]
        for person in people:
            person.start()
            endings.callback(person.stop)
        code = run_campaign(folder, plain=arguments.plain)
        if code:
            return code
        answers = ", ".join(f"{person.name} {person.answers}" for person in people)
        print(f"\n{time.monotonic() - began:.0f} s; answers in this run: {answers}")
        tell(folder, accounts, people[0].project)
        if server is not None and arguments.keep:
            for person in people:
                person.stop()
            endings.pop_all()
            print(f"The server goes on; `kill {server.pid}` stops it.")
        elif server is not None:
            print("The server stops now; `make label-studio` starts it again.")
        return 0


def running_server(accounts: Path) -> dict[str, Any] | None:
    """The accounts of a server that answers and knows the manager's token; None if it does not."""
    if not accounts.exists():
        return None
    content = dict(json.loads(accounts.read_text(encoding="utf-8")))
    if not all("token" in person for person in content["annotators"]):
        return None
    headers = {"Authorization": f"Token {content['manager']['token']}"}
    request = urllib.request.Request(f"{content['url']}/api/current-user/whoami", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30):
            return content
    except (OSError, ValueError):
        return None


def start_server() -> subprocess.Popen[bytes]:
    """Start scripts/label_studio.py and wait until it has told that the server is ready."""
    script = ROOT / "scripts" / "label_studio.py"
    log = ROOT / ".label-studio" / "start.log"
    if subprocess.run([sys.executable, script, "--install-only"], check=False, cwd=ROOT).returncode:
        sys.exit(1)
    log.touch(mode=0o600)  # the logins are in it
    for port in ("8080", "0"):
        with log.open("wb") as out:
            server = subprocess.Popen(
                [sys.executable, script, "--port", port],
                cwd=ROOT,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        print("starting Label Studio; the first time takes half a minute", flush=True)
        try:
            while server.poll() is None:
                if b"is ready at" in log.read_bytes():
                    return server
                time.sleep(0.3)
        except BaseException:
            stop(server)
            raise
        if b"is taken" not in log.read_bytes():
            break
    sys.exit(f"Label Studio did not start: {log.read_text(encoding='utf-8', errors='replace').strip()}")


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(60)


def campaign(folder: Path, accounts: dict[str, Any]) -> Path:
    """The demo's campaign, made or found, with the server's address and token in its .env."""
    if not (folder / "rounds.yaml").exists() or not Ledger.read(folder / "rounds.yaml").begun:
        folder.mkdir(parents=True, exist_ok=True)
        settings = {"campaign": {"name": "digits-demo", "seed": 0}, **SETTINGS}
        files.write_text(folder / "params.yaml", yaml.safe_dump(settings, sort_keys=False))
        scaffold.init(folder, own_git=True)
    path = folder / ".env"
    path.touch(mode=0o600)
    path.write_text(
        f"LABEL_STUDIO_URL={accounts['url']}\nLABEL_STUDIO_API_KEY={accounts['manager']['token']}\n"
    )
    return folder


def run_campaign(folder: Path, *, plain: bool) -> int:
    """As `labelloop run`, which shows its own progress, until the campaign stops."""
    workspace = Workspace.at(folder)
    try:
        with console.progress(workspace) as tell:
            outcome = driving.run(workspace, plain=plain, poll_seconds=1.0, told=tell)
    except LabelloopError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on from here", file=sys.stderr)
        return 130
    console.show_outcome(Workspace.at(folder), outcome)
    return 0


class Annotator(threading.Thread):
    """One scripted person: takes the next task of the campaign's project, answers it, and so on."""

    def __init__(self, accounts: dict[str, Any], person: dict[str, str], folder: Path) -> None:
        super().__init__(daemon=True)
        self.name, self.answers, self.project = person["name"], 0, 0
        self._session, self._folder = Session(accounts["url"]), folder
        self._leave = threading.Event()
        self._session.log_in(person["login"], person["password"])

    def run(self) -> None:
        while not self._leave.is_set():
            try:
                idle = not self._work()
            except urllib.error.HTTPError as error:
                idle = True
                if error.code not in (404, 409, 500, 503):  # nothing to do, or a busy server
                    print(f"{self.name} is answered {error.code}: {error.reason}", file=sys.stderr)
            except OSError:
                idle = True
            if idle:
                self._leave.wait(IDLE_SECONDS)

    def stop(self) -> None:
        self._leave.set()
        self.join(60)

    def _work(self) -> bool:
        """One task; False when there is no project yet."""
        self.project = self.project or project_of(self._folder)
        if not self.project:
            return False
        began = time.monotonic()
        task = self._session.get(f"/api/projects/{self.project}/next")
        answer = self._answer(task["data"]["image"])
        region = {"from_name": "label", "to_name": "image", "type": "choices"}
        result = [] if answer is None else [{**region, "value": {"choices": [answer]}}]
        body = {"result": result, "was_cancelled": answer is None, "lead_time": time.monotonic() - began}
        self._session.send("POST", f"/api/tasks/{task['id']}/annotations/", body)
        self.answers += answer is not None
        return True

    def _answer(self, image: str) -> str | None:
        """What this person says of an image: the same whenever asked; None passes it on."""
        draw = hashlib.sha256(f"{self.name} {image}".encode()).digest()
        if draw[0] < 256 * SKIP_RATE:
            return None
        true = digit_of(image)
        if int.from_bytes(draw[1:3], "big") < 65536 * ERROR_RATES.get(self.name, 0.1):
            return str((true + 1 + draw[3] % 9) % 10)
        return str(true)


def project_of(folder: Path) -> int:
    """The campaign's project on the server; 0 while there is none."""
    path = folder / ".labelloop" / "label_studio" / "project.json"
    return int(files.read_json(path)["id"]) if path.exists() else 0


@cache
def digit_of(image: str) -> int:
    """The digit that a picture of scikit-learn's shows: the label of the nearest one."""
    from PIL import Image

    content = io.BytesIO(base64.b64decode(image.partition(",")[2]))
    with Image.open(content) as opened:
        pixels = np.asarray(opened.convert("L").resize((8, 8)), dtype=np.float64).reshape(-1)
    known, labels = digits()
    return int(labels[np.square(known - pixels).sum(axis=1).argmin()])


@cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    content = load_digits()
    return np.rint(content.data * (255 / 16)), content.target


def tell(folder: Path, accounts: dict[str, Any], project: int) -> None:
    manager = accounts["manager"]
    print(f"The project: {accounts['url']}/projects/{project}/data")
    print(f"  log in as {manager['login']}, password {manager['password']}")
    print(f"The campaign: labelloop status {os.path.relpath(folder)}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
