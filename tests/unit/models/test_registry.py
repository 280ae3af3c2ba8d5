"""Learners by name: what is resolved, and what each mistake is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from labelloop.errors import DamagedFileError, SettingsError
from labelloop.models import load_learner, make_learner, resolve_model_name, save_learner

OWN = """
import json

class Constant:
    def __init__(self, n_classes, seed, strength=1.0):
        self.n_classes = n_classes
        self.strength = strength
    def observe(self, shards): pass
    def fit(self, inputs, targets, sample_weight=None): return self
    def predict_proba(self, inputs): pass
    def embed(self, inputs): pass
    def save(self, folder):
        (folder / "own.json").write_text(json.dumps([self.n_classes, self.strength]))
    @classmethod
    def load(cls, folder):
        n_classes, strength = json.loads((folder / "own.json").read_text())
        return cls(n_classes, 0, strength)

class Half:
    def __init__(self, n_classes, seed): pass
    def fit(self, inputs, targets, sample_weight=None): return self

number = 3
"""


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module in the current directory; its name is unique, as modules stay imported."""
    name = f"own_learner_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return name


@pytest.mark.parametrize(
    ("kind", "name"), [("text", "tfidf_logistic"), ("features", "logistic"), ("images", "convnet")]
)
def test_auto_goes_by_the_kind_of_input(kind: str, name: str) -> None:
    assert resolve_model_name("auto", kind) == name


@pytest.mark.parametrize(
    ("name", "kind", "able"),
    [("convnet", "features", "logistic, mlp"), ("logistic", "text", "tfidf_logistic")],
)
def test_a_learner_that_cannot_take_the_input_names_those_that_can(name: str, kind: str, able: str) -> None:
    with pytest.raises(SettingsError, match=able):
        resolve_model_name(name, kind)


@pytest.mark.parametrize("name", ["logistic", "mlp"])
def test_learners_of_features_accept_images(name: str) -> None:
    assert resolve_model_name(name, "images") == name


def test_a_misspelt_learner_gets_the_nearest_name() -> None:
    with pytest.raises(SettingsError, match="did you mean 'logistic'"):
        resolve_model_name("logistik", "features")


def test_a_misspelt_option_gets_the_nearest_and_the_list() -> None:
    with pytest.raises(
        SettingsError, match=r"did you mean 'max_iter'\? Its options: c, max_iter, class_weight"
    ):
        make_learner("logistic", n_classes=2, seed=0, options={"maxiter": 5}, input_kind="features")


def test_an_option_that_the_campaign_gives_is_refused() -> None:
    with pytest.raises(SettingsError, match="given by the campaign"):
        make_learner("logistic", n_classes=2, seed=0, options={"seed": 5}, input_kind="features")


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("logistic", "c", 0),
        ("logistic", "c", "much"),
        ("logistic", "class_weight", "even"),
        ("mlp", "hidden", [0]),
        ("mlp", "epochs", 1.5),
        ("mlp", "device", "tpu"),
        ("mlp", "dropout", 1),
        ("mlp", "learning_rate", float("nan")),
        ("convnet", "augment", "yes"),
        ("convnet", "width", True),
    ],
)
def test_an_option_out_of_range_is_named_with_its_value(name: str, option: str, value: object) -> None:
    with pytest.raises(SettingsError, match=f"model.options.{option} is"):
        make_learner(name, n_classes=2, seed=0, options={option: value}, input_kind="images")


def test_fewer_than_two_classes_are_refused() -> None:
    with pytest.raises(SettingsError, match="two classes"):
        make_learner("logistic", n_classes=1, seed=0, options={}, input_kind="features")


def test_the_users_own_learner_is_found_in_the_current_directory(own_module: str) -> None:
    learner = make_learner(
        f"{own_module}:Constant", n_classes=3, seed=0, options={"strength": 2.0}, input_kind="text"
    )
    assert (learner.n_classes, learner.strength) == (3, 2.0)  # type: ignore[attr-defined]


def test_the_users_own_learner_survives_saving(own_module: str, tmp_path: Path) -> None:
    name = f"{own_module}:Constant"
    learner = make_learner(name, n_classes=3, seed=0, options={"strength": 2.0}, input_kind="text")
    save_learner(learner, name, tmp_path / "model")
    loaded = load_learner(tmp_path / "model")
    assert type(loaded) is type(learner)
    assert loaded.strength == 2.0  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no_such_module_here:Model", "no module 'no_such_module_here'"),
        ("{own}:Missing", "has no class 'Missing'"),
        ("{own}:number", "not a class"),
        ("{own}:Half", r"lacks observe\(\), predict_proba\(\), embed\(\), save\(\), load\(\)"),
        ("{own}:", "'package.module:Class'"),
    ],
)
def test_what_is_wrong_with_the_users_own_learner_is_named(own_module: str, name: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        make_learner(name.format(own=own_module), n_classes=2, seed=0, options={}, input_kind="features")


def test_an_unknown_option_of_the_users_own_learner_lists_the_real_ones(own_module: str) -> None:
    with pytest.raises(SettingsError, match="Its options: strength"):
        make_learner(f"{own_module}:Constant", n_classes=2, seed=0, options={"power": 1}, input_kind="text")


def saved_logistic(folder: Path) -> Path:
    learner = make_learner("logistic", n_classes=3, seed=4, options={"c": 0.5}, input_kind="features")
    learner.observe([np.eye(5, dtype=np.float32)])
    save_learner(learner, "auto", folder)
    return folder / "learner.json"


def test_the_description_says_what_was_made(tmp_path: Path) -> None:
    described = json.loads(saved_logistic(tmp_path / "model").read_text())
    assert described == {
        "name": "logistic",
        "n_classes": 3,
        "input_kind": "features",
        "options": {"c": 0.5},
        "seed": 4,
        "pool": "none",
        "fitted": False,
    }


def test_a_loaded_learner_can_be_saved_again_to_the_same_bytes(tmp_path: Path) -> None:
    saved_logistic(tmp_path / "one")
    save_learner(load_learner(tmp_path / "one"), "logistic", tmp_path / "two")
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_saving_over_a_folder_leaves_nothing_of_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old.bin").write_text("old")
    saved_logistic(tmp_path / "model")
    assert not (tmp_path / "model" / "old.bin").exists()


@pytest.mark.parametrize(
    ("key", "value", "error", "says"),
    [
        ("name", "logistik", SettingsError, "logistik"),
        ("n_classes", 7, DamagedFileError, "7 classes"),
        ("seed", None, DamagedFileError, "lacks the key 'seed'"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(
    tmp_path: Path, key: str, value: object, error: type[Exception], says: str
) -> None:
    path = saved_logistic(tmp_path / "model")
    described = json.loads(path.read_text())
    if value is None:
        del described[key]
    else:
        described[key] = value
    path.write_text(json.dumps(described))
    with pytest.raises(error, match=says):
        load_learner(tmp_path / "model")


def test_a_damaged_array_file_is_named(tmp_path: Path) -> None:
    path = saved_logistic(tmp_path / "model").parent / "logistic.safetensors"
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(DamagedFileError, match=r"logistic\.safetensors is damaged"):
        load_learner(tmp_path / "model")


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match="does not hold a saved model"):
        load_learner(tmp_path)


def test_importing_the_package_loads_no_slow_library() -> None:
    check = (
        "import sys, labelloop.models; print([m for m in ('torch', 'sklearn', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
