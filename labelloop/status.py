"""Where a campaign stands, read off its files in well under a second.

No pandas, torch, Prefect or MLflow here, and no question to any server.
"""

from __future__ import annotations

from typing import Any

from labelloop import files
from labelloop.answering import refused_words, where_to_answer
from labelloop.campaign import CampaignSettings
from labelloop.ledger import Ledger, read_frozen
from labelloop.reporting.label_words import read_labels
from labelloop.reporting.pool_words import read_learner
from labelloop.reporting.prospects import as_lines, read_curve, read_prospects
from labelloop.reporting.quality_words import quality_lines, read_quality
from labelloop.round_folder import RoundFolder
from labelloop.settling import uncounted, uncounted_words
from labelloop.stages.revoking import revoked_now
from labelloop.workspace import Workspace

RECORD = "track"
"""What is next for a round with all its outputs: MLflow, DVC and git are told."""


def read_status(workspace: Workspace) -> dict[str, Any]:
    """Everything that `labelloop status` says, JSON-like."""
    settings, ledger = workspace.settings, Ledger.read(workspace.ledger)
    status: dict[str, Any] = {
        "campaign": settings.campaign.name,
        "folder": str(workspace.root),
        "page": str(workspace.page) if workspace.page.exists() else None,
        "state": _state(ledger),
        "currency": settings.annotation.currency,
        "rounds": [],
        "waiting": None,
        "outage": _outage(workspace),
        "stopped": ledger.stopped,
        "savings": None,
        "prospects": None,
        "learner": None,
        "labels": [],
        "annotators": None,
        "uncounted": None,
        "next_limits": _limits(settings),
        "pending_changes": [],
    }
    last = ledger.last_closed
    if last is not None:
        folder = workspace.round(last.id)
        status["rounds"] = read_curve(folder.curve)
        status["prospects"] = read_prospects(folder, status["rounds"], settings)
        status["savings"] = status["prospects"]["savings"]
        status["learner"] = read_learner(folder)
        status["labels"] = [*read_labels(folder), *revoked_now(workspace)]
        status["annotators"] = read_quality(folder.quality)
        status["uncounted"] = {"verdicts": uncounted(workspace), "sentence": uncounted_words(workspace)}
    if ledger.open is not None:
        from labelloop.kept_settings import pending_changes

        folder = workspace.round(ledger.open.id)
        settings = read_frozen(folder.settings)[1]
        status["waiting"] = _approval(workspace) or _waiting(workspace, folder, settings)
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
        lines += ["", *as_lines(status["prospects"])]
    if status["learner"]:
        lines += ["", status["learner"]]
    if status["labels"]:
        lines += ["", *status["labels"]]
    if status["annotators"]:
        lines += ["", *quality_lines(status["annotators"])]
    if status["waiting"]:
        lines += ["", status["waiting"]["sentence"]]
        if status["waiting"].get("where"):
            lines += [status["waiting"]["where"]]
    if status["outage"]:
        lines += ["", status["outage"]["sentence"]]
    if status["stopped"]:
        lines += ["", f"Stopped by {status['stopped']['rule']}: {status['stopped']['reason']}"]
    elif status["next_limits"]:
        lines += ["", "Stops at " + "; ".join(status["next_limits"]) + ", or when the pool is used up."]
    if status["uncounted"] and status["uncounted"]["sentence"]:
        lines += ["", status["uncounted"]["sentence"]]
    lines += [f"\n{line}" for line in status["pending_changes"]]
    if status["page"]:
        lines += ["", f"With pictures, in a browser: {status['page']}"]
    return "\n".join(lines)


def _state(ledger: Ledger) -> str:
    if not ledger.prepare:
        return "not begun"
    if ledger.stopped:
        return f"stopped after {len(ledger.rounds)} rounds"
    if ledger.open is None:
        return f"between rounds, {len(ledger.rounds)} closed"
    return f"in round {ledger.open.id}, {len(ledger.rounds)} closed"


def _approval(workspace: Workspace) -> dict[str, Any] | None:
    """What waits for a person's word before it is pushed, and since when."""
    from labelloop import approval

    batch = approval.open_batch(workspace)
    if batch is None or (batch.decision and batch.decision.approved):
        return None
    since = f"{batch.since:%Y-%m-%d %H:%M} UTC"
    sentence = f"Round {batch}. It waits for approval since {since}: `labelloop approve`."
    if batch.decision:
        sentence = (f"Round {batch}. It was {batch.decision}. `labelloop approve` may still approve it, "
                    "`labelloop approve --reopen` opens it anew.")  # fmt: skip
    return {"for": "approval", "round": batch.round_id, "since": batch.since.isoformat(),
            "items": batch.items, "cost": batch.cost, "sentence": sentence}  # fmt: skip


def _outage(workspace: Workspace) -> dict[str, Any] | None:
    """Since when the labeling tool cannot be reached; None where the last attempt worked."""
    from labelloop import outages

    outage = outages.read(workspace)
    if outage is None:
        return None
    times = {name: getattr(outage, name).isoformat() for name in ("since", "last", "next_try")}
    return times | {"attempts": outage.attempts, "message": outage.message, "sentence": str(outage)}


def _waiting(workspace: Workspace, folder: RoundFolder, settings: CampaignSettings) -> dict[str, Any]:
    """What the open round waits for: the first file of the chain that is not there tells."""
    if not folder.tasks.exists():
        step = next((name for name, output in _outputs(folder) if not output.exists()), "push")
        return {
            "for": step,
            "sentence": f"Round {folder.id} is open; next step: {step}. `labelloop run` does it.",
        }
    if folder.closed.exists():
        step = next((name for name, output in _outputs(folder) if not output.exists()), RECORD)
        return {
            "for": step,
            "sentence": f"Round {folder.id} has its answers; next step: {step}. `labelloop run` does it.",
        }
    return _people(workspace, folder, settings)


def _people(workspace: Workspace, folder: RoundFolder, settings: CampaignSettings) -> dict[str, Any]:
    """How many answers are in, and what is in the way of the others."""
    import pyarrow.parquet as pq

    from labelloop.asking import Event, hint_of, state_of
    from labelloop.ledger import Ledger
    from labelloop.stages.gone import gone_items
    from labelloop.stages.people import annotation_of
    from labelloop.stages.runner import Round
    from labelloop.stages.wanted import still_asked, wanted_of

    wanted = wanted_of(folder.tasks)
    events: list[Event] = []
    latest = None
    entry = Ledger.read(workspace.ledger).open if wanted.before else None
    earlier = [workspace.folder(entry.previous).collected] if entry else []
    for path in [*earlier, folder.votes]:
        if path.exists():
            names = ["answered_at", "vote", "item", "annotator", "action"]
            rows = pq.read_table(path, columns=names).select(names).to_pydict()
            latest = max(rows["answered_at"], default=None)
            events += [Event(*row) for row in zip(*rows.values(), strict=True)]
    gone = gone_items(workspace, folder.id)
    annotation = annotation_of(Round(workspace, folder.id))
    asking = state_of(events, wanted.copies, annotation, gone, wanted.before)
    since = min((line["at"] for line in files.read_lines(folder.pushed) if line.get("at")), default=None)
    refused = len(files.read_lines(folder.quarantine))
    sentence = (f"Round {folder.id} waits for people ({settings.annotation.tool}): {asking.answered} of "
                f"{asking.asked} answers are in")  # fmt: skip
    sentence += f", pushed {since[:16].replace('T', ' ')}" if since else ""
    sentence += f", last answer {latest:%Y-%m-%d %H:%M}" if latest else ""
    hint = "; ".join(filter(None, (still_asked(folder.routing, asking), hint_of(asking))))
    sentence += f". {hint}." if hint else "."
    why = refused_words(workspace, folder.id)
    sentence += f" {why}" if why else ""
    return {
        "for": "people",
        "round": folder.id,
        "asked": asking.asked,
        "answered": asking.answered,
        "skipped": len(asking.waiting_for_others()),
        "given_up": len(asking.given_up()),
        "since": since,
        "refused": refused,
        "sentence": sentence,
        "where": where_to_answer(workspace, folder.id, settings.annotation),
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
