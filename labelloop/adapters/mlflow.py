"""MLflow: one run a campaign, with one nested run a round.

The campaign's run draws accuracy against labels (its metrics have the labels used as their step); a round's
run holds the settings, the snapshot's digest, the metrics, the pictures and the model. Runs are found again
by their tags, never by a file of ours, so a retry or a rerun after a crash goes on with the same runs and
adds no point twice. Only the client is used: MLflow's notion of an active run and a current address belongs
to the user's process and stays as it is.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from labelloop.adapters.mlflow_package import save_model
from labelloop.adapters.mlflow_record import LoggedModel, RoundRecord, flat_parameters
from labelloop.errors import ToolError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, Run

__all__ = ["LoggedModel", "RoundRecord", "Tracker", "open_tracker"]

_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # MLflow's own patience is minutes; a campaign must not stand still for a server that is down.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
_PARAMETERS_A_CALL = 100
_OUTSIDE = {"mlflow", "requests", "urllib3", "sqlalchemy", "alembic"}


@dataclass(frozen=True)
class Tracker:
    """A campaign in MLflow. Made by `open_tracker`."""

    uri: str = field(repr=False)  # may hold a password
    experiment_id: str
    campaign: str
    campaign_id: str
    run_id: str
    """The campaign's run."""
    _client: MlflowClient = field(repr=False)

    def log_round(self, record: RoundRecord) -> str:
        """Log a round, or bring what is there of it up to date; return its run's id.

        Raises:
            ToolError: the server does not answer or refuses; the same call may be made again.
        """
        with _readable(self.uri, f"log round {record.round_id}"):
            run = self._round_run(record.round_id)
            if run.data.tags.get("labelloop.logged") == record.fingerprint:
                return run.info.run_id
            campaign_run = self._client.get_run(self.run_id)
            if campaign_run.info.status != "RUNNING":
                self._client.update_run(self.run_id, status="RUNNING")
            self._log_facts(run, record)
            for path in (*record.pictures, *record.artifacts):
                self._client.log_artifact(run.info.run_id, str(path))
            if record.model is not None:
                self._log_model(run.info.run_id, record, record.model)
            self._log_metrics(campaign_run, record.known_metrics, record.labels_used)
            for path in record.pictures:
                self._client.log_artifact(self.run_id, str(path))
            self._client.set_terminated(run.info.run_id, status="FINISHED")
            # Last, so that the tag means that everything before it is there, the run's end included.
            self._client.set_tag(run.info.run_id, "labelloop.logged", record.fingerprint)
        return run.info.run_id

    def finish(self, reason: str) -> None:
        """Close the campaign's run as finished. A round logged later opens it again."""
        with _readable(self.uri, "finish the campaign's run"):
            self._client.set_tag(self.run_id, "labelloop.stopped", reason)
            self._client.set_terminated(self.run_id, status="FINISHED")

    def _round_run(self, round_id: str) -> Run:
        tags = {"labelloop.kind": "round", "labelloop.campaign": self.campaign,
                "labelloop.campaign_id": self.campaign_id, "labelloop.round": round_id,
                "mlflow.parentRunId": self.run_id}  # fmt: skip
        return _find_or_create(self._client, self.experiment_id, tags, name=f"{self.campaign} {round_id}")

    def _log_facts(self, run: Run, record: RoundRecord) -> None:
        from mlflow.entities import Param, RunTag

        parameters = flat_parameters(record.settings)
        new = [Param(key, value) for key, value in parameters.items() if key not in run.data.params]
        for start in range(0, len(new), _PARAMETERS_A_CALL):
            self._client.log_batch(run.info.run_id, params=new[start : start + _PARAMETERS_A_CALL])
        tags = {
            **record.tags,
            "labelloop.snapshot": record.digest,
            "labelloop.labels_used": record.labels_used,
        }
        self._client.log_batch(run.info.run_id, tags=[RunTag(key, str(tags[key])) for key in tags])
        self._client.log_inputs(run.info.run_id, datasets=[_dataset(self.campaign, record)])
        self._log_metrics(run, record.known_metrics, record.labels_used)

    def _log_metrics(self, run: Run, metrics: Mapping[str, float], step: int) -> None:
        """Add points that are not there yet."""
        from mlflow.entities import Metric

        run_id, now = run.info.run_id, int(time.time() * 1000)
        new = []
        for name, value in metrics.items():
            history = self._client.get_metric_history(run_id, name) if name in run.data.metrics else []
            if (step, value) not in {(point.step, point.value) for point in history}:
                new.append(Metric(name, value, now, step))
        if new:
            self._client.log_batch(run_id, metrics=new)

    def _log_model(self, run_id: str, record: RoundRecord, model: LoggedModel) -> None:
        from mlflow.entities import LoggedModelOutput, LoggedModelStatus

        tags = {"labelloop.snapshot": record.digest, "labelloop.round": record.round_id}
        for there in self._client.search_logged_models([self.experiment_id], f"source_run_id = '{run_id}'"):
            if there.status == LoggedModelStatus.READY and tags.items() <= there.tags.items():
                return
            if there.status == LoggedModelStatus.PENDING:
                self._client.delete_logged_model(there.model_id)
        name = f"{self.campaign}-{record.round_id}"
        logged = self._client.create_logged_model(self.experiment_id, name, source_run_id=run_id, tags=tags)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model"
            save_model(path, model, run_id, logged.model_id)
            self._client.log_model_artifacts(logged.model_id, str(path))
        self._client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=record.labels_used)])
        self._client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)


def open_tracker(
    uri: str | None, root: Path, experiment: str, campaign: str, campaign_id: str | None = None
) -> Tracker:
    """Connect to MLflow and find, or make, the campaign's experiment and run.

    Args:
        uri: the tracking server's or database's address; None means mlflow.db in the campaign's folder, with
            artifacts in mlartifacts beside it.
        root: the campaign's folder.
        experiment: the experiment's name.
        campaign: the campaign's name.
        campaign_id: tells campaigns of the same name apart on a shared server, such as a digest; without
            quotation marks. The name where it is None.

    Raises:
        ToolError: nothing answers there, or what is there does not fit.
    """
    local = not uri
    address = uri or f"sqlite:///{(root / 'mlflow.db').resolve().as_posix()}"
    with _readable(address, "open the campaign"):
        client = _connect(address)
        location = (root / "mlartifacts").resolve().as_uri() if local else None
        experiment_id = _experiment(client, experiment, location)
        identity = campaign_id or campaign
        tags = {"labelloop.kind": "campaign", "labelloop.campaign": campaign,
                "labelloop.campaign_id": identity}  # fmt: skip
        run = _find_or_create(client, experiment_id, tags, name=campaign)
    return Tracker(address, experiment_id, campaign, identity, run.info.run_id, client)


def _connect(uri: str) -> MlflowClient:
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from mlflow import MlflowClient

    if not uri.startswith(("http:", "https:", "file:", "databricks")) and "://" in uri:
        _try_database(uri)
    return MlflowClient(tracking_uri=uri)


def _try_database(uri: str) -> None:
    """Connect once: MLflow tries again for nearly an hour when a database does not answer."""
    import sqlalchemy

    # SQLite's argument of the same purpose means something else: how long to wait for a lock.
    networked = uri.startswith(("postgres", "mysql"))
    timeout = {"connect_timeout": int(os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"])} if networked else {}
    try:
        engine = sqlalchemy.create_engine(uri, connect_args=timeout)
    except ImportError as error:
        raise ToolError(
            f"a database of the kind {uri.partition(':')[0]} needs the Python package '{error.name}'; "
            "install it, or set MLFLOW_TRACKING_URI to a tracking server's address"
        ) from error
    try:
        with engine.connect():
            pass
    finally:
        engine.dispose()


def _experiment(client: MlflowClient, name: str, artifact_location: str | None) -> str:
    from mlflow.exceptions import MlflowException

    for attempt in (1, 2):
        there = client.get_experiment_by_name(name)
        if there is not None:
            if there.lifecycle_stage == "deleted":
                raise ToolError(
                    f"the MLflow experiment '{name}' is deleted; restore it with `mlflow experiments restore "
                    f"--experiment-id {there.experiment_id}`, or set tracking.experiment to another name"
                )
            return there.experiment_id
        try:
            return client.create_experiment(name, artifact_location=artifact_location)
        except MlflowException as error:
            # Another campaign made it in the meantime.
            if attempt == 2 or error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
    raise AssertionError("unreachable")


def _find_or_create(client: MlflowClient, experiment_id: str, tags: Mapping[str, str], name: str) -> Run:
    wanted = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
    found = client.search_runs([experiment_id], wanted, max_results=1, order_by=["attributes.start_time ASC"])
    # The tags are part of the creation: no crash leaves a run that is not found again.
    return found[0] if found else client.create_run(experiment_id, tags=dict(tags), run_name=name)


def _dataset(campaign: str, record: RoundRecord) -> DatasetInput:
    """The snapshot by name and digest (what mlflow.data.MetaDataset describes), without its content."""
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = CodeDatasetSource({"path": record.snapshot, "campaign": campaign, **record.tags})
    name = f"{campaign}/{record.round_id}"
    tags = [InputTag("mlflow.data.context", "training"), InputTag("dvc_md5", record.digest)]
    return DatasetInput(Dataset(name, record.digest, source_type="code", source=source.to_json()), tags)


@contextlib.contextmanager
def _readable(uri: str, doing: str) -> Iterator[None]:
    """Turn what MLflow and what is below it raise into one message, without the address's password."""
    try:
        yield
    except ToolError:
        raise
    except Exception as error:
        if not _is_from_outside(error):
            raise
        shown, said = (re.sub(r"//[^/@\s]*@", "//***@", text) for text in (uri, str(error)[:800]))
        raise ToolError(
            f"MLflow at {shown} could not {doing}: {said}. The campaign is intact. Start the server or "
            "correct MLFLOW_TRACKING_URI and run the same command again, or set tracking.enabled: false"
        ) from error


def _is_from_outside(error: Exception) -> bool:
    """Whether the server, the database, the disk or the network is to blame, rather than this code."""
    modules = {base.__module__.partition(".")[0] for base in type(error).__mro__}
    return isinstance(error, OSError) or not modules.isdisjoint(_OUTSIDE)
