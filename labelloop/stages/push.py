"""push: ask the round's questions, each exactly once.

The intent is on disk before the tool hears of it. Whatever happens after that (a lost reply, a kill, a
power cut), the next run asks the tool which keys it has and pushes only what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import pandas as pd

from labelloop import approval, datasets, files, tables
from labelloop.adapters.tools.base import LabelTool, Receipt, Task
from labelloop.adapters.tools.keys import TaskKey
from labelloop.ahead import ahead
from labelloop.datasets.base import Prepared
from labelloop.errors import LabelloopError
from labelloop.stages.asked_again import AskedAgain, asked_again
from labelloop.stages.prelabels import prelabels_of
from labelloop.stages.runner import Round
from labelloop.stages.tool import project_of, tool_of

CHUNK = 10_000
"""Tasks in one call to the tool, or a few more: the copies of an item stay together."""


def push(current: Round) -> None:
    """Write tasks.parquet, after making sure that the tool has every task of the batch.

    A round that is closed is never pushed again: its tasks are what pushed.jsonl says.
    """
    batch = tables.BATCH.read(current.folder.batch)
    again = asked_again(current, batch)
    routing = tables.ROUTING.read(current.folder.routing)
    wanted = task_table(batch, current.settings.campaign.name, current.id, again, routing)
    receipts = read_receipts(current)
    missing = wanted[~wanted["key"].isin(list(receipts))]
    if current.folder.closed.exists():
        _refuse_another_batch(current, set(wanted["key"]), set(receipts))
    elif len(missing) or not current.folder.pushed.exists():
        approval.require(current.workspace, current.id)
        prepared = datasets.open_prepared(current.workspace.data)
        tool = tool_of(current, prepared)
        tool.create(project_of(current, prepared))
        _push_missing(current, tool, missing, prepared, again)
        receipts = read_receipts(current)
    wanted = wanted.drop(columns="person")
    tables.TASKS.write(wanted.assign(tool_id=wanted["key"].map(receipts)), current.folder.tasks)


def task_table(
    batch: pd.DataFrame,
    campaign: str,
    round_id: str,
    again: Mapping[str, AskedAgain] | None = None,
    routing: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """One row a question: copies of an item follow each other, items in the batch's order, re-asks behind.

    Args:
        again: items that an earlier round has asked about: their keys go on where those ended.
        routing: `tables.ROUTING` of the batch; None where anybody may answer.

    Returns:
        Columns key, item, arm, copy and person (empty: anybody).
    """
    known = again or {}
    copies = batch.loc[batch.index.repeat(batch["overlap"])].copy()
    first = copies["item"].map({item: one.before for item, one in known.items()}).fillna(0).astype(int)
    copies["copy"] = copies.groupby("item", sort=False).cumcount() + first
    copies["key"] = [
        TaskKey(campaign, known[item].round if item in known else round_id, item, int(copy)).text
        for item, copy in zip(copies["item"], copies["copy"], strict=True)
    ]
    copies["person"] = _people(copies, tables.ROUTING.empty() if routing is None else routing)
    tasks = copies[["key", "item", "arm", "copy", "person"]].reset_index(drop=True)
    if routing is None or not len(reasks := routing[routing["why"] == tables.REASK]):
        return tasks
    keys = [TaskKey(campaign, round_id, item, 0).text for item in reasks["item"]]
    rows = reasks[["item"]].assign(key=keys, arm=tables.REASK, copy=0, person=reasks["annotator"])
    return pd.concat([tasks, rows[tasks.columns]], ignore_index=True)


def _people(copies: pd.DataFrame, routing: pd.DataFrame) -> list[str]:
    """Who each copy is for: the n-th copy of an item goes to the n-th whom its routing names."""
    routed = routing[routing["why"] != tables.REASK]
    named = {item: iter(people) for item, people in routed.groupby("item")["annotator"]}
    return [next(named[item]) if item in named else "" for item in copies["item"]]


def read_receipts(current: Round) -> dict[str, str]:
    """The tool's id of every task that is known to have arrived."""
    receipts: dict[str, str] = {}
    for line in files.read_lines(current.folder.pushed):
        if line["event"] == "receipts":
            receipts |= line["tasks"]
    return receipts


def pushed_at(current: Round) -> datetime | None:
    """When the round was pushed, by the tool's clock where it tells; None when nothing was asked."""
    times = [line["at"] for line in files.read_lines(current.folder.pushed) if line.get("at")]
    return datetime.fromisoformat(max(times)) if times else None


def _push_missing(
    current: Round,
    tool: LabelTool,
    missing: pd.DataFrame,
    prepared: Prepared,
    again: Mapping[str, AskedAgain],
) -> None:
    path = current.folder.pushed
    before = files.read_lines(path)
    if any(line["event"] == "intent" for line in before):
        # An earlier push may have arrived without our hearing of it.
        found = tool.find(missing["key"].tolist())
        if found:
            _note(current, found)
            missing = missing[~missing["key"].isin([receipt.key for receipt in found])]
    if not before and not len(missing):
        files.append_line(path, {"event": "intent", "tasks": 0})
    columns = current.settings.annotation.payload_columns
    prelabels = prelabels_of(current, prepared, missing)

    def tasks_of(chunk: pd.DataFrame) -> list[Task]:
        payloads = prepared.pool.payload(prepared.pool.rows_of(chunk["item"].tolist()), columns)
        return [
            Task(
                key=key,
                item=item,
                copy=int(copy),
                payload=payload,
                prediction=prelabels.get(item),
                round=current.id if item in again else "",
                not_for=again[item].people if item in again else (),
                person=person,
                again=arm == tables.REASK,
            )
            for key, item, copy, person, arm, payload in zip(
                *(chunk[name] for name in ("key", "item", "copy", "person", "arm")), payloads, strict=True
            )
        ]

    for tasks in ahead(tasks_of(chunk) for chunk in _chunks(missing)):
        keys = [task.key for task in tasks]
        files.append_line(
            path,
            {"event": "intent", "tasks": len(keys), "first": keys[0], "last": keys[-1],
             "digest": files.digest_of(keys)},
        )  # fmt: skip
        _note(current, tool.push(tasks))


def _chunks(tasks: pd.DataFrame) -> Iterator[pd.DataFrame]:
    items = tasks["item"].to_numpy()
    start = 0
    while start < len(tasks):
        stop = min(start + CHUNK, len(tasks))
        while stop < len(tasks) and items[stop] == items[stop - 1]:
            stop += 1
        yield tasks.iloc[start:stop]
        start = stop


def _note(current: Round, receipts: list[Receipt]) -> None:
    times = [receipt.at for receipt in receipts if receipt.at is not None]
    at = max(times) if times else datetime.now(UTC)
    files.append_line(
        current.folder.pushed,
        {
            "event": "receipts",
            "at": at.isoformat(),
            "tasks": {receipt.key: receipt.tool_id for receipt in receipts},
        },
    )


def _refuse_another_batch(current: Round, wanted: set[str], receipts: set[str]) -> None:
    if wanted == receipts:
        return
    difference = sorted(wanted ^ receipts)
    raise LabelloopError(
        f"the batch of closed round {current.id} is not the one that people were asked: {len(difference)} "
        f"tasks differ, the first is {difference[0]}. Something that it is made of has changed: the data, "
        "the settings, or the code's version (manifest.json names those of the first run). Nobody was asked "
        "anything"
    )
