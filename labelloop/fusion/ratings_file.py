"""Fuse a file of ratings that came from anywhere: `labelloop fuse RATINGS --ratings --out VALUES`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labelloop.errors import DataError
from labelloop.fusion import check_options
from labelloop.fusion.coding import latest_rows
from labelloop.fusion.gold_labels import none_of_the_votes, without_contradictions
from labelloop.fusion.labels_file import check_suffix, write_table
from labelloop.fusion.ratings import FusedRatings, Ratings, fuse_ratings
from labelloop.fusion.votes_file import read_gold, read_votes

UNSETTLED = (
    "the values were still moving when the rounds were used up, so bias and noise are not to be relied on; "
    "give more rounds (--option max_iter=5000), or estimate no bias (--option bias=false)"
)


def fuse_ratings_file(
    ratings_path: str | Path,
    out_path: str | Path,
    *,
    options: Mapping[str, Any] | None = None,
    gold_path: str | Path | None = None,
    item_column: str = "item",
    annotator_column: str = "annotator",
    label_column: str = "label",
) -> dict[str, Any]:
    """Fuse ratings into one value an item, and write item, value, standard_error, votes, lowest and highest.

    Of several ratings of one annotator to one item the latest counts; see `coding.code_votes`.

    Args:
        options: keyword arguments of `fuse_ratings`.
        gold_path: true values; the fused ones and plain means are held against them.

    Returns:
        items, annotators, votes, repeats_dropped, whether it converged, a warning where it did not, out,
        annotators' bias and noise by name (people), and gold: None, or items compared, contradicting (items
        that the file gives several values, left out), without_votes, and mean absolute and root mean square
        errors of values and of means.

    Raises:
        DataError: the ratings, the gold or the name of the output are not as they must be; no item of the
            gold has votes.
        SettingsError: an option is not known, or its value is none.
    """
    out_path = Path(out_path)
    check_suffix(out_path)
    check_options("ratings", fuse_ratings, options or {})
    answers = read_votes(ratings_path, item_column, annotator_column, label_column)
    answers["number"] = _numbers(answers["label"], Path(ratings_path), label_column)
    table = answers.iloc[latest_rows(answers)]
    item, items = pd.factorize(table["item"], sort=True)
    who, people = pd.factorize(table["annotator"], sort=True)
    ratings = Ratings(item.astype(np.int64), who.astype(np.int64), table["number"].to_numpy())
    fused = fuse_ratings(ratings, **(options or {}))
    by_item = table.groupby("item", sort=True)["number"]
    values = pd.DataFrame(
        {
            "item": items,
            "value": fused.value,
            "standard_error": fused.standard_error,
            "votes": fused.votes,
            "lowest": by_item.min().to_numpy(),
            "highest": by_item.max().to_numpy(),
        }
    )
    gold = None
    if gold_path is not None:
        told = read_gold(gold_path, item_column, label_column)
        gold = _against(told, values, by_item.mean().to_numpy(), Path(gold_path))
    write_table(values, out_path)
    return {
        "items": len(items),
        "annotators": len(people),
        "votes": len(table),
        "repeats_dropped": len(answers) - len(table),
        "converged": fused.converged,
        **({} if fused.converged else {"warning": UNSETTLED}),
        "people": _people(people, fused),
        "gold": gold,
        "out": str(out_path),
    }


def _numbers(column: pd.Series, path: Path, name: str) -> np.ndarray:
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"{path}, row {row + 1}, column {name!r}: {column.iloc[row]!r} is not a finite "
                        "number; without --ratings, answers may be any text")  # fmt: skip
    return numbers


def _people(names: Any, fused: FusedRatings) -> dict[str, dict[str, float]]:
    return {
        str(name): {"bias": float(bias), "noise": float(noise)}
        for name, bias, noise in zip(names, fused.bias, fused.noise, strict=True)
    }


def _against(gold: pd.DataFrame, values: pd.DataFrame, means: np.ndarray, path: Path) -> dict[str, float]:
    # As numbers, 2 and 2.0 do not contradict each other.
    clear, contradicting = without_contradictions(gold.assign(label=_numbers(gold["label"], path, "label")))
    truth = clear.set_index("item")["label"].reindex(values["item"]).to_numpy()
    there = ~np.isnan(truth)
    if not there.any():
        raise DataError(none_of_the_votes(path, gold, values["item"].to_numpy()))
    found: dict[str, float] = {
        "compared": int(there.sum()),
        "contradicting": len(contradicting),
        "without_votes": len(clear) - int(there.sum()),
    }
    for name, value in (("value", values["value"].to_numpy()), ("mean", means)):
        error = (value - truth)[there]
        if len(error):
            found[f"mean absolute error of the {name}"] = float(np.abs(error).mean())
            found[f"root mean square error of the {name}"] = float(np.sqrt((error**2).mean()))
    return found
