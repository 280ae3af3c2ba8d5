"""Selection from plain arrays and from .npy files, and what wrong ones are told."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from labelloop.acquisition import STRATEGIES, select
from labelloop.acquisition.array_selection import select_from_files
from labelloop.acquisition.composition import Composition
from labelloop.errors import DataError, LabelloopError, SettingsError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
P = RNG.dirichlet(np.ones(3), size=60).astype(np.float32)
MEMBERS = RNG.dirichlet(np.ones(3), size=(2, 60)).astype(np.float32)
KNOWN = np.array([40, 3, 17])
LABELS = np.array([0, 2, 1])


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_every_strategy_picks_from_plain_arrays(name: str) -> None:
    given = {"embeddings": X, "probabilities": P, "labeled": KNOWN, "members": MEMBERS, "labels": LABELS}
    given["beliefs"] = np.full_like(P, np.nan)
    rows = select(name, batch_size=9, seed=4, **given)
    assert rows.dtype == np.int64
    assert len(set(rows.tolist()) - set(KNOWN.tolist())) == 9


def test_lists_masks_and_other_types_are_the_same_arrays() -> None:
    mask = np.zeros(60, dtype=bool)
    mask[KNOWN] = True
    rows = [
        select("uherding", batch_size=9, embeddings=X, probabilities=P, labeled=labeled).tolist()
        for labeled in (KNOWN, mask, KNOWN.tolist(), np.uint8([3, 3, 17, 40]))
    ]
    rows.append(
        select(
            "uherding", batch_size=9, embeddings=X.tolist(), probabilities=P.tolist(), labeled=KNOWN
        ).tolist()
    )
    assert all(other == rows[0] for other in rows)


def test_options_reach_the_strategy() -> None:
    margin = select("margin", batch_size=9, probabilities=P).tolist()
    assert select("power_margin", batch_size=9, probabilities=P, power=1e6).tolist() == margin


def test_auto_starts_without_a_model() -> None:
    """As typiclust, whatever is labeled; with probabilities it must be told the labels that judge them."""
    for labeled in ((), KNOWN):
        rows = select("auto", batch_size=5, embeddings=X, labeled=labeled).tolist()
        assert rows == select("typiclust", batch_size=5, embeddings=X, labeled=labeled).tolist()
    with pytest.raises(SettingsError, match="'auto' needs labels"):
        select("auto", batch_size=5, embeddings=X, probabilities=P, labeled=KNOWN)
    with pytest.raises(SettingsError, match="'auto' needs embeddings"):
        select("auto", batch_size=5, probabilities=P)


def spoiled(array: np.ndarray, row: int, value: Any) -> np.ndarray:
    array = array.copy()
    array[row] = value
    return array


WRONG = {
    "lengths": ({"probabilities": P[:59]}, DataError, "60 rows of embeddings and 59 rows of probabilities"),
    "sums": ({"probabilities": spoiled(P, 8, 0.5)}, DataError, r"row 8 .* sum to 1.* \(sum 1\.5\)"),
    "nan": ({"embeddings": spoiled(X, 9, np.nan)}, DataError, "embeddings of row 9 are not all finite"),
    "nan of labeled": ({"embeddings": spoiled(X, 17, np.nan)}, DataError, "embeddings of row 17 are not"),
    "too many": ({"batch_size": 58}, SettingsError, "of 60 rows 3 are labeled and only 57 are left"),
    "none": ({"batch_size": 0}, SettingsError, "the batch size is 0"),
    "half": ({"batch_size": 2.5}, SettingsError, r"the batch size is 2\.5"),
    "integers": ({"embeddings": X.astype(int)}, DataError, "embeddings have .* int64; they must be a table"),
    "flat": ({"probabilities": P[:, 0]}, DataError, r"probabilities have shape \(60,\)"),
    "no embeddings": ({"embeddings": None}, SettingsError, "'badge' needs embeddings.*: .*margin"),
    "nothing": (
        {"strategy": "random", "embeddings": None, "probabilities": None},
        SettingsError,
        "neither embeddings nor probabilities",
    ),
    "no members": ({"strategy": "bald"}, SettingsError, "'bald' needs members"),
    "flat members": ({"members": P}, DataError, r"members have shape \(60, 3\).*\(members, items, classes\)"),
    "few members": ({"members": MEMBERS[:, :9]}, DataError, "60 rows of embeddings and .* 9 rows of members"),
    "other classes": ({"members": MEMBERS[:, :, :2]}, DataError, "members speak of 2 classes, but .* of 3"),
    "members that do not sum": (
        {"strategy": "bald", "members": 2 * MEMBERS},
        DataError,
        r"members of row 0 must be 0 or more and sum to 1",
    ),
    "no beliefs": ({"strategy": "relabel"}, SettingsError, "'relabel' needs beliefs; give them"),
    "beliefs that do not sum": (
        {"strategy": "relabel", "beliefs": 2 * P},
        DataError,
        r"beliefs of row 0 must be 0 or more and sum to 1",
    ),
    "beliefs of others": ({"strategy": "relabel", "beliefs": P[:, :2]}, DataError, "beliefs speak of 2"),
    "relabel composed": (
        {"strategy": "relabel", "beliefs": P, "composition": Composition(subsample=9)},
        SettingsError,
        "give what rows cost as the option costs",
    ),
    "costs": (
        {"strategy": "relabel", "beliefs": P, "costs": spoiled(np.ones(60), 4, 0.0)},
        DataError,
        r"the cost of row 4 is 0\.0",
    ),
    "accuracy": (
        {"strategy": "relabel", "beliefs": P, "accuracy": 1.0},
        SettingsError,
        r"'accuracy' is 1\.0",
    ),
    "unknown": ({"strategy": "bagde"}, SettingsError, "did you mean 'badge'"),
    "option": ({"factor": 3}, SettingsError, "'badge' has no option 'factor'"),
    "beyond": ({"labeled": [60]}, DataError, "labeled holds row 60, but rows go from 0 to 59"),
    "negative": ({"labeled": [-1]}, DataError, "labeled holds row -1"),
    "not rows": ({"labeled": [0.5]}, DataError, "type float64; give a list of row numbers"),
    "mask": ({"labeled": np.ones(5, dtype=bool)}, DataError, r"mask of shape \(5,\), but there are 60 rows"),
    "ids": ({"ids": ["a"] * 60}, DataError, "ids are not unique"),
    "few ids": ({"ids": ["a"]}, DataError, r"ids have shape \(1,\), but there are 60 rows"),
}


@pytest.mark.parametrize(("change", "kind", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_argument_is_named(change: dict[str, Any], kind: type[LabelloopError], said: str) -> None:
    given = {"strategy": "badge", "batch_size": 5, "embeddings": X, "probabilities": P, "labeled": KNOWN}
    given |= change
    with pytest.raises(kind, match=said):
        select(given.pop("strategy"), **given)


def saved(folder: Path, **arrays: np.ndarray) -> dict[str, Path]:
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return {name: folder / f"{name}.npy" for name in arrays}


def test_files_give_the_picks_of_their_arrays(tmp_path: Path) -> None:
    paths = saved(tmp_path, embeddings=X, probabilities=P, labeled=KNOWN)
    select_from_files("k_center", batch_size=7, out=tmp_path / "picks.csv", seed=2, **paths)
    written = pd.read_csv(tmp_path / "picks.csv")
    assert list(written.columns) == ["row", "score", "probability", "draw_probability"]
    assert (
        written["row"].tolist()
        == select("k_center", batch_size=7, embeddings=X, labeled=KNOWN, seed=2).tolist()
    )
    assert (np.diff(written["score"]) <= 0).all()


def test_members_and_labels_are_read_from_files_too(tmp_path: Path) -> None:
    paths = saved(tmp_path, members=MEMBERS, labeled=KNOWN)
    rows = select_from_files("bald", batch_size=7, out=tmp_path / "picks.csv", **paths)
    assert rows.tolist() == select("bald", batch_size=7, members=MEMBERS, labeled=KNOWN).tolist()
    paths = saved(tmp_path, probabilities=P, labeled=KNOWN, labels=LABELS)
    rows = select_from_files("balanced", batch_size=7, out=tmp_path / "picks.csv", **paths)
    assert (
        rows.tolist()
        == select("balanced", batch_size=7, probabilities=P, labeled=KNOWN, labels=LABELS).tolist()
    )


def test_a_strategy_without_scores_leaves_them_empty(tmp_path: Path) -> None:
    select_from_files("random", batch_size=7, out=tmp_path / "picks.csv", **saved(tmp_path, embeddings=X))
    assert pd.read_csv(tmp_path / "picks.csv")["score"].isna().all()


def test_a_missing_file_is_named_and_nothing_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"--embeddings .*none\.npy: there is no such file"):
        select_from_files(
            "k_means", batch_size=7, out=tmp_path / "picks.csv", embeddings=tmp_path / "none.npy"
        )
    assert list(tmp_path.iterdir()) == []


def test_python_objects_are_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="holds Python objects"):
        select_from_files(
            "k_means", batch_size=1, out=tmp_path / "picks.csv", embeddings=tmp_path / "objects.npy"
        )


def test_picks_are_written_as_csv_only(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"ends in \.csv"):
        select_from_files("random", batch_size=1, out=tmp_path / "picks.txt", **saved(tmp_path, embeddings=X))


def composed(folder: Path, settings: str) -> dict[str, Path]:
    (folder / "compose.yaml").write_text(settings)
    table = pd.DataFrame(
        {"source": [f"s{row % 20}" for row in range(60)], "price": [1 + row % 3 for row in range(60)]}
    )
    table.to_csv(folder / "table.csv", index=False)
    return {"compose": folder / "compose.yaml", "table": folder / "table.csv"}


def test_files_compose_a_batch(tmp_path: Path, labelloop: Callable[..., Any]) -> None:
    """Through the command: no source twice, labeled ones counted, and no more money than there is."""
    settings = "group_column: source\ncap_per_group: 1\ncost_column: price\nfilter: {price: [1, 2]}\n"
    paths = saved(tmp_path, probabilities=P, labeled=KNOWN) | composed(tmp_path, settings)
    words = [word for name, path in paths.items() for word in (f"--{name}", path)]
    said = labelloop("select", "--strategy", "margin", "--batch-size", "10", "--money", "9", "--out",
                     tmp_path / "picks.csv", *words)  # fmt: skip
    assert said.code == 0, said.error
    rows = pd.read_csv(tmp_path / "picks.csv")["row"].to_numpy()
    sources = (np.concatenate([rows, np.unique(KNOWN)]) % 20).tolist()
    assert len(set((rows % 20).tolist())) == len(rows) > 3
    assert not set((rows % 20).tolist()) & set((np.unique(KNOWN) % 20).tolist()), sources
    assert (1 + rows % 3).sum() <= 9 and (rows % 3 < 2).all()


WRONG_COMPOSITIONS = {
    "key": ("subsampel: 5\n", {}, "subsampel: Extra inputs"),
    "column": (
        "stratify_by: colour\n",
        {},
        "stratify_by: .* has no column 'colour'; did you mean 'source'",
    ),
    "table": ("stratify_by: source\n", {"table": None}, "names column 'source'; give the table .* --table"),
    "money": ("subsample: 20\n", {"money": 3.0}, "--money 3 needs cost_column"),
    "half a cap": ("cap_per_group: 1\n", {}, "group_column and cap_per_group go together"),
    "small subsample": ("subsample: 3\n", {}, "the subsample is 3, but the batch has 5 items"),
    "shares": ("mix: {margin: 0.5, random: 0.4}\n", {}, "shares sum to 0.9; they must sum to 1"),
    "cap": ("group_column: source\ncap_per_group: 1\n", {"batch_size": 40}, r"batch of 40 .* room for \d+"),
}


@pytest.mark.parametrize(
    ("settings", "change", "said"), WRONG_COMPOSITIONS.values(), ids=WRONG_COMPOSITIONS.keys()
)
def test_a_wrong_composition_is_named(
    tmp_path: Path, settings: str, change: dict[str, Any], said: str
) -> None:
    given = {**composed(tmp_path, settings), "batch_size": 5, **change}
    with pytest.raises(LabelloopError, match=said):
        select_from_files("margin", out=tmp_path / "picks.csv", **saved(tmp_path, probabilities=P), **given)


def test_the_command_takes_options_and_ids(tmp_path: Path, labelloop: Callable[..., Any]) -> None:
    """Picks are told by id, and the same for rows in another order; options are read as YAML."""
    order = np.random.default_rng(3).permutation(60)
    picked = []
    for rows, name in ((np.arange(60), "ids.npy"), (order, "ids.txt")):
        ids = np.array([f"a, {row}" for row in rows])
        np.save(tmp_path / name, ids) if name.endswith("npy") else (tmp_path / name).write_text(
            "\n".join(ids)
        )
        paths = saved(tmp_path, probabilities=P[rows])
        said = labelloop("select", "--strategy", "power_margin", "--option", "power=2", "--batch-size", "6",
                         "--probabilities", paths["probabilities"], "--ids", tmp_path / name,
                         "--out", tmp_path / "picks.csv")  # fmt: skip
        assert said.code == 0, said.error
        picks = pd.read_csv(tmp_path / "picks.csv")
        assert picks["item"].tolist() == ids[picks["row"]].tolist()
        picked.append(picks["item"].tolist())
    expected = select(
        "power_margin", batch_size=6, probabilities=P, ids=[f"a, {row}" for row in range(60)], power=2
    )
    assert picked[0] == picked[1] == [f"a, {row}" for row in expected]


WRONG_WORDS = {
    "no value": (["--option", "power"], "--option power: write it as key=value, such as --option power=2"),
    "twice": (["--option", "power=1", "--option", "power=2"], "--option power is given twice"),
    "not YAML": (["--option", "power=[1"], r"--option power=\[1: \[1 is not valid YAML"),
    "unknown": (["--option", "force=1"], "'power_margin' has no option 'force'; it has: power"),
    "of select": (["--option", "seed=1"], "'power_margin' has no option 'seed'; it has: power"),
    "no ids": (["--ids", "none.txt"], "--ids none.txt: there is no such file"),
    "gap": (["--ids", "{}/gap.txt"], "line 2 is empty; give one id a line"),
    "few ids": (["--ids", "{}/few.txt"], "ids have shape .2,., but there are 60 rows"),
}


@pytest.mark.parametrize(("words", "said"), WRONG_WORDS.values(), ids=WRONG_WORDS.keys())
def test_wrong_words_are_named(
    words: list[str], said: str, tmp_path: Path, labelloop: Callable[..., Any]
) -> None:
    (tmp_path / "gap.txt").write_text("a\n\nb\n")
    (tmp_path / "few.txt").write_text("a\nb\n")
    paths = saved(tmp_path, probabilities=P)
    given = [word.format(tmp_path) for word in words]
    found = labelloop("select", "--strategy", "power_margin", "--batch-size", "6", "--out",
                      tmp_path / "picks.csv", "--probabilities", paths["probabilities"], *given)  # fmt: skip
    assert found.code == 2
    assert re.search(said, found.error.replace("\n", " ")), found.error
    assert not (tmp_path / "picks.csv").exists()


def test_all_that_is_missing_is_named(tmp_path: Path, labelloop: Callable[..., Any]) -> None:
    """Not one after the other; on the command line by the options that give it."""
    with pytest.raises(
        SettingsError, match=r"'error_based' needs labels .*labeled\) and probabilities; give"
    ):
        select("error_based", batch_size=2, embeddings=X, labeled=KNOWN)
    paths = saved(tmp_path, embeddings=X, labeled=KNOWN)
    said = labelloop("select", "--strategy", "error_based", "--batch-size", "2", "--out", tmp_path / "p.csv",
                     "--embeddings", paths["embeddings"], "--labeled", paths["labeled"])  # fmt: skip
    assert said.code == 2
    assert re.search(r"needs --labels .*labeled\) and --probabilities; give them", said.error), said.error


def with_row(array: np.ndarray, row: int, values: float | list[float]) -> np.ndarray:
    changed = array.copy()
    changed[..., row, :] = values
    return changed


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "probabilities": ({"probabilities": with_row(P, 17, 5.0)}, r"probabilities of row 17 .*sum 15"),
    "not a number": (
        {"probabilities": with_row(P, 17, np.nan)},
        "probabilities of row 17 are not all finite",
    ),
    "members": ({"members": with_row(MEMBERS, 17, np.nan)}, "members of row 17 are not all finite"),
    "held out": ({"held_out": with_row(P, 17, 5.0)}, r"held_out of row 17 .*sum 15"),
    "half known": (
        {"held_out": with_row(P, 17, [0.5, 0.5, np.nan])},
        "held_out of row 17 are not all finite",
    ),
    "no code": ({"labels": [0, -5, 1]}, "the label of row 3 is -5; class codes are 0 or more"),
    "two labels": (
        {"labeled": [40, 3, 40], "labels": [0, 1, 2]},
        "row 40 is labeled more than once, as 0 and as 2",
    ),
}


@pytest.mark.parametrize(("changed", "said"), BAD.values(), ids=BAD.keys())
def test_what_is_wrong_about_labeled_rows_is_named(changed: dict[str, Any], said: str) -> None:
    """`error_based` reads just those."""
    given = {"embeddings": X, "probabilities": P, "labeled": KNOWN, "labels": LABELS} | changed
    with pytest.raises(DataError, match=said):
        select("error_based", batch_size=2, **given)


def test_rows_that_nobody_knows_of_may_be_held_out_as_nan() -> None:
    """And those that are not labeled may hold anything."""
    unknown = with_row(with_row(P, 17, np.nan), 5, 9.0)
    given = {"embeddings": X, "probabilities": P, "labeled": KNOWN, "labels": LABELS, "held_out": unknown}
    assert len(select("error_based", batch_size=2, **given)) == 2


@pytest.mark.parametrize("name", ["embeddings", "probabilities"])
def test_a_sparse_matrix_is_told_what_to_give_instead(name: str) -> None:
    from scipy.sparse import csr_matrix

    given: dict[str, Any] = {"embeddings": X, "probabilities": P}
    with pytest.raises(DataError, match=rf"{name} are a sparse matrix \(csr_matrix\); give an array"):
        select("uherding", batch_size=2, **(given | {name: csr_matrix(given[name])}))
