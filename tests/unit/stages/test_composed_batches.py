"""A campaign whose batches are composed: through settings, stages and budgets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from small_campaigns import UNRECORDED

from labelloop import datasets, files

ROWS = 400


def write(folder: Path, **acquisition: Any) -> pd.DataFrame:
    """A table of two clouds with a source (about 8 rows each), a language, a length and a price."""
    random = np.random.default_rng(0)
    codes = random.integers(2, size=ROWS)
    table = pd.DataFrame(random.normal(1.5 * codes[:, None], 1.0, (ROWS, 3)), columns=list("abc"))
    table["label"] = np.where(codes, "yes", "no")
    table["source"] = [f"s{number}" if number < 50 else "" for number in random.integers(56, size=ROWS)]
    table["language"] = random.choice(["de", "en", "fr"], p=[0.5, 0.3, 0.2], size=ROWS)
    table["length"] = random.integers(10, 500, size=ROWS)
    table["price"] = random.choice([0.5, 1, 4], size=ROWS)
    table.to_csv(folder / "rows.csv", index=False)
    budget = acquisition.pop("budget", {})
    settings = {
        "campaign": {"name": "composed", "seed": 1},
        "dataset": {"kind": "table", "path": "rows.csv", "label_column": "label",
                    "numeric_columns": ["a", "b", "c"]},
        "model": {"name": "logistic", "pool": "none"},
        "acquisition": {"batch_size": 20, "strategy": "margin", "control_share": 0.1, **acquisition},
        "annotation": {"overlap": 1, "test_overlap": 1, "cost_per_vote": 0.1},
        "evaluation": {"test_size": 30, "bootstrap": 20},
        "stopping": {"max_rounds": 3},
        "budget": budget,
        **UNRECORDED,
    }  # fmt: skip
    (folder / "params.yaml").write_text(yaml.safe_dump(settings))
    return table


def play(folder: Path, labelloop: Callable[..., Any], **acquisition: Any) -> pd.DataFrame:
    """Run to the end; return all batches with their rounds and the columns of their items."""
    labelloop("init", folder)
    table = write(folder, **acquisition)
    said = labelloop("run", "--plain", folder)
    assert said.code == 0, said.error
    return batches(folder, table)


def batches(folder: Path, table: pd.DataFrame) -> pd.DataFrame:
    pool = datasets.open_prepared(folder / "data").pool
    table = table.assign(item=[f"rows-{row:07d}" for row in range(ROWS)])
    assert set(pool.ids) <= set(table["item"])
    parts = [
        pd.read_parquet(path).assign(round=path.parent.name)
        for path in sorted((folder / "rounds").glob("r*/batch.parquet"))
    ]
    return pd.concat(parts).merge(table, on="item")


def test_a_composed_campaign_keeps_filter_cap_and_shares(
    tmp_path: Path, labelloop: Callable[..., Any]
) -> None:
    composed = {
        "filter": {"length": {"min": 50}, "language": ["de", "en"]},
        "stratify_by": "language", "shares": "equal", "group_column": "source", "cap_per_group": 2,
        "mix": {"margin": 0.6, "random": 0.4},
    }  # fmt: skip
    asked = play(tmp_path, labelloop, compose=composed)
    strategy = asked[asked["arm"] == "strategy"]
    assert (strategy["length"] >= 50).all() and set(strategy["language"]) == {"de", "en"}
    # Control and test items are random and may be more; the strategy adds none to a group that is full.
    used: dict[str, int] = {}
    for row in asked.assign(last=asked["arm"] == "strategy").sort_values(["round", "last"]).itertuples():
        assert row.arm != "strategy" or row.source == "" or used.get(row.source, 0) < 2
        used[row.source] = used.get(row.source, 0) + 1
    for _, rows in strategy.groupby("round"):
        sizes = rows["language"].value_counts()
        assert abs(sizes["de"] - sizes["en"]) <= 1
    assert strategy.loc[strategy["round"] > "r000", "probability"].isna().all()
    said = files.read_json(tmp_path / "rounds" / "r001" / "selection.json")
    assert said["strategy"] == "60% margin + 40% random"
    languages = set(asked.loc[asked["arm"] == "control", "language"])
    assert "fr" in languages or len(languages) < 3


def test_costs_of_items_are_recorded_and_the_budget_is_kept(
    tmp_path: Path, labelloop: Callable[..., Any]
) -> None:
    asked = play(tmp_path, labelloop, compose={"cost_column": "price"}, budget={"money": 5.0})
    last = sorted((tmp_path / "rounds").glob("r*"))[-1]
    votes = pd.read_parquet(last / "collected.parquet").merge(asked[["item", "price"]], on="item")
    # Every simulated annotator has a price of their own; the item multiplies it.
    usual = (votes["cost"] / votes["price"]).groupby(votes["annotator"])
    np.testing.assert_allclose(usual.max(), usual.min())
    assert votes["cost"].sum() <= 5.0 + 1e-9
    later = asked[(asked["arm"] == "strategy") & (asked["round"] > "r000")]
    assert later["price"].mean() < 1.2 < asked.loc[asked["arm"] == "test", "price"].mean()


def test_when_the_caps_are_used_up_the_batch_is_cut_and_then_the_campaign_ends(
    tmp_path: Path, labelloop: Callable[..., Any]
) -> None:
    labelloop("init", tmp_path)
    table = write(tmp_path, control_share=0.0,
                  compose={"filter": {"source": [f"s{n}" for n in range(30)]},
                           "group_column": "source", "cap_per_group": 1})  # fmt: skip
    said = labelloop("run", "--plain", tmp_path)
    assert said.code == 0, said.error
    asked = batches(tmp_path, table)
    # Test items took some groups already; the rest is asked once each.
    assert asked.groupby("source").size().reindex([f"s{n}" for n in range(30)]).ge(1).all()
    assert len(asked[asked["round"] == "r001"]) < 20
    assert "let in none of the items left" in said.out


WRONG = {
    "column": ({"stratify_by": "sprache"}, r"compose\.stratify_by: the data has no column 'sprache'"),
    "label": ({"filter": {"label": "yes"}}, "'label' is the label or split column"),
    "no number": ({"filter": {"language": {"min": 3}}}, "'language' has 'de' in row .*no number|no number"),
    "costs": ({"cost_column": "source"}, r"cost_column: column 'source' has 's\d+' .* no number"),
    "cap": ({"filter": {"source": "s1"}, "group_column": "source", "cap_per_group": 1},
            r"the first batch asks about 20 items, but the filter and caps .* let in [01];"),
    "shares": ({"mix": {"margin": 0.7, "random": 0.2}}, r"mix: the shares sum to 0\.9; they must sum to 1"),
    "strategy": ({"mix": {"margni": 1.0}}, r"mix: no strategy is called 'margni'; did you mean 'margin'"),
    "half a cap": ({"cap_per_group": 3}, "group_column and cap_per_group go together"),
    "range": ({"filter": {"length": {"min": 9, "max": 3}}}, "length: min 9 is above max 3"),
    "subsample": ({"subsample": 5}, r"compose\.subsample is 5, but a batch has up to 20 items"),
    "committee": ({"mix": {"bald": 1.0}}, "'bald' asks a committee, and there is none"),
}  # fmt: skip


@pytest.mark.parametrize(("compose", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_composition_is_refused_before_a_round_is_opened(
    tmp_path: Path, labelloop: Callable[..., Any], compose: dict[str, Any], said: str
) -> None:
    import re

    labelloop("init", tmp_path)
    write(tmp_path, compose=compose)
    ended = labelloop("run", "--plain", tmp_path)
    assert ended.code == 2
    assert re.search(said, ended.error), ended.error
    assert not list((tmp_path / "rounds").glob("r*/batch.parquet"))
