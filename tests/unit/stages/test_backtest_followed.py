"""Campaigns whose auto leaves out what a backtest shows to be worse than random."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from small_campaigns import UNRECORDED

from labelloop import files
from labelloop.acquisition import registry
from labelloop.acquisition.base import Context, Picks, needs
from labelloop.backtesting.verdict import Against, Verdict, read_verdict, write_verdict
from labelloop.campaign import parse_settings
from labelloop.settings.model import Model
from labelloop.stages import backtest_followed as followed
from labelloop.stages import score
from labelloop.workspace import Workspace

ROWS = 300
WORSE, BETTER = Against(-0.1, -0.15, -0.05), Against(0.1, 0.05, 0.15)
LOGISTIC = {"name": "logistic", "pool": "none"}
LEARNER = {name: Model(**LOGISTIC).model_dump(mode="json")[name] for name in followed.LEARNER}
ABOUT = {"classes": ["class-0", "class-1", "class-2"], "model": LEARNER, "metric": "accuracy", "seeds": 6}


def write_params(
    folder: Path,
    *,
    rounds: int = 2,
    spread: float = 1.0,
    model: dict[str, Any] = LOGISTIC,
    **acquisition: Any,
) -> Path:
    """Three clouds; with a small spread a few labels tell them apart, and auto believes the model in r001."""
    random = np.random.default_rng(0)
    codes = random.integers(3, size=ROWS)
    table = pd.DataFrame(random.normal(4.0 * np.eye(3, 4)[codes], spread), columns=list("abcd"))
    table.assign(label=[f"class-{code}" for code in codes]).to_csv(folder / "rows.csv", index=False)
    settings: dict[str, Any] = {
        "campaign": {"name": "followed", "seed": 1},
        "dataset": {"kind": "table", "path": "rows.csv", "label_column": "label"},
        "model": model,
        "acquisition": {"batch_size": 20, **acquisition},
        "annotation": {"overlap": 1, "test_overlap": 1},
        "evaluation": {"test_size": 60, "bootstrap": 20},
        "stopping": {"max_rounds": rounds},
        **UNRECORDED,
    }  # fmt: skip
    (folder / "params.yaml").write_text(yaml.safe_dump(settings))
    return folder / "params.yaml"


@pytest.fixture
def played(tmp_path: Path, labelloop: Callable[..., Any]) -> Callable[..., list[str]]:
    """Plays two rounds with a verdict; gives the rounds' reasons."""

    def play(strategies: dict[str, Against], first: dict[str, Against], **given: Any) -> list[str]:
        about = {**ABOUT, **given.pop("about", {})}
        assert labelloop("init", tmp_path).code == 0
        write_params(tmp_path, **given)
        write_verdict(Workspace(tmp_path).verdict, Verdict(about, strategies, first))
        said = labelloop("run", "--plain", tmp_path)
        assert said.code == 0, said.error
        return [
            files.read_json(tmp_path / "rounds" / name / "selection.json")["reason"]
            for name in ("r000", "r001")
        ]

    return play


def arms(folder: Path, round_id: str) -> pd.DataFrame:
    batch = pd.read_parquet(folder / "rounds" / round_id / "batch.parquet")
    return batch[batch["arm"] == "strategy"]


def test_nothing_is_left_out_where_nothing_is_worse(played: Callable[..., list[str]]) -> None:
    first, second = played({"uherding": BETTER, "margin": WORSE}, {"auto": BETTER})
    assert "(typiclust)" in first and "(uherding)" in second
    assert "left out" not in first + second


def test_a_phase_that_is_worse_is_left_out_and_the_reason_says_so(
    played: Callable[..., list[str]], tmp_path: Path
) -> None:
    _, second = played({"uherding": WORSE}, {})
    assert "(margin)" in second
    assert "uherding was left out: the backtest shows it surely worse than random, -10.0 points" in second
    assert arms(tmp_path, "r001")["score"].is_monotonic_decreasing, "margin's own scores"


def test_with_nothing_left_it_asks_at_random(played: Callable[..., list[str]], tmp_path: Path) -> None:
    """In the first batch too; then every item's chance is known."""
    first, second = played({"auto": WORSE, "margin": WORSE}, {"auto": WORSE})
    for round_id, reason in (("r000", first), ("r001", second)):
        assert "(random)" in reason and "was left out" in reason
        assert arms(tmp_path, round_id)["probability"].between(0, 0.2).all()


def test_a_part_of_a_mix_is_told_too(played: Callable[..., list[str]]) -> None:
    mix = {"mix": {"auto": 0.5, "entropy": 0.5}}
    _, second = played({"uherding": WORSE, "entropy": WORSE}, {}, compose=mix)
    assert "uherding was left out" in second
    assert "entropy picked because params.yaml names it: the backtest shows it surely worse" in second


def test_what_params_name_picks_all_the_same(played: Callable[..., list[str]]) -> None:
    _, second = played({"entropy": WORSE}, {}, strategy="entropy")
    assert second.startswith("entropy picked because params.yaml names it")


def test_auto_as_a_whole_counts_for_more_than_a_phase_by_itself(played: Callable[..., list[str]]) -> None:
    _, second = played({"auto": BETTER, "uherding": WORSE}, {})
    assert "(uherding)" in second


@pytest.mark.parametrize(
    ("about", "other"),
    [
        ({"classes": ["yes", "no"]}, "other classes"),
        ({"model": {**LEARNER, "pool": "graph"}}, "another learner"),
        ({"model": {**LEARNER, "name": "mlp"}}, "another learner"),
    ],
)
def test_a_verdict_about_something_else_is_not_followed(
    played: Callable[..., list[str]], about: dict[str, Any], other: str
) -> None:
    first, second = played({"uherding": WORSE}, {"auto": WORSE}, about=about)
    assert "(typiclust)" in first and "(uherding)" in second
    assert f"backtest.json was not followed: it is about {other} than this campaign's." in second


def test_neither_the_order_of_classes_nor_another_name_of_the_learner_is_another_campaign(
    played: Callable[..., list[str]],
) -> None:
    """On a table `auto` is `logistic`, and what it makes of the pool is `graph`."""
    about = {"classes": ABOUT["classes"][::-1], "model": {**LEARNER, "pool": "graph"}}
    _, second = played({"uherding": WORSE}, {}, about=about, model={"name": "auto"})
    assert "uherding was left out" in second


@pytest.mark.parametrize(("kind", "name"), [("features", "logistic"), ("images", "convnet")])
def test_a_learner_is_compared_as_what_it_is_on_the_pool(kind: str, name: str) -> None:
    """The verdict of a sample as numbers says nothing of a campaign on images, though both say auto."""
    prepared: Any = SimpleNamespace(pool=SimpleNamespace(input_kind=kind))
    assert followed.learner_of(parse_settings({}), prepared)["name"] == name


def test_what_stands_in_for_another_strategy_was_not_named(
    played: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a committee that the model does not have yet, as after a change of params.yaml."""
    monkeypatch.setattr(score, "committee_folders", lambda model: [])
    mix = {"mix": {"bald": 0.5, "random": 0.5}}
    _, second = played({"margin": WORSE}, {}, compose=mix, model={**LOGISTIC, "committee": 2})
    assert "so `margin` picked" in second
    assert "margin picked all the same: the backtest shows it surely worse" in second
    assert "params.yaml names it" not in second


def test_a_round_keeps_what_it_was_opened_with(
    played: Callable[..., list[str]], tmp_path: Path, labelloop: Callable[..., Any]
) -> None:
    """The file may change or go; the batch is made again to the byte."""
    played({"uherding": WORSE}, {})
    before = (tmp_path / "rounds/r001/batch.parquet").read_bytes()
    Workspace(tmp_path).verdict.unlink()
    for name in ("batch.parquet", "selection.json"):
        (tmp_path / "rounds/r001" / name).unlink()
    assert labelloop("stage", "select", "r001", cwd=tmp_path).code == 0
    assert (tmp_path / "rounds/r001/batch.parquet").read_bytes() == before
    assert "uherding was left out" in (tmp_path / "rounds/r001/selection.json").read_text()


def test_a_damaged_verdict_opens_no_round(tmp_path: Path, labelloop: Callable[..., Any]) -> None:
    assert labelloop("init", tmp_path).code == 0
    write_params(tmp_path)
    Workspace(tmp_path).verdict.write_text("{}")
    said = labelloop("run", "--plain", tmp_path)
    assert said.code != 0 and "backtest.json is not what `labelloop backtest` writes" in said.error
    assert not (tmp_path / "rounds" / "r000").exists()
    Workspace(tmp_path).verdict.unlink()
    assert labelloop("run", "--plain", tmp_path).code == 0


@needs("probabilities")
def _the_surest(context: Context, batch_size: int) -> Picks:
    """Asks only what the model is sure is of the class it names first: it learns next to nothing."""
    assert context.probabilities is not None
    sure = context.probabilities[context.candidates][:, 0]
    rows = context.candidates[np.argsort(-sure, kind="stable")[:batch_size]]
    return Picks(rows, np.zeros(batch_size), np.ones(batch_size))


def test_from_the_backtest_to_the_campaign(
    tmp_path: Path, labelloop: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A phase that does badly in a backtest of the campaign's folder is left out by the campaign."""
    sample = tmp_path / "sample"
    sample.mkdir()
    params = write_params(sample, rounds=5, spread=2.0, batch_size=6)
    campaign = tmp_path / "campaign"
    assert labelloop("init", campaign).code == 0
    write_params(campaign)
    words = ("backtest", "--params", params, "--out", tmp_path / "out", "--strategies",
             "uherding,random", "--workers", "1", "--verdict-for", campaign)  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setitem(registry.STRATEGIES, "uherding", _the_surest)
        said = labelloop(*words)
        assert said.code == 0, said.error
        few = labelloop(*words, "--seeds", "1")
    assert "backtest.json tells auto" in said.out and "Surely worse than random" in said.out
    assert "left as it is: a verdict takes 5 seeds or more, not 1" in few.out
    assert labelloop("run", "--plain", campaign).code == 0
    reason = files.read_json(campaign / "rounds/r001/selection.json")["reason"]
    assert "uherding was left out" in reason and "(margin)" in reason


def test_a_backtest_takes_nothing_from_what_another_has_shown(
    tmp_path: Path, labelloop: Callable[..., Any]
) -> None:
    """Without random nothing is compared; with it, strategies that were tried before are kept."""
    assert labelloop("init", tmp_path).code == 0
    write_params(tmp_path, rounds=3, cold_start="random")
    path = Workspace(tmp_path).verdict

    def backtest(strategies: str, *more: str) -> str:
        said = labelloop("backtest", "--params", tmp_path / "params.yaml", "--out", tmp_path / "out",
                         "--workers", "1", "--strategies", strategies, *more)  # fmt: skip
        assert said.code == 0, said.error
        return str(said.out)

    assert "left as it is: no strategy was compared with random" in backtest("margin")
    assert not path.exists()
    backtest("margin,entropy,random")
    together = read_verdict(path)
    path.unlink()
    backtest("margin,random")
    before = path.read_bytes()
    assert "left as it is" in backtest("entropy") and path.read_bytes() == before
    backtest("margin,random")
    assert path.read_bytes() == before, "the same again is the same file"
    assert "entropy, margin." in backtest("entropy,random")
    found = read_verdict(path)
    assert found.about == together.about and list(found.strategies) == ["entropy", "margin"]
    for name, one in found.strategies.items():
        assert asdict(one) == pytest.approx(asdict(together.strategies[name]))
    assert "What it told of margin is gone" in backtest("entropy,random", "--money", "60")
    assert list(read_verdict(path).strategies) == ["entropy"]


def test_a_verdict_needs_a_campaign_to_tell(tmp_path: Path, labelloop: Callable[..., Any]) -> None:
    params = write_params(tmp_path)
    said = labelloop("backtest", "--params", params, "--out", tmp_path / "o", "--verdict-for", tmp_path)
    assert said.code != 0 and "there is no campaign" in said.error
    said = labelloop("backtest", "--campaign", tmp_path, "--out", tmp_path / "o", "--verdict-for", tmp_path)
    assert said.code != 0 and "goes with --params alone" in said.error
