"""finish: what is done once a campaign has stopped: what random would have given, and a last commit."""

from __future__ import annotations

from labelloop import files
from labelloop.adapters import git
from labelloop.evaluation import curve as curves
from labelloop.ledger import Ledger
from labelloop.stages.publish import draw_curve, write_page
from labelloop.stages.runner import Round
from labelloop.stages.track import open_tracker
from labelloop.stages.version import CAMPAIGN_FILES


def finish(current: Round) -> None:
    """Compare with random twins where the annotators are simulated; close the MLflow run; commit."""
    workspace = current.workspace
    reason = (Ledger.read(workspace.ledger).stopped or {}).get("reason", "stopped")
    if current.settings.annotation.tool == "simulated":
        from labelloop.stages.twin import random_twin

        twin = random_twin(current)
        files.write_text(workspace.twin, twin.to_csv(index=False, lineterminator="\n"))
        draw_curve(current, curves.read_curve(current.folder.curve), twin)
    write_page(current, stopped=reason)
    tracker = open_tracker(current)
    if tracker is not None:
        tracker.finish(reason)
    versioning = workspace.settings.versioning
    if versioning.enabled and versioning.git_commit:
        present = [name for name in CAMPAIGN_FILES if (workspace.root / name).exists()]
        git.commit(workspace.root, present, f"{current.settings.campaign.name} stopped: {reason}")
