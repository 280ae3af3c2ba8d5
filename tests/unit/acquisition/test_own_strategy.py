"""A strategy of the user's own: the one that docs/selection.md shows, with costs and without."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from labelloop.acquisition import Composition, select, select_picks
from labelloop.campaign import parse_settings
from labelloop.errors import SettingsError
from labelloop.readiness import check_names
from labelloop.workspace import Workspace

ROOT = Path(__file__).parents[3]
BARGAINS = "mine_as_documented:bargains"


@pytest.fixture(autouse=True)
def documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only Python of the page, pasted into a module beside params.yaml."""
    page = (ROOT / "docs" / "selection.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "mine_as_documented.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


def made() -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of 200 items and their costs; no two gains over cost are the same."""
    random = np.random.default_rng(0)
    return random.dirichlet(np.ones(3), size=200).astype(np.float32), random.uniform(0.5, 8, size=200)


def test_the_documented_function_picks_by_gain_over_cost_within_the_money() -> None:
    """Bit for bit what the built-in of the same score does; so the costs that it gets are the batch's."""
    probabilities, costs = made()
    asked = Composition(costs=costs, money=20.0)
    own, built_in = (
        select_picks(name, batch_size=30, probabilities=probabilities, composition=asked)
        for name in (BARGAINS, "least_confident")
    )
    assert own.rows.tolist() == built_in.rows.tolist()
    assert costs[own.rows].sum() <= 20.0
    dear = select("margin", batch_size=30, probabilities=probabilities)
    assert costs[own.rows].mean() < 0.5 * costs[dear].mean()


def test_options_reach_the_function() -> None:
    probabilities, costs = made()
    asked = Composition(costs=costs)
    picked = select_picks(BARGAINS, batch_size=10, probabilities=probabilities, composition=asked, floor=0.4)
    assert (1 - probabilities[picked.rows].max(axis=1) > 0.4).all()


def test_who_needs_costs_in_a_mix_gets_them() -> None:
    from labelloop.acquisition import make_strategy

    probabilities, costs = made()
    mix = ((make_strategy(BARGAINS), 0.5), (make_strategy("random"), 0.5))
    picks = select(
        "random", batch_size=20, probabilities=probabilities, composition=Composition(costs=costs, mix=mix)
    )
    assert len(set(picks.tolist())) == 20


def test_without_costs_it_says_where_they_come_from(tmp_path: Path) -> None:
    probabilities, _ = made()
    with pytest.raises(SettingsError, match=r"needs costs, .* set acquisition\.compose\.cost_column"):
        select(BARGAINS, batch_size=3, probabilities=probabilities)
    for acquisition, key in (
        ({"strategy": BARGAINS}, "acquisition.strategy"),
        ({"cold_start": BARGAINS}, "acquisition.cold_start"),
        ({"compose": {"mix": {BARGAINS: 0.5, "random": 0.5}}}, "acquisition.compose.mix"),
    ):
        with pytest.raises(SettingsError, match=f"{re.escape(key)}: '{BARGAINS}' reads costs"):
            check_names(Workspace(tmp_path), parse_settings({"acquisition": acquisition}))
