"""An option that names what the pool does not have opens no round; a round that is stuck gets out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from labelloop import datasets
from labelloop.campaign import CampaignSettings
from labelloop.datasets.base import Prepared
from labelloop.errors import SettingsError
from labelloop.ledger import Ledger
from labelloop.readiness import check_round
from labelloop.stages.named_options import check_named_options
from labelloop.workspace import Workspace

IDS = [f"{number}" for number in range(5000, 5060)]
"""Ids that look like numbers, none of which is a row number."""

SETTINGS: dict[str, Any] = {
    "campaign": {"name": "named", "seed": 1},
    "dataset": {"kind": "table", "path": "rows.csv", "label_column": "label", "id_column": "id"},
    "model": {"name": "logistic", "pool": "none"},
    "acquisition": {"strategy": "margin", "batch_size": 6},
    "annotation": {"overlap": 1, "test_overlap": 1},
    "evaluation": {"test_size": 10, "bootstrap": 20},
    "stopping": {"max_rounds": 1},
    "tracking": {"enabled": False},
    "versioning": {"enabled": False, "git_commit": False, "git_tag": False},
}


def settings_of(acquisition: dict[str, Any]) -> CampaignSettings:
    return CampaignSettings.model_validate({**SETTINGS, "acquisition": {"batch_size": 6, **acquisition}})


def start(folder: Path, labelloop: Callable[..., Any], acquisition: dict[str, Any] | None = None) -> None:
    labelloop("init", folder)
    random = np.random.default_rng(0)
    rows = pd.DataFrame(random.normal(size=(len(IDS), 3)), columns=list("abc"))
    label = ["spam" if value > 0 else "2" for value in rows["a"]]
    rows.assign(id=IDS, label=label).to_csv(folder / "rows.csv", index=False)
    ask(folder, acquisition or {})


def ask(folder: Path, acquisition: dict[str, Any]) -> None:
    changed = {**SETTINGS, "acquisition": {**SETTINGS["acquisition"], **acquisition}}
    (folder / "params.yaml").write_text(yaml.safe_dump(changed))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, labelloop: Callable[..., Any]) -> Path:
    """A campaign whose pool is prepared; classes are '2' and 'spam'."""
    folder = tmp_path_factory.mktemp("campaign")
    start(folder, labelloop)
    assert labelloop("run", "--plain", folder).code == 0
    return folder


@pytest.fixture
def prepared(folder: Path) -> Prepared:
    return datasets.open_prepared(folder / "data")


def in_mix(strategy: str, options: dict[str, Any]) -> dict[str, Any]:
    return {"compose": {"mix": {"margin": 0.5, strategy: 0.5}, "mix_options": {strategy: options}}}


MISTAKES: dict[str, tuple[str, dict[str, Any], str]] = {
    "rare-class": ("rare_class", {"label": "spamm"}, "'spamm', which is no class; there are: 2, spam"),
    "hard-negatives": ("hard_negatives", {"label": "ham"}, "'ham', which is no class"),
    "code": ("rare_class", {"label": 7}, "7, which is no class"),
    "switch": ("hard_negatives", {"label": True}, "True, which is no class"),
    "row": (
        "error_based",
        {"wrong": [3, 99999]},
        "99999, which is no id of the pool and no row from 0 to 59",
    ),
    "id": ("error_based", {"wrong": ["5001", "x"]}, "'x', which is no id"),
    "quoted-row": ("error_based", {"wrong": ["3"]}, "'3', which is no id"),
    "fraction": ("error_based", {"wrong": [1.5]}, "1.5, which is no id"),
    "no-list": ("error_based", {"wrong": 5001}, "must be a list"),
    "nothing": ("error_based", {"wrong": None}, "must be a list"),
}


@pytest.mark.parametrize(("strategy", "options", "says"), MISTAKES.values(), ids=MISTAKES.keys())
def test_what_select_would_refuse_is_refused_before_a_round_is_opened(
    strategy: str, options: dict[str, Any], says: str, prepared: Prepared, folder: Path
) -> None:
    """The strategy's own and those of the mix, each under its key."""
    for acquisition, key in (
        ({"strategy": strategy, "options": options}, "acquisition.options: "),
        (in_mix(strategy, options), f"acquisition.compose.mix_options.{strategy}: "),
    ):
        with pytest.raises(SettingsError) as refused:
            check_round(Workspace.at(folder), settings_of(acquisition), prepared)
        assert str(refused.value).startswith(key) and says in str(refused.value)


def test_costs_that_do_not_fit_the_pool_are_refused(prepared: Prepared) -> None:
    """`relabel` is no part of a mix."""
    with pytest.raises(SettingsError, match=r"acquisition\.options: costs have shape"):
        check_named_options(prepared, settings_of({"strategy": "relabel", "options": {"costs": [1, 2]}}))


@pytest.mark.parametrize(
    ("strategy", "options"),
    [
        ("rare_class", {"label": "spam"}),
        ("rare_class", {"label": 2}),
        ("rare_class", {"label": None}),
        ("hard_negatives", {"label": 0}),
        ("error_based", {"wrong": [5001, "5002", 0, 59]}),
        ("error_based", {"wrong": []}),
        ("error_based", {"wrong": "complaints.csv"}),
    ],
)
def test_what_is_there_is_let_through(strategy: str, options: dict[str, Any], prepared: Prepared) -> None:
    """A class named by a number, an id that looks like one, a row number, a file that is read elsewhere."""
    for acquisition in ({"strategy": strategy, "options": options}, in_mix(strategy, options)):
        check_named_options(prepared, settings_of(acquisition))


def test_nobody_is_asked_before_a_typo_is_found(tmp_path: Path, labelloop: Callable[..., Any]) -> None:
    """No round is opened, and params.yaml, corrected, is followed at once."""
    start(tmp_path, labelloop, {"strategy": "rare_class", "options": {"label": "spamm"}})
    said = labelloop("run", "--plain", tmp_path)
    assert (
        said.code == 2
        and "acquisition.options: strategy 'rare_class': the option 'label' is 'spamm'" in said.error
    )
    assert Ledger.read(tmp_path / "rounds.yaml").open is None
    ask(tmp_path, {"strategy": "rare_class", "options": {"label": "spam"}})
    assert labelloop("run", "--plain", tmp_path).code == 0


FAULTY = """
from labelloop.acquisition.base import needs
from labelloop.errors import SettingsError


@needs()
def pick(context, batch_size):
    raise SettingsError("this strategy goes with no such pool")
"""


def test_a_round_that_its_settings_hold_up_is_opened_anew(
    tmp_path: Path, labelloop: Callable[..., Any]
) -> None:
    """The error names the way out; before it is gone params.yaml changes nothing, after it all goes on."""
    start(tmp_path, labelloop, {"cold_start": "faulty_picker:pick"})
    (tmp_path / "faulty_picker.py").write_text(FAULTY)
    for cold_start in ("faulty_picker:pick", "random"):
        ask(tmp_path, {"cold_start": cold_start})
        said = labelloop("run", "--plain", tmp_path)
        assert said.code == 2 and "goes with no such pool. Nobody was asked in r000 yet" in said.error
        assert f"`labelloop approve --reopen {tmp_path}`" in said.error
    opened = labelloop("approve", "--reopen", tmp_path)
    assert opened.code == 0, opened.error
    assert list((tmp_path / ".labelloop" / "rejected").glob("r000-*/settings.yaml"))
    assert labelloop("run", "--plain", tmp_path).code == 0
    assert len(pd.read_parquet(tmp_path / "rounds" / "r000" / "batch.parquet"))


def test_a_round_that_people_were_asked_about_stays(tmp_path: Path, labelloop: Callable[..., Any]) -> None:
    """Also where it waits for answers, or is closed."""
    start(tmp_path, labelloop)
    tool = yaml.safe_load((tmp_path / "params.yaml").read_text())
    tool["annotation"]["tool"] = "files"
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(tool))
    assert labelloop("advance", "--plain", tmp_path).code == 0
    before = (tmp_path / "rounds.yaml").read_bytes()
    said = labelloop("approve", "--reopen", tmp_path)
    assert said.code == 2 and "r000 was pushed: people may have been asked" in said.error
    assert (tmp_path / "rounds.yaml").read_bytes() == before
    assert (tmp_path / "rounds" / "r000" / "pushed.jsonl").exists()


def test_without_an_open_round_there_is_none_to_open_anew(
    folder: Path, labelloop: Callable[..., Any]
) -> None:
    said = labelloop("approve", "--reopen", folder)
    assert said.code == 2 and "no round is open" in said.error
