"""Where a campaign stands, read off its files in well under a second.

No pandas, torch, Prefect or MLflow here, and no question to any server.
"""

from __future__ import annotations

import csv
from typing import Any

from labelloop import files
from labelloop.campaign import CampaignSettings
from labelloop.ledger import Ledger, read_frozen
from labelloop.workspace import RoundFolder, Workspace

KEPT = ("labels", "test_items", "votes", "cost", "hours", "accuracy", "accuracy_low", "accuracy_high")


def read_status(workspace: Workspace) -> dict[str, Any]:
    """Everything that `labelloop status` says, JSON-like."""
    settings, ledger = workspace.settings, Ledger.read(workspace.ledger)
    status: dict[str, Any] = {
        "campaign": settings.campaign.name,
        "folder": str(workspace.root),
        "state": _state(ledger),
        "currency": settings.annotation.currency,
        "rounds": [],
        "waiting": None,
        "stopped": ledger.stopped,
        "savings": None,
        "next_limits": _limits(settings),
        "pending_changes": [],
    }
    last = ledger.last_closed
    if last is not None:
        folder = workspace.round(last.id)
        status["rounds"] = _curve(folder)
        status["savings"] = files.read_json(folder.savings)
    if ledger.open is not None:
        from labelloop.loop import pending_changes

        folder = workspace.round(ledger.open.id)
        status["waiting"] = _waiting(folder, read_frozen(folder.settings)[1])
        status["pending_changes"] = pending_changes(workspace)
    return status


def as_text(status: dict[str, Any]) -> str:
    """The status as a page for people."""
    lines = [f"{status['campaign']}: {status['state']}  ({status['folder']})"]
    if status["rounds"]:
        lines += ["", f"{'round':<7}{'labels':>8}{'votes':>8}{'cost ' + status['currency']:>12}"
                  f"{'accuracy':>10}   interval"]  # fmt: skip
        lines += [
            f"{row['round']:<7}{row['labels']:>8}{row['votes']:>8}{row['cost']:>12.2f}{row['accuracy']:>10.1%}"
            f"   {row['accuracy_low']:.1%} to {row['accuracy_high']:.1%}"
            for row in status["rounds"]
        ]
        lines += ["", status["savings"]["sentence"]]
    if status["waiting"]:
        lines += ["", status["waiting"]["sentence"]]
    if status["stopped"]:
        lines += ["", f"Stopped by {status['stopped']['rule']}: {status['stopped']['reason']}"]
    elif status["next_limits"]:
        lines += ["", "Stops at " + "; ".join(status["next_limits"]) + ", or when the pool is used up."]
    return "\n".join([*lines, *[f"\n{line}" for line in status["pending_changes"]]])


def _state(ledger: Ledger) -> str:
    if not ledger.prepare:
        return "not begun"
    if ledger.stopped:
        return f"stopped after {len(ledger.rounds)} rounds"
    if ledger.open is None:
        return f"between rounds, {len(ledger.rounds)} closed"
    return f"in round {ledger.open.id}, {len(ledger.rounds)} closed"


def _curve(folder: RoundFolder) -> list[dict[str, Any]]:
    with folder.curve.open(encoding="utf-8", newline="") as stream:
        return [
            {"round": row["round"]} | {name: _number(row[name]) for name in KEPT}
            for row in csv.DictReader(stream)
        ]


def _number(text: str) -> float | int | None:
    return None if not text else float(text) if any(mark in text for mark in ".einf") else int(text)


def _waiting(folder: RoundFolder, settings: CampaignSettings) -> dict[str, Any]:
    """What the open round waits for: the first file of the chain that is not there tells."""
    from labelloop.stages.contract import ROUND_STAGES

    if not folder.tasks.exists():
        step = next((name for name, output in _outputs(folder) if not output.exists()), "push")
        return {
            "for": step,
            "sentence": f"Round {folder.id} is open; next step: {step}. `labelloop run` does it.",
        }
    if folder.closed.exists():
        step = next((name for name, output in _outputs(folder) if not output.exists()), [*ROUND_STAGES][-1])
        return {"for": step, "sentence": f"Round {folder.id} has its answers; next step: {step}."}
    import pyarrow.parquet as pq

    keys = set(pq.read_table(folder.tasks, columns=["key"])["key"].to_pylist())
    answered: set[str] = set()
    latest = None
    if folder.votes.exists():
        votes = pq.read_table(folder.votes, columns=["key", "answered_at"])
        answered = keys & set(votes["key"].to_pylist())
        latest = max(votes["answered_at"].to_pylist(), default=None)
    since = min((line["at"] for line in files.read_lines(folder.pushed) if line.get("at")), default=None)
    refused = len(files.read_lines(folder.quarantine))
    sentence = (f"Round {folder.id} waits for people ({settings.annotation.tool}): {len(answered)} of "
                f"{len(keys)} answers are in")  # fmt: skip
    sentence += f", pushed {since[:16].replace('T', ' ')}" if since else ""
    sentence += f", last answer {latest:%Y-%m-%d %H:%M}" if latest else ""
    sentence += "."
    if refused:
        were = "answer was" if refused == 1 else "answers were"
        sentence += f" {refused} {were} refused; rounds/{folder.id}/quarantine.jsonl says why."
    return {
        "for": "people",
        "round": folder.id,
        "asked": len(keys),
        "answered": len(answered),
        "since": since,
        "refused": refused,
        "sentence": sentence,
    }


def _outputs(folder: RoundFolder) -> list[tuple[str, Any]]:
    return [
        ("score", folder.scores), ("select", folder.batch), ("push", folder.tasks),
        ("collect", folder.collected), ("fuse", folder.fused), ("snapshot", folder.labels),
        ("train", folder.model), ("evaluate", folder.manifest),
    ]  # fmt: skip


def _limits(settings: CampaignSettings) -> list[str]:
    stopping, budget, currency = settings.stopping, settings.budget, settings.annotation.currency
    limits = [
        (stopping.max_rounds, "{} rounds"),
        (stopping.target_accuracy, "{:.1%} accuracy"),
        (budget.labels, "{} labels"),
        (budget.money, "{:.2f} " + currency),
        (budget.hours, "{:g} hours"),
    ]
    return [text.format(value) for value, text in limits if value is not None]
