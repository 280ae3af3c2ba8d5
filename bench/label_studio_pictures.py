"""A poll of many answered tasks with pictures in them: how much memory it takes, in a process of its own."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from bench import memory

TASKS = 10_000
PICTURE = 20_000
"""Characters of a picture in a task."""


def push(folder: Path, accounts: dict[str, Any]) -> None:
    """Tasks with pictures, all of them answered, of which the tool knows that it has pushed them."""
    from bench.label_studio import client_of, open_tool
    from labelloop.adapters.tools.keys import parse_key
    from labelloop.adapters.tools.label_studio_keys import opaque

    tool = open_tool(folder, accounts, "pictures")
    client = client_of(accounts)
    account = next(
        user["id"] for user in client.get("/api/users/").json()
        if user["email"] == accounts["annotators"][0]["login"]
    )  # fmt: skip
    result = {"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": ["cat"]}}
    said = {"result": [result], "completed_by": account, "ground_truth": False}
    picture = "data:image/png;base64," + "A" * PICTURE
    keys = [parse_key(f"pictures/r000/item-{number}/0") for number in range(TASKS)]
    tool._keys.note(dict.fromkeys(keys, 1))
    for start in range(0, TASKS, 1000):
        body = [
            {"data": {"text": picture, **key}, "meta": key, "annotations": [said]}
            for key in ({"labelloop_key": opaque(one)} for one in keys[start : start + 1000])
        ]
        client.post(f"/api/projects/{tool._project.id}/import", json=body).raise_for_status()


def poll(folder: str) -> dict[str, float]:
    """What the process that polls many answered tasks with pictures finds out."""
    from bench.label_studio import open_tool

    accounts = json.loads((Path(folder) / "accounts.json").read_text())
    tool = open_tool(Path(folder) / "pictures", accounts, "pictures")
    before = memory.resident()
    begun = time.perf_counter()
    found = tool.poll(None)
    seconds = time.perf_counter() - begun
    assert len(found.answers) == TASKS, found.refusals[:3]
    pictures, load = TASKS * PICTURE / 1e6, os.getloadavg()[0]
    return {"added": memory.peak() - before, "seconds": seconds, "pictures": pictures, "load": load}


if __name__ == "__main__":
    print(json.dumps({"poll": poll}[sys.argv[1]](sys.argv[2])))
