"""The loop: what changed in params.yaml is told, what a campaign keeps is kept, wrong names open no round."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from labelloop import loop
from labelloop.campaign import CampaignSettings, load_settings
from labelloop.errors import SettingsError
from labelloop.kept_settings import keep_held, pending_changes
from labelloop.ledger import Entry, Ledger, freeze, write_frozen
from labelloop.loop import Stopped, first_batch_size, play_round
from labelloop.readiness import check_names
from labelloop.stages.collect import Waiting
from labelloop.stages.prepare import freeze_data
from labelloop.workspace import Workspace

# A round that opens settles `model.pool: auto`; these rounds are made by hand.
PARAMS: dict[str, Any] = {
    "campaign": {"name": "c"}, "labels": {"classes": ["a", "b"]}, "model": {"pool": "none"},
}  # fmt: skip


def params(folder: Path, **changes: dict[str, Any]) -> CampaignSettings:
    content = {name: PARAMS.get(name, {}) | changes.get(name, {}) for name in {**PARAMS, **changes}}
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    return load_settings(folder / "params.yaml")


@pytest.fixture
def opened(tmp_path: Path) -> Workspace:
    """A campaign with one round open."""
    settings = params(tmp_path)
    workspace = Workspace.at(tmp_path)
    ledger = Ledger(workspace.ledger, prepare=freeze_data(settings), open=Entry("r000", "data/start"))
    ledger.write()
    frozen = freeze(settings, Entry("r000", "data/start"), new_items=9, control_before=0.0)
    write_frozen(workspace.round("r000").settings, frozen)
    return workspace


def test_nothing_is_told_where_nothing_changed(opened: Workspace) -> None:
    """Nor of what looks ahead only: stopping, budgets, tracking and versioning apply at once."""
    assert pending_changes(opened) == []
    params(opened.root, stopping={"max_rounds": 3}, budget={"labels": 9}, tracking={"enabled": False},
           versioning={"remote": "x"})  # fmt: skip
    assert pending_changes(opened) == []


@pytest.mark.parametrize(
    ("section", "key", "value", "said"),
    [
        ("acquisition", "strategy", "entropy", "acquisition.strategy changed from 'auto' to 'entropy'"),
        ("model", "options", {"c": 2}, "model.options.c changed from None to 2"),
        ("annotation", "overlap", 2, "annotation.overlap changed from 3 to 2"),
        ("labels", "question", "Which?", "labels.question changed from 'Which class is it?' to 'Which?'"),
        ("fusion", "options", {"smoothing": 2}, "fusion.options.smoothing changed from None to 2"),
        ("evaluation", "interval", 0.9, "evaluation.interval changed from 0.95 to 0.9"),
    ],
)
def test_a_change_for_the_next_round_is_told_with_its_values(
    section: str, key: str, value: Any, said: str, opened: Workspace
) -> None:
    """One line: key, from what, to what, from which round, and that the open one keeps what it has."""
    params(opened.root, **{section: {key: value}})
    (line,) = pending_changes(opened)
    assert line == (
        f"params.yaml: {said}; applies from round r001 (round r000 keeps what it was opened with)"
    )


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("campaign", "name", "d"),
        ("campaign", "seed", 9),
        ("dataset", "duplicates", "keep"),
        ("labels", "classes", ["a", "b", "c"]),
        ("evaluation", "test_size", 50),
    ],
)
def test_a_change_without_effect_is_told_once_and_kept_out(
    section: str, key: str, value: Any, opened: Workspace
) -> None:
    """The campaign goes on with what it began with, whatever the file says."""
    changed = params(opened.root, **{section: {key: value}})
    (line,) = pending_changes(opened)
    assert line.startswith(f"params.yaml: {section}.{key} changed from ") and "no effect" in line
    held = keep_held(changed, Ledger.read(opened.ledger))
    first = CampaignSettings.model_validate(PARAMS)
    assert getattr(getattr(held, section), key) == getattr(getattr(first, section), key)


def test_before_the_first_round_everything_may_change(tmp_path: Path) -> None:
    """The pool was made but nobody was asked: another name or pool is no change to tell."""
    ledger = Ledger(tmp_path / "rounds.yaml", prepare=freeze_data(params(tmp_path)))
    ledger.write()
    changed = params(tmp_path, campaign={"name": "other", "seed": 5}, evaluation={"test_size": 7})
    assert pending_changes(Workspace.at(tmp_path)) == []
    assert keep_held(changed, ledger) == changed


def test_a_round_is_played_in_order_until_somebody_must_be_waited_for(tmp_path: Path) -> None:
    """Steps after the one that waits are not run; without waiting all of them are."""
    for waits, steps in (("collect", 4), (None, 10)):
        ran: list[str] = []

        def run(workspace: Workspace, name: str, round_id: str | None, ran: list[str] = ran,
                waits: str | None = waits) -> Waiting | None:  # fmt: skip
            ran.append(name)
            return Waiting("r000", 1, 2, "") if name == waits else None

        outcome = play_round(Workspace.at(tmp_path), "r000", run)
        assert ran == list(loop.ROUND_STEPS[:steps])
        assert (outcome is None) == (waits is None)


@pytest.mark.parametrize(
    ("given", "first", "size"), [({"a", "b"}, None, 0), ({"a"}, None, 8), ({"a", "b"}, 5, 5), (set(), 0, 0)]
)
def test_the_first_batch_is_empty_where_every_class_is_known(
    given: set[str], first: int | None, size: int
) -> None:
    """Unless the settings name a size."""
    settings = CampaignSettings.model_validate({"acquisition": {"batch_size": 8, "first_batch_size": first}})
    assert first_batch_size(settings, given, 2) == size


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"acquisition": {"strategy": "margn"}}, "acquisition.strategy: .*'margn'.*'margin'"),
        ({"acquisition": {"cold_start": "kmeans"}}, "acquisition.cold_start: .*'kmeans'.*'k_means'"),
        ({"acquisition": {"options": {"c": 1}}}, "acquisition.strategy: .*no option 'c'"),
        ({"fusion": {"method": "mojority"}}, "fusion.method 'mojority'.*'majority'"),
        (
            {"fusion": {"method": "majority", "options": {"smooth": 1}}},
            "fusion.options: 'smooth'.*'smoothing'",
        ),
    ],
)
def test_a_name_that_does_not_exist_is_told_before_a_round_keeps_it(
    changes: dict[str, Any], says: str, tmp_path: Path
) -> None:
    """Found later, it would leave a round open that people have answered and nobody can finish."""
    with pytest.raises(SettingsError, match=says):
        check_names(Workspace.at(tmp_path), CampaignSettings.model_validate(changes))


def test_an_outcome_reads_as_a_sentence() -> None:
    """What `advance` prints."""
    assert str(Waiting("r002", 3, 40, "")) == "r002 waits for people: 3 of 40 answers are in"
    assert (
        str(Stopped("max_rounds", "2 rounds are finished.")) == "stopped (max_rounds): 2 rounds are finished."
    )
