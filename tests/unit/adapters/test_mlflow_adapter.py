"""MLflow: runs are found again, points are never doubled, and the logged model predicts."""

from __future__ import annotations

import dataclasses
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelloop.adapters.mlflow import LoggedModel, RoundRecord, Tracker, open_tracker
from labelloop.adapters.mlflow_record import LONGEST_VALUE, flat_parameters
from labelloop.errors import ToolError

CLASSES = ("cat", "dog", "emu")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A campaign's folder with mlflow.db; making that database takes seconds, so tests share it."""
    folder = tmp_path_factory.mktemp("a campaign")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(elsewhere)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield folder
        assert list(elsewhere.iterdir()) == [], "MLflow left files in the working directory"


@pytest.fixture
def tracker(root: Path, request: pytest.FixtureRequest) -> Tracker:
    """A campaign of the test's own."""
    return open_tracker(None, root, "digits", "digits", campaign_id=request.node.name)


@pytest.fixture
def client(tracker: Tracker) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=tracker.uri)


@pytest.fixture(scope="module")
def learner_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from labelloop.models import make_learner, save_learner

    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(60, 4)).astype(np.float32)
    learner = make_learner("logistic", n_classes=3, seed=0, options={}, input_kind="features")
    learner.observe([inputs])
    learner.fit(inputs, np.arange(60) % 3)
    folder = tmp_path_factory.mktemp("learner") / "model"
    save_learner(learner, "logistic", folder)
    return folder


def record(round_id: str = "r000", **changes: Any) -> RoundRecord:
    number = int(round_id[1:])
    made = RoundRecord(
        round_id=round_id,
        settings={"acquisition": {"strategy": "margin", "batch_size": 40}},
        metrics={"accuracy": 0.5 + number / 10, "ece": None, "log_loss": float("nan")},
        labels_used=40 * (number + 1),
        snapshot=f"rounds/{round_id}/labels.parquet",
        digest="d" * 32,
        tags={"git_commit": "abc"},
    )
    return dataclasses.replace(made, **changes)


def rounds_of(client: Any, tracker: Tracker) -> list[Any]:
    wanted = f"tags.`mlflow.parentRunId` = '{tracker.run_id}'"
    return list(client.search_runs([tracker.experiment_id], wanted))


def points(client: Any, run_id: str, name: str) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in client.get_metric_history(run_id, name)]


def test_a_campaign_is_found_again(tracker: Tracker, root: Path) -> None:
    again = open_tracker(None, root, "digits", "digits", campaign_id=tracker.campaign_id)
    assert (again.run_id, again.experiment_id) == (tracker.run_id, tracker.experiment_id)


def test_campaigns_of_one_name_but_another_id_are_apart(tracker: Tracker, root: Path) -> None:
    other = open_tracker(None, root, "digits", "digits", campaign_id="another")
    assert other.run_id != tracker.run_id
    assert open_tracker(None, root, "digits", "digits", campaign_id="another").run_id == other.run_id


def test_a_round_is_one_nested_run_however_often_it_is_logged(
    tracker: Tracker, client: Any, root: Path
) -> None:
    first = tracker.log_round(record())
    again = open_tracker(None, root, "digits", "digits", tracker.campaign_id)
    assert tracker.log_round(record()) == again.log_round(record()) == first
    assert [run.info.run_id for run in rounds_of(client, tracker)] == [first]
    assert points(client, first, "accuracy") == [(40, 0.5)]


def test_the_campaigns_run_has_one_point_a_round_at_the_labels_used(tracker: Tracker, client: Any) -> None:
    for round_id in ("r000", "r001", "r000", "r001"):
        tracker.log_round(record(round_id))
    assert points(client, tracker.run_id, "accuracy") == [(40, 0.5), (80, 0.6)]


def test_metrics_that_are_unknown_are_left_out(tracker: Tracker, client: Any) -> None:
    run = client.get_run(tracker.log_round(record()))
    assert set(run.data.metrics) == {"accuracy"}


def test_a_round_whose_logging_was_killed_is_completed_in_the_same_run(
    tracker: Tracker, client: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    picture = tmp_path / "learning_curve.png"
    picture.write_bytes(b"png")
    killed = record(pictures=(picture,))

    def kill(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("mlflow.MlflowClient.log_artifact", kill)
        tracker.log_round(killed)
    (half,) = rounds_of(client, tracker)
    assert half.info.status == "RUNNING"
    assert tracker.log_round(killed) == half.info.run_id
    assert client.get_run(half.info.run_id).info.status == "FINISHED"
    assert (
        points(client, half.info.run_id, "accuracy")
        == points(client, tracker.run_id, "accuracy")
        == [(40, 0.5)]
    )
    for run_id in (half.info.run_id, tracker.run_id):
        assert [file.path for file in client.list_artifacts(run_id)] == ["learning_curve.png"]


def test_a_round_with_another_result_is_brought_up_to_date(tracker: Tracker, client: Any) -> None:
    first = tracker.log_round(record())
    assert tracker.log_round(record(metrics={"accuracy": 0.7}, digest="e" * 32)) == first
    run = client.get_run(first)
    assert run.data.metrics["accuracy"] == 0.7
    assert run.data.tags["labelloop.snapshot"] == "e" * 32


def test_the_snapshot_is_the_rounds_training_dataset(tracker: Tracker, client: Any) -> None:
    (dataset_input,) = client.get_run(tracker.log_round(record())).inputs.dataset_inputs
    assert dataset_input.dataset.digest == "d" * 32
    assert "rounds/r000/labels.parquet" in dataset_input.dataset.source
    assert {tag.key: tag.value for tag in dataset_input.tags}["mlflow.data.context"] == "training"


def test_more_settings_than_one_call_takes_all_arrive(tracker: Tracker, client: Any) -> None:
    settings = {"model": {"options": {f"option_{number}": number for number in range(250)}}}
    run = client.get_run(tracker.log_round(record(settings=settings)))
    assert len(run.data.params) == 250
    assert run.data.params["model.options.option_249"] == "249"


def test_settings_become_flat_text_within_mlflows_limits() -> None:
    flat = flat_parameters({"labels": {"classes": ["ä", "b"], "question": "q" * 9000},
                            "model": {"options": {}}, "a": {"b:c": None, "d(e)": True}})  # fmt: skip
    assert flat == {"labels.classes": '["ä", "b"]', "labels.question": "q" * LONGEST_VALUE,
                    "model.options": "{}", "a.b:c": "null", "a.d_e_": "true"}  # fmt: skip


def test_no_annotators_name_reaches_mlflow() -> None:
    settings = {"annotation": {"annotators": ["ada@example.org"],
                               "routing": {"people": {"ada@example.org": {"tier": "expert"}}},
                               "simulation": {"annotators": [{"name": "ben"}, {"name": "cy"}]}},
                "quality": {"trusted": ["ben"]}}  # fmt: skip
    assert flat_parameters(settings) == {"annotation.annotators.count": "1",
                                         "annotation.routing.people.count": "1",
                                         "annotation.simulation.annotators.count": "2",
                                         "quality.trusted.count": "1"}  # fmt: skip


def test_finish_closes_the_campaigns_run_and_a_further_round_opens_it(tracker: Tracker, client: Any) -> None:
    tracker.log_round(record())
    tracker.finish("budget.labels reached")
    run = client.get_run(tracker.run_id)
    assert (run.info.status, run.data.tags["labelloop.stopped"]) == ("FINISHED", "budget.labels reached")
    tracker.log_round(record())
    assert client.get_run(tracker.run_id).info.status == "FINISHED", "nothing new was logged"
    tracker.log_round(record("r001"))
    assert client.get_run(tracker.run_id).info.status == "RUNNING"


def logged_models(client: Any, tracker: Tracker, run_id: str) -> list[Any]:
    return list(client.search_logged_models([tracker.experiment_id], f"source_run_id = '{run_id}'"))


def test_the_logged_model_predicts_as_the_learner_does(
    tracker: Tracker, client: Any, learner_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loaded with pickles forbidden, from its address alone."""
    import mlflow

    from labelloop.models import load_learner

    rows = np.random.default_rng(1).normal(size=(7, 4)).astype(np.float32)
    run_id = tracker.log_round(record(model=LoggedModel(learner_folder, CLASSES, "features", rows[:2])))
    (model,) = logged_models(client, tracker, run_id)
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracker.uri)
    table = mlflow.pyfunc.load_model(f"models:/{model.model_id}").predict(rows)
    expected = load_learner(learner_folder).predict_proba(rows)
    assert list(table.columns) == ["label", "probability_cat", "probability_dog", "probability_emu"]
    np.testing.assert_allclose(table.iloc[:, 1:].to_numpy(), expected, atol=1e-7)
    assert list(table["label"]) == [CLASSES[code] for code in expected.argmax(axis=1)]
    assert client.get_run(run_id).outputs.model_outputs[0].model_id == model.model_id


def test_no_pickle_is_among_the_logged_files(
    tracker: Tracker, client: Any, learner_folder: Path, root: Path
) -> None:
    example = np.zeros((1, 4), np.float32)
    run_id = tracker.log_round(record(model=LoggedModel(learner_folder, CLASSES, "features", example)))
    (model,) = logged_models(client, tracker, run_id)
    files = [path for path in (root / "mlartifacts/models" / model.model_id).rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".json", ".safetensors", ".py", ".txt", ".yaml", ""}
    assert "MLmodel" in {path.name for path in files}


def test_a_half_logged_model_is_replaced_and_a_whole_one_is_kept(
    tracker: Tracker, client: Any, learner_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged = record(model=LoggedModel(learner_folder, CLASSES, "features", np.zeros((1, 4), np.float32)))

    def kill(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("mlflow.MlflowClient.log_model_artifacts", kill)
        tracker.log_round(logged)
    run_id = tracker.log_round(logged)
    (model,) = logged_models(client, tracker, run_id)
    assert model.status == "READY"
    tracker.log_round(dataclasses.replace(logged, tags={"git_commit": "def"}))
    assert [there.model_id for there in logged_models(client, tracker, run_id)] == [model.model_id]


@pytest.mark.parametrize("kind", ["text", "images"])
def test_text_and_images_have_a_signature_of_their_own(
    kind: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    from labelloop.adapters.mlflow_package import save_model

    seen: list[np.ndarray] = []

    class Recording:
        def predict_proba(self, inputs: np.ndarray) -> np.ndarray:
            seen.append(inputs)
            return np.full((len(inputs), 3), 1 / 3, np.float32)

    monkeypatch.setattr("labelloop.models.load_learner", lambda folder: Recording())
    texts = np.array(["a cat", "two dogs"], dtype=object)
    example = texts if kind == "text" else np.arange(2 * 5 * 6 * 3, dtype=np.uint8).reshape(2, 5, 6, 3)
    (tmp_path / "learner").mkdir()
    (tmp_path / "learner" / "learner.json").write_text("{}")
    save_model(tmp_path / "model", LoggedModel(tmp_path / "learner", CLASSES, kind, example), "run", "m-1")
    saved = str(tmp_path / "model")
    table = mlflow.pyfunc.load_model(saved).predict(mlflow.models.Model.load(saved).load_input_example(saved))
    assert len(table) == 2
    np.testing.assert_array_equal(seen[-1], example)
    assert seen[-1].dtype == (object if kind == "text" else np.uint8)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_server_that_is_down_is_told_soon_and_without_the_password(tmp_path: Path) -> None:
    start = time.monotonic()
    with pytest.raises(ToolError, match=r"tracking\.enabled: false") as refused:
        open_tracker(f"http://ada:secret@127.0.0.1:{free_port()}", tmp_path, "digits", "digits")
    assert time.monotonic() - start < 20
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "uri", ["sqlite:////nowhere/at/all/mlflow.db", "nosuchscheme://x", "postgresql://a:b@h:1/d"]
)
def test_an_address_that_cannot_be_is_told_soon(uri: str, tmp_path: Path) -> None:
    start = time.monotonic()
    with pytest.raises(ToolError, match="MLFLOW_TRACKING_URI"):
        open_tracker(uri, tmp_path, "digits", "digits")
    assert time.monotonic() - start < 20


def test_a_deleted_experiment_is_told_with_the_way_back(tracker: Tracker, root: Path, client: Any) -> None:
    other = open_tracker(None, root, "to be deleted", "digits")
    client.delete_experiment(other.experiment_id)
    with pytest.raises(ToolError, match="mlflow experiments restore"):
        open_tracker(None, root, "to be deleted", "digits")


def test_a_defect_of_ours_is_not_blamed_on_the_server(tracker: Tracker) -> None:
    with pytest.raises(AttributeError):
        tracker.log_round(record(metrics=None))


def test_a_trackers_password_is_not_in_its_text(tracker: Tracker) -> None:
    assert "secret" not in repr(dataclasses.replace(tracker, uri="http://ada:secret@host"))


def test_nothing_is_printed(
    tracker: Tracker, capfd: pytest.CaptureFixture[str], learner_folder: Path
) -> None:
    example = np.zeros((1, 4), np.float32)
    tracker.log_round(record(model=LoggedModel(learner_folder, CLASSES, "features", example)))
    tracker.finish("max_rounds")
    assert capfd.readouterr() == ("", "")


def test_importing_the_adapter_does_not_import_mlflow() -> None:
    code = "import sys, labelloop.adapters.mlflow; sys.exit('mlflow' in sys.modules)"
    subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3], env=dict(os.environ)
    )
