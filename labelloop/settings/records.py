"""Where rounds are written down: MLflow, DVC, git."""

from __future__ import annotations

from pydantic import Field

from labelloop.settings.section import Section


class Tracking(Section):
    """MLflow. The server's address is MLFLOW_TRACKING_URI; without it, mlflow.db in the campaign's folder."""

    enabled: bool = Field(True, description="Log every round to MLflow.")
    experiment: str | None = Field(None, description="Experiment name. Default: the campaign's name.")
    log_model: bool = Field(True, description="Log every round's model too, with its signature.")
    log_people: bool = Field(
        True, description="Log the report and the page of annotators, which name people. Trackers are often "
        "shared more widely than campaigns: false keeps both in the campaign's folder."
    )  # fmt: skip


class Versioning(Section):
    """DVC and git."""

    enabled: bool = Field(True, description="Put every snapshot into DVC's cache and dvc.lock.")
    git_commit: bool = Field(True, description="Commit the campaign's files after every round.")
    git_tag: bool = Field(True, description="Tag every snapshot 'labels/<campaign>/<round>'.")
    remote: str | None = Field(None, description="DVC remote that gets every snapshot, by its name.")
