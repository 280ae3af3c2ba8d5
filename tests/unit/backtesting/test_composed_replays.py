"""What acquisition.compose asks of a campaign's batches a backtest's hold to as well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from labelloop import files
from labelloop.acquisition.keys import id_keys
from labelloop.acquisition.reduction import PURPOSE
from labelloop.backtesting.replay import replay
from labelloop.errors import SettingsError
from labelloop.stages import backtest as stage
from labelloop.stages.backtest import backtest

ROWS = 300
COMPOSE: dict[str, Any] = {
    "filter": {"language": "en"}, "stratify_by": "site", "shares": "equal",
    "group_column": "source", "cap_per_group": 2, "subsample": 60,
}  # fmt: skip


def write(folder: Path, compose: dict[str, Any], **changes: dict[str, Any]) -> Path:
    """Three overlapping clouds; two thirds English, two sites of unequal size, 60 sources, long and short."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, ROWS)
    rows = pd.DataFrame(rng.normal(label[:, None] * 1.5, 1.0, (ROWS, 4)), columns=list("abcd"))
    rows.assign(
        id=[f"i{n}" for n in range(ROWS)],
        label=[f"class-{code}" for code in label],
        language=np.where(np.arange(ROWS) % 3 == 0, "de", "en"),
        site=np.where(np.arange(ROWS) % 5 == 0, "small", "large"),
        source=[f"s{n // 5}" for n in range(ROWS)],
        length=rng.choice([1, 9], ROWS),
    ).to_csv(folder / "rows.csv", index=False)
    settings = {
        "campaign": {"name": "composed"},
        "dataset": {"kind": "table", "path": "rows.csv", "label_column": "label", "id_column": "id",
                    "numeric_columns": list("abcd")},
        "model": {"name": "logistic", "pool": "none"},
        "acquisition": {"strategy": "margin", "batch_size": 10, "compose": compose},
        "annotation": {"overlap": 2, "test_overlap": 2, "cost_per_vote": 0.1},
        "evaluation": {"test_size": 60},
        "stopping": {"max_rounds": 4},
    }  # fmt: skip
    path = folder / "params.yaml"
    path.write_text(yaml.safe_dump({name: settings.get(name, {}) | changes.get(name, {})
                                    for name in settings | changes}, sort_keys=False))  # fmt: skip
    return path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Filled by a backtest: the rows that each strategy asked about, in order."""
    found: dict[str, np.ndarray] = {}

    def watched(arena: Any, strategy: str, sizes: Any, source: Any, **named: Any) -> Any:
        def noting(rows: np.ndarray, number: int) -> np.ndarray:
            found[strategy] = rows
            codes: np.ndarray = source(rows, number)
            noting.cost = source.cost  # type: ignore[attr-defined]
            return codes

        return replay(arena, strategy, sizes, noting, **named)

    monkeypatch.setattr(stage, "replay", watched)
    return found


def test_filter_caps_strata_and_subsample_hold(tmp_path: Path, asked: dict[str, np.ndarray]) -> None:
    """For the baseline too: trials differ in what looks for items alone. Test items count for the caps."""
    summary = backtest(write(tmp_path, COMPOSE), tmp_path / "out", seeds=1)
    rows = pd.read_csv(tmp_path / "rows.csv")
    assert set(asked) == {"margin", "random"}
    for picked in asked.values():
        mine = rows.iloc[picked]
        assert set(mine["language"]) == {"en"} and mine["source"].value_counts().max() <= 2
        assert mine["site"].iloc[:20].value_counts().to_dict() == {"small": 10, "large": 10}
    assert "composed as acquisition.compose says" in summary["notes"][0]
    assert summary["notes"][1] == "Not replayed: the control arm."


def test_a_subsample_changes_the_picks(tmp_path: Path, asked: dict[str, np.ndarray]) -> None:
    picks = []
    for compose in ({}, {"subsample": 12}):
        backtest(write(tmp_path, compose), tmp_path / "out", strategies=["margin"], seeds=1)
        picks.append(asked["margin"].tolist())
    assert picks[0] != picks[1]


def test_the_mix_picks_in_the_trial_of_params_alone(tmp_path: Path, asked: dict[str, np.ndarray]) -> None:
    """And the table says so; the same strategy without the mix would have asked about other items."""
    mix = {"mix": {"margin": 0.5, "k_means": 0.5}}
    params = write(tmp_path, mix, acquisition={"strategy": "entropy", "batch_size": 10, "compose": mix})
    summary = backtest(params, tmp_path / "out", strategies=["entropy", "margin"], seeds=1)
    mixed, alone = asked["entropy"], asked["margin"]
    assert mixed[:10].tolist() == alone[:10].tolist(), "the cold start is everybody's"
    backtest(write(tmp_path, {}), tmp_path / "plain", strategies=["entropy", "margin"], seeds=1)
    assert asked["margin"].tolist() == alone.tolist()
    assert asked["entropy"].tolist() != mixed.tolist()
    assert summary["at_money"]["own"] == "entropy (mix: 50% margin + 50% k_means)"
    assert set(summary["strategies"]) == {summary["at_money"]["own"], "margin"}


def test_a_mix_in_the_place_of_random_leaves_random_to_compare_with(tmp_path: Path) -> None:
    """The mix is one trial, plain random another, and the second is the baseline."""
    mix = {"mix": {"margin": 0.5, "k_means": 0.5}}
    params = write(tmp_path, mix, acquisition={"strategy": "random", "batch_size": 10, "compose": mix})
    summary = backtest(params, tmp_path / "out", seeds=1)
    own = "random (mix: 50% margin + 50% k_means)"
    assert set(summary["strategies"]) == {own, "random"}
    assert summary["baseline"] == "random" and summary["at_money"]["own"] == own
    curves = pd.read_csv(tmp_path / "out" / "curves.csv").set_index("trial")["accuracy"]
    assert curves[own].tolist() != curves["random"].tolist()


@pytest.mark.parametrize("looked_at", [10, 40])
def test_a_strategy_that_goes_by_doubt_looks_at_the_most_doubtful_rows_alone(
    tmp_path: Path, asked: dict[str, np.ndarray], looked_at: int
) -> None:
    """What margin would pick of what the filter lets in, were the batch as large; random looks at nothing."""
    shared = {"cold_start": "random", "first_batch_size": 10, "compose": {"filter": {"language": "en"}}}
    runs = []
    for given in (
        {"strategy": "badge", "batch_size": 10, "candidates": looked_at},
        {"strategy": "margin", "batch_size": looked_at},
    ):
        params = write(tmp_path, {}, acquisition=shared | given, stopping={"max_rounds": 2})
        summary = backtest(params, tmp_path / "out", seeds=1)
        runs.append({name: rows.tolist() for name, rows in asked.items()})
        assert not any("candidates" in note for note in summary["notes"])
    reduced, whole = runs
    assert reduced["badge"][:10] == whole["margin"][:10], "a random cold start looks at nothing"
    assert reduced["random"] == whole["random"][:20]
    assert set(reduced["badge"][10:]) <= set(whole["margin"][10:])
    assert len(set(reduced["badge"][10:])) == 10


def test_a_strategy_that_does_not_go_by_doubt_looks_at_a_random_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sample that a live round of this seed draws, in every round; the filter holds in it."""
    seen: list[tuple[Any, np.ndarray]] = []

    def noting(arena: Any, strategy: str, sizes: Any, source: Any, **named: Any) -> Any:
        def labels(rows: np.ndarray, number: int) -> np.ndarray:
            if strategy == "k_center":
                seen.append((arena, rows))
            codes: np.ndarray = source(rows, number)
            labels.cost = source.cost  # type: ignore[attr-defined]
            return codes

        return replay(arena, strategy, sizes, labels, **named)

    monkeypatch.setattr(stage, "replay", noting)
    params = write(
        tmp_path, {},
        acquisition={"strategy": "k_center", "cold_start": "random", "batch_size": 10, "candidates": 10,
                     "compose": {"filter": {"language": "en"}}},
        stopping={"max_rounds": 3},
    )  # fmt: skip
    backtest(params, tmp_path / "out", seeds=1)
    assert len(seen) == 3
    allowed = np.flatnonzero(np.arange(ROWS) % 3)
    for number in (1, 2):
        arena, rows = seen[number]
        left = np.setdiff1d(np.intersect1d(arena.eligible, allowed), rows[: 10 * number])
        ids, seed = arena.prepared.pool.ids, int(files.digest_of([arena.seed, number])[:8], 16)
        drawn = left[np.argsort(id_keys(ids[left], seed, PURPOSE))[:10]]
        assert set(rows[10 * number :].tolist()) == set(drawn.tolist())


def test_a_batch_that_does_not_fit_is_refused_before_anything_is_replayed(
    tmp_path: Path, asked: dict[str, np.ndarray]
) -> None:
    """Both values are named, and so is the size that was asked for."""
    for setting, changes in (
        ("compose.subsample", {"compose": {"subsample": 30}}),
        ("candidates", {"candidates": 30}),
    ):
        params = write(tmp_path, {}, acquisition={"strategy": "margin", "batch_size": 10, **changes})
        said = f"--batch-sizes 40.*\\n.*{setting} is 30, but a batch has up to 40 items"
        with pytest.raises(SettingsError, match=said):
            backtest(params, tmp_path / "out", batch_sizes=[20, 40], seeds=1)
    assert not asked and not (tmp_path / "out").exists()


@pytest.mark.parametrize("votes", ["known", "crew", "file"])
def test_items_have_their_own_prices_and_trials_end_with_the_money(
    tmp_path: Path, asked: dict[str, np.ndarray], votes: str
) -> None:
    """An item costs its length times two answers; margin, which scores items, buys cheap ones, so more."""
    crew = [{"name": name, "accuracy": 1.0, "cost_per_vote": 0.1} for name in ("ada", "ben")]
    params = write(tmp_path, {"cost_column": "length"},
                   annotation={"overlap": 2, "test_overlap": 2, "cost_per_vote": 0.1,
                               "simulation": {"annotators": crew}},
                   budget={"money": 30.0})  # fmt: skip
    rows = pd.read_csv(tmp_path / "rows.csv")
    if votes == "file":
        given = [rows[["id", "label"]].assign(annotator=name) for name in ("p", "q")]
        votes = str(tmp_path / "votes.csv")
        pd.concat(given).rename(columns={"id": "item"}).to_csv(votes, index=False)
    backtest(params, tmp_path / "out", votes=votes, seeds=1)
    ends = pd.read_csv(tmp_path / "out" / "curves.csv").groupby("strategy").last()
    for strategy, picked in asked.items():
        spent = 0.2 * rows["length"].iloc[picked].sum()
        assert ends.loc[strategy, "cost"] == pytest.approx(spent)
        assert 30.0 - 9 * 0.2 < spent <= 30.0 + 1e-9
    assert ends.loc["margin", "labels"] > ends.loc["random", "labels"]


@pytest.mark.parametrize(
    ("compose", "said"),
    [
        (
            {"filter": {"language": "fr"}},
            "a batch of 10 was asked for, but of 240 candidates the filter lets",
        ),
        ({"cost_column": "prize"}, r"acquisition\.compose\..*prize"),
        ({"mix": {"margn": 1.0}}, r"acquisition\.compose\.mix.*margn"),
    ],
)
def test_what_a_round_would_refuse_a_backtest_refuses(
    tmp_path: Path, compose: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        backtest(write(tmp_path, compose), tmp_path / "out", seeds=1)
