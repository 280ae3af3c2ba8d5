"""Addresses and secrets: from the environment or the campaign's .env, never from params.yaml."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Environment(BaseSettings):
    """What labelloop reads from the environment. `.env.example` lists it for users."""

    model_config = SettingsConfigDict(extra="ignore", env_file_encoding="utf-8")

    mlflow_tracking_uri: str | None = Field(
        None, description="MLflow server. Default: mlflow.db in the campaign's folder."
    )
    prefect_api_url: str | None = Field(
        None, description="Prefect server. Default: a private one for the time of the command."
    )
    label_studio_url: str | None = Field(None, description="Label Studio server, for that labeling tool.")
    label_studio_api_key: SecretStr | None = Field(
        None, description="Token of an account on it that may manage the project: a personal access token or "
        "a legacy one.",
    )  # fmt: skip
    labelloop_task_runner: str | None = Field(
        None, description="Where shards of the pool are scored: threads (the default), processes, dask, ray, "
        "or a task runner by import path. From the process's environment, not from .env.",
    )  # fmt: skip
    labelloop_task_runner_address: str | None = Field(
        None, description="Address of the Dask or Ray cluster. Default: a local one."
    )
    labelloop_webhook_secret: SecretStr | None = Field(
        None, description="What a webhook must carry in its header X-Hook-Secret; for `labelloop webhook`."
    )


def read_environment(root: Path) -> Environment:
    """The environment, with the campaign's .env where a variable is not set."""
    return Environment(_env_file=root / ".env")
