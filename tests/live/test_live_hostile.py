"""A server that replies with nonsense: refused or quarantined with a reason, never a traceback or a vote."""

from __future__ import annotations

import copy
import json
import os
import random
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import live_campaigns
import pytest
from live_server import LiveServer
from rewriting_proxy import Rewrite, RewritingProxy

from labelloop import files, tables
from labelloop.adapters.tools.label_studio_server import Server
from labelloop.workspace import Workspace

pytestmark = [pytest.mark.live, pytest.mark.slow]

ROWS = int(os.environ.get("LABELLOOP_TEST_HOSTILE", "60"))
"""Changed rows, of all that can be made."""

ODD: tuple[object, ...] = (
    None, True, -1, 0, 1.5, 10**30, 2**63, "", "nonsense", "\ud800", "\x00", "9" * 5000, [], [None], [[[]]],
    {},
    {"id": None}, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-23:59",
)  # fmt: skip
"""Values where something else is expected."""

BODIES: dict[str, bytes] = {
    "empty": b"",
    "null": b"null",
    "a number": b"1",
    "a text": b'"tasks"',
    "a list": b"[]",
    "an empty object": b"{}",
    "half": b'{"tasks": [{"id": 1, "data": {"sente',
    "not UTF-8": b'{"tasks": [], "total": 0, "x": "\xff\xfe\xc3("}',
    "UTF-16": '{"tasks": 7, "total": 0}'.encode("utf-16"),
    "nested without bottom": b'{"total": 1, "tasks": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "nested in a row": b'{"total": 1, "tasks": [{"id": 1, "data": ' + b"[" * 50_000 + b"]" * 50_000 + b"}]}",
    "an endless number": b'{"total": ' + b"9" * 100_000 + b', "tasks": []}',
    "infinite": b'{"total": 1e999, "tasks": [{"id": NaN}]}',
    "huge": json.dumps({"total": 1, "tasks": [{"id": 1, "data": {"sentence": "x" * 30_000_000}}]}).encode(),
    "many rows": json.dumps({"total": 200_000, "tasks": [{"id": n} for n in range(200_000)]}).encode(),
    "a web page": b"<!doctype html><html><body>Sign in</body></html>",
    "tasks that are none": b'{"total": 3, "tasks": [null, 7, "task", [], true]}',
    "tasks in an object": b'{"total": 1, "tasks": {"0": {"id": 1}}}',
    "no total": b'{"tasks": []}',
    "an odd total": b'{"tasks": [], "total": "many"}',
}  # fmt: skip
"""Whole replies."""


class Hostile:
    """One campaign whose round stays open, its server's replies changed as a test wants them."""

    def __init__(self, root: Path, labelloop: Any, server: LiveServer, proxy: RewritingProxy) -> None:
        self.workspace, self.proxy, self.server = Workspace.at(root), proxy, server
        self._labelloop = labelloop
        self.given: dict[tuple[str, str], str] = {}
        self.wrong: dict[str, str] = {}
        """Replies that no sentence told of, and what came instead."""

    def meet(self, rewrite: Rewrite, name: str) -> None:
        """One command while replies are changed; it ends well, or says in some lines what is wrong."""
        self.proxy.rewrite = rewrite
        try:
            said = self._labelloop("advance", self.workspace.root, "--plain")
        except Exception:
            self.wrong[name] = traceback.format_exc(limit=-2)
            return
        if said.code and not ("error: " in said.error and len(said.error) < 3000):
            self.wrong[name] = str(said)[:2000]

    def recover(self, name: str) -> None:
        """One command with a server that is honest again."""
        self.proxy.rewrite = None
        try:
            said = self._labelloop("advance", self.workspace.root, "--plain")
            if said.code or self.votes() != self.given:
                self.wrong[f"after {name}"] = str(said)[:2000]
        except Exception:
            self.wrong[f"after {name}"] = traceback.format_exc(limit=-2)

    def votes(self) -> dict[tuple[str, str], Any]:
        """What each person says of each item by the campaign's votes; who took it back is left out."""
        path = self.workspace.round("r000").votes
        votes = tables.VOTES.read(path) if path.exists() else tables.VOTES.empty()
        last = votes.drop_duplicates(["annotator", "item"], keep="last")
        last = last[last["action"] != "deleted"]
        return {(row.annotator, row.item): row.value for row in last.itertuples()}

    def forget(self) -> None:
        """Nothing has been polled yet, for a poll that reads everything."""
        for path in (self.workspace.state / "label_studio").rglob("*.json*"):
            if path.name in ("polled.json", "answers.jsonl", "accounts.json"):
                path.unlink()
        self.workspace.round("r000").votes.unlink(missing_ok=True)


@pytest.fixture
def hostile(
    live_server: LiveServer, labelloop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hostile]:
    """Pushed; ada and ben have answered all but one task."""
    monkeypatch.setitem(Server.__init__.__kwdefaults__ or {}, "sleep", lambda seconds: None)
    root = live_campaigns.make_sentences(
        tmp_path / "campaign", labelloop, live_server,
        annotation={"overlap": 2, "test_overlap": 2, "payload_columns": ["sentence"]},
    )  # fmt: skip
    proxy = RewritingProxy(live_server.url)
    live_campaigns.write_env(root, proxy.url, live_server.token)
    made = Hostile(root, labelloop, live_server, proxy)
    try:
        assert labelloop("advance", root, "--plain").code == 0
        items = {
            int(row.tool_id.partition(".")[0]): row.item
            for row in tables.TASKS.read(made.workspace.round("r000").tasks).itertuples()
        }
        for task in live_server.tasks("live", fields="all")[:-1]:
            for person in ("ada", "ben"):
                value = live_campaigns.MEANING[task["data"]["sentence"].split()[0]]
                live_server.answer(person, task["id"], value)
                made.given[live_server.logins[person][0], items[task["id"]]] = value
        yield made
    finally:
        proxy.close()


def is_listing(path: str) -> bool:
    return path.startswith("/api/tasks/")


def test_listings_that_are_none(hostile: Hostile) -> None:
    """After each, all is read in honesty."""
    for name, reply in BODIES.items():
        hostile.forget()
        hostile.meet(lambda path, _, reply=reply: reply if is_listing(path) else None, name)
        assert not hostile.votes(), name
        hostile.recover(name)
    assert hostile.proxy.rewritten >= len(BODIES)
    assert not hostile.wrong, hostile.wrong


def test_rows_with_odd_fields(hostile: Hostile) -> None:
    """Fields of tasks and answers missing, and of every wrong kind; after each, all is read in honesty."""
    changes = dict(field_changes(hostile))
    for name in random.Random(3).sample(sorted(changes), ROWS):
        hostile.forget()
        hostile.meet(changes[name], name)
        assert hostile.votes().items() <= hostile.given.items(), name
        hostile.recover(name)
    assert hostile.proxy.rewritten >= ROWS
    assert not hostile.wrong, hostile.wrong
    quarantined = files.read_lines(hostile.workspace.round("r000").quarantine)
    assert quarantined and all(line["reason"] for line in quarantined)


def field_changes(hostile: Hostile) -> Iterator[tuple[str, Rewrite]]:
    """Ways to change one field in every row of a listing, or in every answer of them."""
    rows = hostile.server.tasks("live", fields="all")
    answer = next(one for row in rows for one in row["annotations"])
    result = answer["result"][0]
    examples = {"row": rows[0], "answer": answer, "result": result, "value": result["value"]}
    for depth, fields in examples.items():
        for name in fields:
            for odd in (..., *ODD):
                yield f"{name} of a {depth}: {odd!r:.40}", change_of(depth, name, odd)


def change_of(depth: str, name: str, odd: object) -> Rewrite:
    def rewrite(path: str, body: bytes) -> bytes | None:
        if not is_listing(path):
            return None
        content = json.loads(body)
        for row in content["tasks"]:
            for place in places(row, depth):
                if odd is ...:
                    place.pop(name, None)
                elif name in place:
                    place[name] = copy.deepcopy(odd)
        return json.dumps(content).encode()

    return rewrite


def places(row: dict[str, Any], depth: str) -> list[dict[str, Any]]:
    """The objects at a depth of a task's row."""
    answers = row.get("annotations") or []
    results = [one for answer in answers for one in answer["result"]]
    found = {"row": [row], "answer": answers, "result": results, "value": [one["value"] for one in results]}
    return found[depth]


NONSENSE = (
    *(BODIES[name] for name in ("null", "a list", "an empty object", "not UTF-8", "tasks that are none")),
    b'{"results": [{"id": [], "description": {}}], "next": 7}',
    b'[{"id": {}, "email": []}]',
    b'{"tasks": [{"id": 1, "meta": {"labelloop_key": []}}], "total": 1}',
)


def test_a_push_that_meets_nonsense(hostile: Hostile) -> None:
    """What the next round's push asks first; afterwards it has pushed each task once."""
    server, workspace = hostile.server, hostile.workspace
    last = server.tasks("live", fields="all")[-1]
    for person in ("ada", "ben"):
        server.answer(person, last["id"], live_campaigns.MEANING[last["data"]["sentence"].split()[0]])
    hostile.proxy.methods |= {"POST", "PATCH"}
    # An import whose reply is nonsense may have arrived: from then on a push looks for its tasks' keys.
    for places in (("/import", "labelloop_key"), ("/api/projects/",), ("/api/users/",), ("/api/tasks/",)):
        before = hostile.proxy.rewritten
        for reply in NONSENSE:
            hostile.meet(replaced(reply, places), f"{places} {reply!r}")
        assert hostile.proxy.rewritten > before or "/api/users/" in places, places
        assert places[0] != "/import" or not workspace.round("r001").tasks.exists()
    hostile.proxy.rewrite = None
    said = hostile._labelloop("advance", workspace.root, "--plain")
    assert said.code == 0, said
    assert not hostile.wrong, hostile.wrong
    keys = [task["data"]["labelloop_key"] for task in server.tasks("live")]
    asked = {item for round_id in ("r000", "r001")
             for item in tables.TASKS.read(workspace.round(round_id).tasks)["item"]}  # fmt: skip
    assert len(keys) == len(set(keys)) == len(asked)


def replaced(reply: bytes, places: tuple[str, ...]) -> Rewrite:
    """The same reply wherever one of these stands in the path."""
    return lambda path, _: reply if any(place in path for place in places) else None
