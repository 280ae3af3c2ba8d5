"""version: close the round in the ledger and put its snapshot into DVC and git.

Every step may be repeated: what is recorded already stays as it is.
"""

from __future__ import annotations

from labelloop.adapters import dvc, git
from labelloop.ledger import Ledger
from labelloop.stages.contract import ROUND_STAGES
from labelloop.stages.runner import Round

CAMPAIGN_FILES = (
    "params.yaml", "rounds.yaml", "dvc.yaml", "dvc.lock", ".gitignore", ".dvcignore", ".env.example",
    ".dvc/config", ".dvc/.gitignore", "reports", "reviews.jsonl", "queues.jsonl", "backtest.json",
)  # fmt: skip
ROUND_FILES = (
    "settings.yaml", "approved.json", "pushed.jsonl", "closed.json", "reviews.json", "quarantine.jsonl",
    "votes.parquet.dvc", "certificate.json", "verdicts.json",
    "selection.json", "review.csv", "fusion.json", "gold.csv", "quality.json", "metrics.json",
    "savings.json", "stopping.json", "forecast.json", "per_class.csv", "confusion.csv",
    "learning_curve.csv", "report.md", "manifest.json",
)  # fmt: skip


def snapshot_tag(campaign: str, round_id: str) -> str:
    """Git tag of a round's snapshot."""
    return f"labels/{campaign}/{round_id}"


def version(current: Round) -> None:
    """Close the round; then, as far as params.yaml says, DVC, git commit, git tag and the remote."""
    workspace = current.workspace
    ledger = Ledger.read(workspace.ledger)
    ledger.close(current.id)
    ledger.write()
    settings = workspace.settings.versioning
    if not settings.enabled:
        return
    first = len(ledger.rounds) == 1
    stages = ["prepare"] if first else []
    stages += [f"{name}@{current.id}" for name in ROUND_STAGES]
    dvc.commit_round(workspace.root, stages, [workspace.relative(current.folder.votes)])
    if settings.git_commit:
        message = _message(current, ledger)
        _commit(current, message)
        if settings.git_tag:
            name = snapshot_tag(current.settings.campaign.name, current.id)
            # The very same snapshot may be tagged on an earlier commit: params.yaml was edited since, or this
            # is a clone that goes on.
            if git.tag_message(workspace.root, name) != message:
                git.tag(workspace.root, name, message)
    if settings.remote:
        dvc.push(workspace.root, settings.remote)


def _commit(current: Round, message: str) -> None:
    root = current.workspace.root
    folder = current.workspace.relative(current.folder.path)
    names = [*CAMPAIGN_FILES, *(f"{folder}/{name}" for name in ROUND_FILES)]
    git.commit(root, [name for name in names if (root / name).exists()], message)


def _message(current: Round, ledger: Ledger) -> str:
    from labelloop import files

    metrics = files.read_json(current.folder.metrics)
    run = ledger.runs.get(current.id)
    snapshot = current.workspace.relative(current.folder.labels)
    lines = [
        f"{current.settings.campaign.name} {current.id}: {metrics['labels']} labels, "
        f"accuracy {metrics['accuracy']:.4f}",
        "",
        f"snapshot: {snapshot}",
        f"snapshot-md5: {dvc.md5_of(current.workspace.root, snapshot)}",
    ]
    return "\n".join([*lines, f"mlflow-run: {run}"] if run else lines)
