"""As much of a Label Studio server as a push needs, in memory; it can die at any request."""

from __future__ import annotations

import json
from typing import Any

import httpx


class Killed(BaseException):
    """The pushing process is gone: nothing can be caught."""


class LabelStudioDouble:
    """One project and its tasks. The request numbered `die_at` kills, `after` it was done or before."""

    def __init__(self) -> None:
        self.project: dict[str, Any] | None = None
        self.tasks: dict[int, dict[str, Any]] = {}
        self.requests: list[str] = []
        self.die_at: int | None = None
        self.after = False
        self.late = 0
        """The connection of the first import breaks; it is done with this look or import after it."""
        self._pending: list[Any] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        dies = self.die_at is not None and len(self.requests) == self.die_at
        self.requests.append(f"{request.method} {request.url.path}")
        if dies and not self.after:
            raise Killed
        response = self._answer(request)
        if dies:
            raise Killed
        return response

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path, method = request.url.path.strip("/").split("/"), request.method
        content = json.loads(request.content) if request.content else None
        if path[1] == "projects":
            return self._projects(path[2:], method, content, request.url.params.get("page"))
        if path[1:] == ["dm", "actions"]:
            for number in content["selectedItems"]["included"]:
                del self.tasks[number]
            return httpx.Response(200, json={})
        if method == "PATCH":
            self.tasks[int(path[2])] |= content
            return httpx.Response(200, json=self.tasks[int(path[2])])
        return httpx.Response(200, json=self._listing(request.url.params))

    def _projects(self, path: list[str], method: str, content: Any, page: str | None) -> httpx.Response:
        if path[1:] == ["import"]:
            assert self.project is not None
            if self.late and not self._pending and not self.tasks:
                self._pending = content
                raise httpx.ReadError("broke off")
            self._arrive()
            ids = [self._add(one, self.project["maximum_annotations"]) for one in content]
            return httpx.Response(201, json={"task_ids": ids, "task_count": len(ids)})
        if method == "POST":
            self.project = {"id": 1, "model_version": "", **content}
        if method == "PATCH" and self.project:
            if content.get("show_collab_predictions") is False:
                self.project["model_version"] = ""
            self.project |= content
        if not path and method == "GET":
            if page != "1":
                return httpx.Response(404, json={})
            return httpx.Response(200, json={"results": [self.project] if self.project else []})
        counts = {
            "task_number": len(self.tasks),
            "total_predictions_number": sum(len(task["predictions"]) for task in self.tasks.values()),
        }
        return httpx.Response(200, json={**(self.project or {}), **counts})

    def _add(self, content: dict[str, Any], overlap: int) -> int:
        number = len(self.tasks) + 1
        counts = {"total_annotations": 0, "cancelled_annotations": 0}
        self.tasks[number] = {"id": number, "overlap": overlap, "predictions": [], **counts, **content}
        return number

    def _arrive(self) -> None:
        if self._pending and self.project:
            self.late -= 1
            if self.late == 0:
                for one in self._pending:
                    self._add(one, self.project["maximum_annotations"])

    def _listing(self, params: httpx.QueryParams) -> dict[str, Any]:
        self._arrive()
        items = json.loads(params["query"])["filters"]["items"]
        wanted = items[0]["value"] if items else None
        rows = [t for t in self.tasks.values() if wanted is None or t["data"]["labelloop_key"] in wanted]
        start = (int(params["page"]) - 1) * int(params["page_size"])
        return {"tasks": rows[start : start + int(params["page_size"])], "total": len(rows)}
