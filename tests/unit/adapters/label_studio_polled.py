"""As much of a Label Studio server as polls need: tasks, the filters that polls use, and what they change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from labelloop import files
from labelloop.adapters.tools.base import Poll
from labelloop.adapters.tools.keys import parse_key
from labelloop.adapters.tools.label_studio_keys import KnownKeys, opaque
from labelloop.adapters.tools.label_studio_places import Counting
from labelloop.adapters.tools.label_studio_poll import poll_answers
from labelloop.workspace import Workspace

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
ITEMS = [f"i{n}" for n in range(450)]


class FakeServer:
    """Keeps tasks and applies the filters that polls use."""

    url = "http://127.0.0.1:9"

    def __init__(self) -> None:
        self.clock = START
        self.steady = 0.0
        """Seconds of the campaign's machine that nobody can set."""
        self.rows = {n: self._row(n, item) for n, item in enumerate(ITEMS, start=1)}
        self.users: list[dict[str, Any]] = [{"id": 1, "email": "ada"}, {"id": 2, "email": "ben"}]
        self.requests: list[str] = []
        self.listed = 0
        self.lists_nothing = False
        self.before_delete: Callable[[], None] = lambda: None

    def _row(self, number: int, item: str) -> dict[str, Any]:
        key = opaque(parse_key(f"farm/r000/{item}/0"))
        at = START.isoformat()
        return {"id": number, "data": {"labelloop_key": key}, "overlap": 2, "created_at": at,
                "updated_at": at, "annotations": [], "predictions": []}  # fmt: skip

    def answer(self, task: int, who: int, value: str, minute: float) -> None:
        at = (START + timedelta(minutes=minute)).isoformat()
        region = {"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": [value]}}
        row = self.rows[task]
        row["annotations"].append({"id": abs(1000 * task + who), "completed_by": who, "result": [region],
                                   "was_cancelled": False, "created_at": at, "updated_at": at,
                                   "lead_time": 1.0})  # fmt: skip
        row["updated_at"] = at

    def patch(self, path: str, body: dict[str, Any]) -> None:
        self.requests.append(f"PATCH {path}")
        row = self.rows[int(path.rstrip("/").rpartition("/")[2])]
        row |= {**body, "updated_at": self.clock.isoformat()}

    def post(self, path: str, body: dict[str, Any], **query: Any) -> dict[str, Any]:
        """The action that deletes tasks: of those that are named, the ones that meet the filters."""
        assert query["id"] == "delete_tasks"
        self.requests.append("delete")
        self.before_delete()
        chosen = [
            row
            for row in self.rows.values()
            if row["id"] in body["selectedItems"]["included"]
            and all(self._meets(row, one) for one in body["filters"]["items"])
        ]
        for row in chosen:
            del self.rows[row["id"]]
        return {"processed_items": len(chosen)}

    def get(self, path: str, **query: Any) -> Any:
        self.requests.append(path)
        if path == "/api/users/":
            return self.users
        return {"task_number": len(self.rows), "total": 0 if self.lists_nothing else len(self.rows)}

    def tasks(self, project: int, filters: list[dict[str, Any]], **query: Any) -> Iterator[dict[str, Any]]:
        self.requests.append("tasks")
        for row in [] if self.lists_nothing else list(self.rows.values()):
            if all(self._meets(row, one) for one in filters):
                self.listed += 1
                counts = (self._count(row, cancelled) for cancelled in (False, True))
                yield row | dict(zip(("total_annotations", "cancelled_annotations"), counts, strict=True))

    def _count(self, row: dict[str, Any], cancelled: bool) -> int:
        return sum(one["was_cancelled"] is cancelled for one in row["annotations"])

    def _meets(self, row: dict[str, Any], one: dict[str, Any]) -> bool:
        column = one["filter"].removeprefix("filter:tasks:")
        counts = {"total_annotations": False, "cancelled_annotations": True}
        found: Any = self._count(row, counts[column]) if column in counts else None
        wanted = one["value"]
        if one["type"] == "Datetime":
            found, wanted = (datetime.fromisoformat(text) for text in (row[column], wanted))
        elif column in ("id", "data.labelloop_key"):
            found = row["id"] if column == "id" else row["data"]["labelloop_key"]
        how = one["operator"]
        return bool(
            found > wanted if how == "greater" else found < wanted if how == "less"
            else found in wanted if how == "in_list" else found == wanted
        )  # fmt: skip


def pushed(folder: Path) -> Workspace:
    """A campaign whose round r000 was pushed, two copies an item."""
    workspace = Workspace.at(folder)
    tasks = {f"farm/r000/{item}/{k}": f"{n}.{k}" for n, item in enumerate(ITEMS, start=1) for k in (0, 1)}
    files.append_line(workspace.round("r000").pushed, {"event": "receipts", "tasks": tasks})
    return workspace


def poll(
    server: FakeServer,
    workspace: Workspace,
    minute: float,
    since: datetime | None = None,
    *,
    ahead: float = 0,
    since_start: float | None = None,
    counting: Counting | None = None,
) -> Poll:
    """Poll at a minute.

    Args:
        ahead: minutes by which the date of replies is too late.
        since_start: minutes for which the campaign's machine has been running, if not as long as the server.
    """
    server.clock = START + timedelta(minutes=minute + ahead)
    server.steady = 60.0 * (minute if since_start is None else since_start)
    server.requests, server.listed = [], 0
    folder = workspace.state / "label_studio"
    known = KnownKeys(folder / "keys.jsonl", workspace, "farm")
    return poll_answers(server, 1, folder, known, since, counting)  # type: ignore[arg-type]
