"""Pictures and tables of the campaign as a whole, in reports/: made anew after every round, never read."""

from __future__ import annotations

import pandas as pd

from labelloop import files
from labelloop.evaluation import curve as curves
from labelloop.reporting import campaign_page, plots
from labelloop.stages.runner import Round


def publish(current: Round) -> None:
    """Write reports/: the learning curve, the latest confusion matrix, and the page that shows them."""
    reports = current.workspace.reports
    reports.mkdir(exist_ok=True)
    curve = curves.read_curve(current.folder.curve)
    confusion = pd.read_csv(current.folder.confusion, index_col="true", dtype={"true": str})
    files.write_bytes(reports / "learning_curve.csv", current.folder.curve.read_bytes())
    draw_curve(current, curve, None)
    plots.confusion_matrix(confusion.to_numpy(), list(confusion.columns), reports / "confusion_matrix.png")
    write_page(current)


def write_page(current: Round, stopped: str = "") -> None:
    """Write reports/campaign.html from what is in the round's folder and in reports/; see `campaign_page`."""
    workspace = current.workspace
    page = campaign_page.campaign_page(workspace, current.id, workspace.settings, stopped)
    files.write_text(workspace.page, page)


def draw_curve(current: Round, curve: pd.DataFrame, twin: pd.DataFrame | None) -> None:
    """Write reports/learning_curve.png, with what random labeling gave where that is known."""
    plots.learning_curve(
        curve,
        current.workspace.reports / "learning_curve.png",
        twin=twin,
        target=current.workspace.settings.stopping.target_accuracy,
        title=current.settings.campaign.name,
        currency=current.settings.annotation.currency,
    )
