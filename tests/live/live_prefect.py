"""A real Prefect server and its workers, as processes, and campaigns of the tool `files` that they drive."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml

from labelloop import scaffold

SECRET = "a-secret-that-only-the-tool-knows"

SETTINGS: dict[str, Any] = {
    "campaign": {"name": "prefect-live", "seed": 3},
    "model": {"name": "logistic", "pool": "none"},
    "acquisition": {"batch_size": 8},
    "annotation": {"tool": "files", "overlap": 1, "test_overlap": 1},
    "evaluation": {"test_size": 10, "bootstrap": 20},
    "stopping": {"max_rounds": 3},
    "tracking": {"enabled": False},
    "versioning": {"enabled": False},
}
FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


def make(folder: Path, **changes: dict[str, Any]) -> Path:
    """A new campaign with SETTINGS, sections changed as given."""
    settings = SETTINGS | {name: SETTINGS.get(name, {}) | section for name, section in changes.items()}
    folder.mkdir(parents=True)
    (folder / "params.yaml").write_text(yaml.safe_dump(settings))
    scaffold.init(folder)
    return folder


def answer(campaign: Path, round_id: str) -> None:
    """Hand in an answer to every task of a round, as one person with a spreadsheet."""
    folder = campaign / "labeling" / round_id
    with (folder / "tasks.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    lines = [json.dumps({"key": row["key"], "item": row["item"], "annotator": "eva",
                         "label": str(len(row["item"]) % 10)}) for row in rows]  # fmt: skip
    written = folder / "writing"
    written.write_text("\n".join(lines) + "\n")
    written.rename(folder / "answers.jsonl")


def wait_until(holds: Callable[[], Any], seconds: float = 90.0, what: str = "that") -> Any:
    """Wait for something, and return it."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, f"it never came to {what}"
        time.sleep(0.1)
    return found


@dataclass
class PrefectServer:
    """Where the server is, and what to ask of it."""

    url: str
    folder: Path

    @property
    def api(self) -> str:
        return f"{self.url}/api"

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        return kept | {
            "PREFECT_API_URL": self.api,
            "PREFECT_HOME": str(self.folder / "client"),
            "LABELLOOP_WEBHOOK_SECRET": SECRET,
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "PREFECT_RUNNER_POLL_FREQUENCY": "2",
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
            "DO_NOT_TRACK": "1",
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "200",
        }

    def call(self, *words: str | Path, accept: int = 0) -> str:
        """A `labelloop` command, as a user of this server gives it."""
        done = subprocess.run(
            [sys.executable, "-m", "labelloop", *map(str, words)], env=self.environment, text=True,
            capture_output=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == accept, done.stdout + done.stderr
        return done.stdout + done.stderr

    def _asked(self, method: str, url: str, body: Any = None) -> Any:
        """What the server answers; SQLite behind it is locked for moments on a busy machine: then again."""
        for pause in (0.5, 1, 2, 4, 0):
            reply = httpx.request(method, url, json=body, timeout=30)
            if reply.status_code != 503 or not pause:
                break
            time.sleep(pause)
        reply.raise_for_status()
        return reply.json()

    def ask(self, what: str, **filters: Any) -> list[dict[str, Any]]:
        return list(self._asked("POST", f"{self.api}/{what}/filter", filters))

    def deployment(self, name: str) -> dict[str, Any]:
        return dict(self._asked("GET", f"{self.api}/deployments/name/{name}"))

    def runs(self, name: str) -> list[dict[str, Any]]:
        """Runs of a deployment that were begun, oldest first."""
        found = self.ask(
            "flow_runs",
            deployments={"id": {"any_": [self.deployment(name)["id"]]}},
            flow_runs={"state": {"type": {"not_any_": ["SCHEDULED"]}}},
        )
        return sorted(found, key=lambda run: run["created"])

    def start(self, name: str, **parameters: Any) -> str:
        """Start a run of a deployment by hand; its id."""
        address = f"{self.api}/deployments/{self.deployment(name)['id']}/create_flow_run"
        # With its own key a repeated request makes one run.
        body = {"parameters": parameters, "idempotency_key": uuid.uuid4().hex}
        return str(self._asked("POST", address, body)["id"])

    def run(self, run_id: str) -> dict[str, Any]:
        return dict(self._asked("GET", f"{self.api}/flow_runs/{run_id}"))

    def resume(self, run_id: str, **answer: str) -> str:
        """Send the form of a suspended run; what the server says to it."""
        return str(
            self._asked("POST", f"{self.api}/flow_runs/{run_id}/resume", {"run_input": answer})["status"]
        )

    def ended(self, run_id: str, seconds: float = 90.0) -> dict[str, Any]:
        """A run, once it is over."""
        wait_until(lambda: self.run(run_id)["state"]["type"] in FINAL, seconds, "the end of the run")
        return self.run(run_id)

    def log(self, run_id: str) -> str:
        found = self.ask("logs", logs={"flow_run_id": {"any_": [run_id]}})
        return "\n".join(line["message"] for line in found)


@contextlib.contextmanager
def prefect_server(folder: Path) -> Iterator[PrefectServer]:
    """A server with an empty database."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    server = PrefectServer(f"http://127.0.0.1:{port}", folder)
    own = {"PREFECT_HOME": str(folder / "home"), "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
           "PREFECT_API_URL": "", "PREFECT_SERVER_EVENTS_PROACTIVE_GRANULARITY": "PT2S",
           "PREFECT_UI_API_URL": server.api}  # fmt: skip
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with process(command, server.environment | own, folder / "server.log") as running:

        def is_up() -> bool:
            assert running.poll() is None, (folder / "server.log").read_text()
            try:
                return httpx.get(f"{server.api}/health", timeout=5).is_success
            except httpx.HTTPError:
                return False

        wait_until(is_up, 180, "a server that answers")
        yield server


@contextlib.contextmanager
def worker(
    server: PrefectServer, pool: str = "campaigns", **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A process worker of a pool, which is there already."""
    log = server.folder / f"worker-{time.monotonic_ns()}.log"
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool]
    with process(command, server.environment | environment, log) as running:
        yield running


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextlib.contextmanager
def receiver(
    server: PrefectServer, campaign: Path, port: int = 0, words: Sequence[str] = ()
) -> Iterator[str]:
    """`labelloop webhook`, on a free port if none is given, or the command of `words`; yields its address."""
    first, *options = words or ("webhook", "--port", str(port))
    log = server.folder / f"{first}-{time.monotonic_ns()}.log"
    command = [sys.executable, "-m", "labelloop", first, str(campaign), *options]
    with process(command, server.environment, log) as running:

        def address() -> str:
            assert running.poll() is None, log.read_text()
            found = [
                line for line in log.read_text().splitlines() if line.startswith("receiving webhooks at ")
            ]
            return found[0].rpartition(" ")[2] if found else ""

        url = wait_until(address, 60, "a receiver that listens")
        wait_until(lambda: _answers(url + "health"), 30, "a receiver that answers")
        yield str(url)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.HTTPError:
        return False


def hook(url: str, secret: str = SECRET) -> httpx.Response:
    """What the labeling tool does when somebody has answered."""
    return httpx.post(
        url, json={"action": "ANNOTATION_CREATED"}, headers={"X-Hook-Secret": secret}, timeout=10
    )


@contextlib.contextmanager
def process(command: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that goes, with its children, when the block is left."""
    with log.open("wb") as stream:
        running = subprocess.Popen(
            command, env=environment, stdout=stream, stderr=subprocess.STDOUT, cwd=log.parent,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    try:
        yield running
    finally:
        children = family(running.pid)
        if running.poll() is None:
            running.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(20)
        kill(*children, running.pid)
        running.wait(10)


def family(pid: int) -> list[int]:
    """Processes that come from this one."""
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return []


def kill(*pids: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
