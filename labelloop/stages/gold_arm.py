"""The gold arm: items whose true label is known, asked among the others.

What gold there is when a round opens is kept in its gold.csv, a source: the campaign's file may grow later.
Gold items are drawn at random among those not asked yet and put at random places of the batch, so neither
key, payload nor place tells an annotator which they are. They belong to no other arm: gold is outside the
pool that strategy and control choose from, so what is learned, tested and saved never rests on it.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labelloop import files
from labelloop.acquisition.keys import id_keys
from labelloop.asking import known_people
from labelloop.campaign import CampaignSettings
from labelloop.datasets.base import Prepared
from labelloop.errors import DataError
from labelloop.fusion.votes_file import read_gold
from labelloop.stages.people import annotation_of
from labelloop.stages.runner import Round


@dataclass(frozen=True)
class GoldArm:
    """The gold of a round: what there is, and what is asked."""

    labels: dict[str, str]
    """True labels by item."""
    reserved: np.ndarray
    """Shape (len(pool),), bool: items that no other arm may ask about, and no model learns from."""
    asked: frozenset[str]
    """Items asked as gold in earlier rounds."""
    candidates: np.ndarray
    """Rows of the pool that may be asked as gold now, int64."""


def open_gold(current: Round, prepared: Prepared, asked: pd.DataFrame) -> GoldArm:
    """The round's gold; writes gold.csv where it is not there yet.

    Args:
        asked: `tables.ASKED` of the rounds before.

    Raises:
        DataError: see `gold_labels`.
    """
    if not current.folder.gold.exists():
        labels = gold_labels(current.workspace.root, current.settings, prepared, asked)
        files.write_text(current.folder.gold, _as_csv(labels))
    labels = read_gold_csv(current.folder.gold)
    before = frozenset(asked.loc[asked["arm"] == "gold", "item"])
    reserved = np.zeros(len(prepared.pool), dtype=bool)
    reserved[prepared.pool.rows_of(sorted({*labels, *before}))] = True
    candidates = np.sort(prepared.pool.rows_of(sorted(set(labels) - before)))
    return GoldArm(labels, reserved, before, candidates)


def unasked_gold(
    root: Path, settings: CampaignSettings, prepared: Prepared, asked: pd.DataFrame
) -> frozenset[str]:
    """Items that are gold by the settings as they are now and were not asked about yet.

    Raises:
        DataError: see `gold_labels`.
    """
    return frozenset(gold_labels(root, settings, prepared, asked)) - set(asked["item"])


def gold_labels(
    root: Path, settings: CampaignSettings, prepared: Prepared, asked: pd.DataFrame
) -> dict[str, str]:
    """True labels of the items that are gold: as the settings say, less what another arm has asked about.

    Such items, and those of the test set, stay what they are: their labels are in use already.

    Raises:
        DataError: the file cannot be read, names an unknown item or class, or one item twice with different
            labels; or there are fewer known labels than `gold.known`.
    """
    gold = settings.gold
    if not gold.on:
        return {}
    elsewhere = set(asked.loc[asked["arm"] != "gold", "item"]) | set(prepared.pool.ids[prepared.splits])
    if gold.path is not None:
        labels = _from_file(root / gold.path, prepared)
        return {item: labels[item] for item in sorted(labels) if item not in elsewhere}
    ids, known = prepared.pool.ids, prepared.known
    there = np.array([label is not None for label in known]) & ~prepared.splits
    rows = np.flatnonzero(there & ~np.isin(ids, list(elsewhere)))
    if gold.known > there.sum():
        have = f"{int(there.sum())} {'item' if there.sum() == 1 else 'items'} of the pool came with a label"
        raise DataError(f"gold.known is {gold.known}, but only {have}; lower it, or give a file (gold.path)")
    drawn = rows[np.argsort(id_keys(ids[rows], settings.campaign.seed, "gold"), kind="stable")][: gold.known]
    return {str(ids[row]): str(known[row]) for row in sorted(drawn, key=lambda row: str(ids[row]))}


def read_gold_csv(path: Path) -> dict[str, str]:
    """What `open_gold` wrote: true labels by item, sorted."""
    with path.open(encoding="utf-8", newline="") as stream:
        return {row["item"]: row["label"] for row in csv.DictReader(stream)}


def mixed(
    current: Round, batch: pd.DataFrame, gold: GoldArm, prepared: Prepared, asked: pd.DataFrame
) -> tuple[pd.DataFrame, dict[str, Any] | None]:
    """The batch with gold at random places, and what selection.json says of it; None without any gold.

    Args:
        batch: `tables.BATCH` of the other arms, in their order, which stays.
        asked: `tables.ASKED` of the rounds before.
    """
    settings = current.settings
    if not settings.gold.on:
        return batch, None
    fresh = int(batch["arm"].isin(["strategy", "control"]).sum())
    before = int(asked["arm"].isin(["strategy", "control"]).sum())
    due = math.floor(settings.gold.per_item * (before + fresh) + 1e-9) - len(gold.asked)
    # Gold that came late is not made up for in one batch.
    wanted = max(0, min(due, math.ceil(settings.gold.per_item * fresh)))
    rng = np.random.default_rng([current.about["seed"], 7])
    # By id, so that the draw does not depend on the pool's order.
    ids = np.sort(prepared.pool.ids_of(gold.candidates).astype(str)).astype(object)
    picked = rng.permutation(ids)[:wanted]
    told = {"known": len(gold.labels), "asked": len(picked), "asked_before": len(gold.asked),
            "left": len(ids) - len(picked)}  # fmt: skip
    if not len(picked):
        return batch, told
    rows = pd.DataFrame(
        {
            "item": picked,
            "arm": "gold",
            "rank": 0,
            "score": np.nan,
            "probability": len(picked) / len(ids),
            "draw_probability": 1.0 / (len(ids) - np.arange(len(picked))),
            "overlap": _overlap(current),
        }
    )
    places = np.sort(rng.choice(len(batch) + len(rows), len(rows), replace=False))
    is_gold = np.zeros(len(batch) + len(rows), dtype=bool)
    is_gold[places] = True
    both = pd.concat([batch, rows], ignore_index=True) if len(batch) else rows
    order = np.empty(len(both), dtype=np.int64)
    order[~is_gold], order[is_gold] = np.arange(len(batch)), np.arange(len(batch), len(both))
    return both.iloc[order].reset_index(drop=True).assign(rank=np.arange(len(both))), told


def _overlap(current: Round) -> int:
    """Annotators asked about each gold item: no more than may be asked now."""
    wanted = current.settings.gold.overlap or current.settings.annotation.overlap
    people = known_people(annotation_of(current))
    return wanted if people is None else min(wanted, len(people))


def _from_file(path: Path, prepared: Prepared) -> dict[str, str]:
    table = read_gold(path).drop_duplicates()
    twice = table.loc[table["item"].duplicated(), "item"]
    if len(twice):
        raise DataError(f"{path}: item {twice.iloc[0]!r} has more than one label; keep the true one")
    strange = table[~table["label"].isin(prepared.classes)]
    if len(strange):
        item, label = strange.iloc[0]
        raise DataError(f"{path}: item {item!r} has the label {label!r}, which is not one of the "
                        f"{len(prepared.classes)} classes: {', '.join(prepared.classes[:20])}")  # fmt: skip
    unknown = table.loc[~table["item"].isin(prepared.pool.ids), "item"]
    if len(unknown):
        raise DataError(f"{path}: item {unknown.iloc[0]!r} is not in the pool ({len(unknown)} such items); "
                        f"ids there look like {str(prepared.pool.ids[0])!r}")  # fmt: skip
    return dict(zip(table["item"], table["label"], strict=True))


def _as_csv(labels: dict[str, str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["item", "label"])
    writer.writerows(labels.items())
    return text.getvalue()
