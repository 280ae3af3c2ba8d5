"""What a campaign's settings ask of a batch, on the campaign's data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from labelloop import datasets
from labelloop.acquisition.base import Context
from labelloop.acquisition.composition import Composition
from labelloop.acquisition.composition_columns import composition_from, costs_of, mixture
from labelloop.acquisition.filling import Batch
from labelloop.campaign import CampaignSettings
from labelloop.datasets.base import Prepared
from labelloop.errors import DataError, SettingsError
from labelloop.stopping import RoundSummary, affordable, item_cost
from labelloop.workspace import Workspace


def composition_of(
    prepared: Prepared,
    settings: CampaignSettings,
    taken: np.ndarray,
    *,
    money: float | None = None,
    mixed: bool = True,
) -> Composition:
    """The round's composition.

    Args:
        taken: rows asked about or labeled before; with the test set's they count for the caps.
        money: what is left for the strategy's arm.
        mixed: whether the mix picks; not without a model, where the cold start does.
    """
    return composition_from(
        settings.acquisition.compose,
        prepared.pool.values,
        counted=np.union1d(taken, np.flatnonzero(prepared.splits)).astype(np.int64),
        money=money,
        prices=item_cost(settings.annotation, settings.annotation.overlap),
        mixed=mixed,
    )


def costs(prepared: Prepared, settings: CampaignSettings) -> np.ndarray | None:
    """Money that all answers about each row of the pool cost, by the dearest annotators; None: all the same.

    Shape (n,), float64.
    """
    column = settings.acquisition.compose.cost_column
    if column is None:
        return None
    price = item_cost(settings.annotation, settings.annotation.overlap)
    return price * costs_of(column, prepared.pool.values)


def cost_multiples(
    workspace: Workspace, settings: CampaignSettings, items: Iterable[str]
) -> dict[str, float]:
    """What an answer about each item costs, as a multiple of the usual; empty without a cost column."""
    column = settings.acquisition.compose.cost_column
    if column is None:
        return {}
    pool = datasets.open_prepared(workspace.data).pool
    names = list(items)
    each = costs_of(column, pool.values)[pool.rows_of(names)]
    return dict(zip(names, each.tolist(), strict=True))


def open_rows(prepared: Prepared, settings: CampaignSettings, taken: np.ndarray) -> np.ndarray:
    """Rows that the strategy may still pick: not asked, let in by the filter, of a group with room.

    Shape (m,), int64, ascending.
    """
    rows = np.setdiff1d(np.flatnonzero(~prepared.splits), taken)
    composition = composition_of(prepared, settings, taken, mixed=False)
    if composition.allowed is not None:
        rows = rows[composition.allowed[rows]]
    nothing = np.empty(0, dtype=np.int64)
    context = Context(rows, nothing, None, None, 0)
    batch = Batch(context, composition.groups, composition.cap, composition.counted, None)
    return batch.open(rows)


def plan(
    workspace: Workspace,
    settings: CampaignSettings,
    taken: set[str],
    wanted: int,
    history: Sequence[RoundSummary],
    gold: frozenset[str] = frozenset(),
) -> int | tuple[str, str]:
    """How many new items a round may ask about under the composition, or (rule, reason) to stop before it.

    Args:
        taken: items asked about or labeled so far.
        wanted: items that the settings want.
        gold: items that are kept for the gold arm.

    Raises:
        SettingsError: the very first batch cannot be had; says how many can.
    """
    prepared = datasets.open_prepared(workspace.data)
    check_composition(prepared, settings)
    rows = open_rows(prepared, settings, prepared.pool.rows_of(sorted(taken)))
    rows = np.setdiff1d(rows, prepared.pool.rows_of(sorted(gold)))
    if not history and wanted > len(rows):
        raise SettingsError(
            f"the first batch asks about {wanted} items, but the filter and caps of acquisition.compose let "
            f"in {len(rows)}; lower acquisition.batch_size (or first_batch_size), raise cap_per_group or "
            "widen the filter"
        )
    if wanted and not len(rows):
        return "composition", "the filter and caps of acquisition.compose let in none of the items left"
    purse = money_left(workspace, settings, history)
    paid = len(rows)
    if purse is not None:
        dear = costs(prepared, settings)
        assert dear is not None
        paid = int((np.cumsum(np.sort(dear[rows])) <= purse + 1e-9).sum())
        settings = settings.model_copy(update={"budget": settings.budget.model_copy(update={"money": None})})
    testing = 0 if history else int(prepared.splits.sum())
    found = min(wanted, len(rows), paid, affordable(settings, history, test_items=testing))
    if found <= 0 < wanted:
        return (
            "budget",
            f"what is left of the budget pays for no further item (it has {purse or 0:g} in money)",
        )
    return found


def money_left(
    workspace: Workspace, settings: CampaignSettings, history: Sequence[RoundSummary]
) -> float | None:
    """What is left of budget.money for new items, where items have costs of their own; else None."""
    column, budget = settings.acquisition.compose.cost_column, settings.budget.money
    if column is None or budget is None:
        return None
    # Gold is asked on top; what it costs is kept aside as if its items cost what others do.
    gold, annotation = settings.gold, settings.annotation
    aside = 1 + gold.per_item * (gold.overlap or annotation.overlap) / annotation.overlap
    if history:
        return (budget - history[-1].money) / aside
    prepared = datasets.open_prepared(workspace.data)
    each = costs_of(column, prepared.pool.values)[prepared.splits]
    return (budget - item_cost(annotation, annotation.test_overlap) * float(each.sum())) / aside


def within(rows: np.ndarray, dear: np.ndarray | None, money: float | None) -> tuple[np.ndarray, float | None]:
    """The first of `rows` that the money pays for, and what is left of it."""
    if dear is None or money is None:
        return rows, money
    spent = np.cumsum(dear[rows])
    paid = rows[spent <= money + 1e-9]
    return paid, money - float(dear[paid].sum())


def check_composition(prepared: Prepared, settings: CampaignSettings) -> None:
    """All that may be wrong with the composition, found before a round is opened.

    Raises:
        SettingsError: a column does not exist or holds what it should not; names key, column and row.
    """
    try:
        composition_of(prepared, settings, np.empty(0, dtype=np.int64))
    except (SettingsError, DataError) as error:
        raise SettingsError(f"acquisition.compose.{error}") from None


def check_mix(settings: CampaignSettings) -> None:
    """Every strategy of the mix must exist, with its options and with what it reads.

    Raises:
        SettingsError: names the key, the value and the nearest real one.
    """
    try:
        parts = mixture(settings.acquisition.compose)
    except SettingsError as error:
        raise SettingsError(f"acquisition.compose.mix: {error}") from None
    for part, _ in parts:
        if "beliefs" in part.needs:
            raise SettingsError(
                f"acquisition.compose.mix: '{part.name}' shares out all of a round's votes, so it cannot be "
                "part of a mix; set acquisition.strategy to it, or leave it out"
            )
        if "members" in part.needs and not settings.model.committee:
            raise SettingsError(
                f"acquisition.compose.mix: '{part.name}' asks a committee, and there is none; set "
                "model.committee to 5 or more"
            )
        if "costs" in part.needs and settings.acquisition.compose.cost_column is None:
            raise SettingsError(
                f"acquisition.compose.mix: '{part.name}' reads costs, and items have none; set "
                "acquisition.compose.cost_column"
            )
