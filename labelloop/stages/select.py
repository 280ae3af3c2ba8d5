"""select: which items the round asks about, and in which arm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from labelloop import datasets, files, tables
from labelloop.acquisition import control
from labelloop.campaign import Annotation, CampaignSettings
from labelloop.datasets.base import Prepared
from labelloop.stages import gold_arm, one_scale
from labelloop.stages.audit_arm import audit_arm, audit_rows
from labelloop.stages.composing import costs, within
from labelloop.stages.fused_stream import as_if_unread
from labelloop.stages.last_looks import choose_last_looks
from labelloop.stages.overruling import known_verdicts, overrule
from labelloop.stages.pool_order import first_rows
from labelloop.stages.reducing import RunCandidates
from labelloop.stages.routing import route_batch
from labelloop.stages.runner import Round
from labelloop.stages.second_looks import (
    NO_SECOND_LOOKS,
    SecondLooks,
    as_dealt,
    choose_second_looks,
    expert_votes,
    with_second_looks,
)
from labelloop.stages.strategy_arm import arm, strategy_arm


def select(current: Round, run_shards: RunCandidates | None = None) -> None:
    """Write batch.parquet, asked.parquet, routing.parquet and selection.json, which says why.

    The control arm is chosen first, from an order fixed before the campaign began, then what is audited of
    the model's accepted labels; the strategy fills what is left of the batch. In r000 a sampled test set is
    asked as well.

    Args:
        run_shards: looks through the shards of a large pool; see `labelloop.stages.reducing`.
    """
    prepared = datasets.open_prepared(current.workspace.data)
    settings, about = current.settings, current.about
    asked = tables.ASKED.read(current.previous.asked)
    before = tables.LABELS.read(current.previous.labels)
    labels = overrule(current, current.previous, before, known_verdicts(current), settings.review)
    taken = np.union1d(
        prepared.pool.rows_of(asked["item"].tolist()), prepared.pool.rows_of(labels["item"].tolist())
    ).astype(np.int64)
    gold = gold_arm.open_gold(current, prepared, asked)
    unlearned = prepared.splits | gold.reserved

    order = first_rows(current.workspace, prepared.pool, ~unlearned, about["control_size"],
                       seed=settings.campaign.seed, purpose=control.PURPOSE)  # fmt: skip
    control_rows = control.choose_control(order, about["control_size"], 1.0, taken)[: about["new_items"]]
    control_rows, money = within(control_rows, costs(prepared, settings), about.get("money"))
    room = about["new_items"] - len(control_rows)
    audited = audit_rows(
        current, prepared, np.union1d(np.union1d(taken, control_rows), np.flatnonzero(gold.reserved)), room
    )
    audited, money = within(audited, costs(prepared, settings), money)
    at_random = np.union1d(control_rows, audited).astype(np.int64)
    candidates = _open(unlearned, taken, at_random)
    wanted = min(room - len(audited), len(candidates))
    # Test items and gold teach nobody, so they cover nothing; this round's control and audit items soon will.
    covered = np.union1d(np.setdiff1d(taken, np.flatnonzero(unlearned)), at_random).astype(np.int64)
    open_ones, unread = as_if_unread(current, asked, before, labels)
    looks = _second_looks(current, prepared, open_ones, unread, candidates, wanted)
    if looks is not None:
        wanted = looks.new_items
        if not current.only_looks:
            looks, money = _within_money(looks, money, prepared, settings)
    told = None if looks is None else looks.told
    strategy, reason = strategy_arm(
        current, candidates, covered, wanted, prepared, labels, money, run_shards, told
    )
    left = len(_open(unlearned, taken))
    parts = [strategy, _control_arm(len(_open(unlearned)), control_rows, about, left), audit_arm(audited)]
    if not len(asked):
        parts.append(_test_arm(prepared))
    batch = _batch(parts, prepared, settings.annotation)
    batch, about_gold = gold_arm.mixed(current, batch, gold, prepared, asked)
    if about_gold is not None:
        reason["gold"] = about_gold
    further = looks.further if looks is not None else NO_SECOND_LOOKS
    routed = route_batch(current, prepared, batch, further, unread, gold.labels)
    batch = routed.batch
    if looks is not None:
        reason["second_looks"] = as_dealt(looks.about, routed.further)
    tables.ROUTING.write(routed.table, current.folder.routing)
    newly = batch[["item", "arm", "overlap"]].assign(round=current.id)
    if len(routed.further):
        batch, asked = with_second_looks(batch, asked, routed.further)
    tables.BATCH.write(batch, current.folder.batch)
    everything = pd.concat([asked, newly], ignore_index=True) if len(asked) else newly
    tables.ASKED.write(everything, current.folder.asked)
    # What is audited was drawn apart, so the others' chances say nothing of it.
    drawn_from = None if len(audited) else left
    files.write_json(current.folder.selection, reason | routed.about | {"drawn_from": drawn_from})


def _open(closed: np.ndarray, *further: np.ndarray) -> np.ndarray:
    """Rows that are neither closed, shape (n,), bool, nor among further rows; int64, ascending."""
    is_open = ~closed
    for rows in further:
        is_open[rows] = False
    return np.flatnonzero(is_open)


def _batch(parts: list[pd.DataFrame], prepared: Prepared, annotation: Annotation) -> pd.DataFrame:
    """The arms, one behind the other, as a table of columns of `tables.BATCH`."""
    chosen = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
    return pd.DataFrame(
        {
            "item": prepared.pool.ids_of(chosen["row"].to_numpy(dtype=np.int64)),
            "arm": chosen["arm"].astype(str),
            "rank": np.arange(len(chosen)),
            "score": chosen["score"].astype(float),
            "probability": chosen["probability"].astype(float),
            "draw_probability": chosen["draw_probability"].astype(float),
            "overlap": np.where(chosen["arm"] == "test", annotation.test_overlap, annotation.overlap),
        }
    )


def _second_looks(
    current: Round,
    prepared: Prepared,
    asked: pd.DataFrame,
    labels: pd.DataFrame,
    candidates: np.ndarray,
    wanted: int,
) -> SecondLooks | None:
    """Further votes about older items, as the strategy weighs them; None in a campaign or round without."""
    if current.settings.annotation.max_overlap is None or not len(asked) or current.settles:
        return None
    if current.only_looks:
        return choose_last_looks(current, prepared, asked, labels)
    strategy = files.read_json(current.folder.scores / "scores.json")["strategy"]
    if strategy == one_scale.STRATEGY:
        return one_scale.choose_on_one_scale(current, prepared, asked, labels, candidates, wanted)
    return choose_second_looks(current, prepared, asked, labels, wanted)


def _within_money(
    looks: SecondLooks, money: float | None, prepared: Prepared, settings: CampaignSettings
) -> tuple[SecondLooks, float | None]:
    """The second looks that the strategy's money pays for, and what is left of it; None where items cost the
    same."""
    each = costs(prepared, settings)
    if money is None or each is None or not len(looks.further):
        return looks, money
    rows = prepared.pool.rows_of(looks.further["item"].tolist())
    votes = looks.further["overlap"].to_numpy(dtype=float)
    dearer = np.where(looks.further["tier"] == "expert", expert_votes(settings.annotation), 1.0)
    spent = np.cumsum(each[rows] * votes * dearer / settings.annotation.overlap)
    paid = int((spent <= money + 1e-9).sum())
    about = looks.about | {"votes": int(votes[:paid].sum())}
    left = money - (float(spent[paid - 1]) if paid else 0.0)
    return replace(looks, further=looks.further.iloc[:paid], about=about), left


def _control_arm(eligible: int, rows: np.ndarray, about: dict[str, Any], left: int) -> pd.DataFrame:
    # The chance of being in the control sample, over the draw of the order: its size over the pool's.
    chance = min(1.0, about["control_size"] / max(1, eligible))
    # What of the order is not known yet is a random order of the items not asked yet: each is as likely.
    return arm("control", rows, np.nan, chance if len(rows) else 1.0, 1.0 / (left - np.arange(len(rows))))


def _test_arm(prepared: Prepared) -> pd.DataFrame:
    rows = np.flatnonzero(prepared.splits)
    return arm("test", rows, np.nan, len(rows) / max(1, len(prepared.pool)))
