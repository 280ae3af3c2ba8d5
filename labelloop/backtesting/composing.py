"""A replay's batches, put together as `acquisition.compose` asks by what composes a live batch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from labelloop.acquisition.base import Context, Need, Picks, Strategy
from labelloop.acquisition.composition import Composition, compose
from labelloop.acquisition.composition_columns import composition_from, costs_of, needs_of
from labelloop.campaign import CampaignSettings
from labelloop.datasets.base import Prepared


@dataclass(frozen=True)
class Composing:
    """How a trial's batches are composed."""

    prepared: Prepared
    settings: CampaignSettings
    tested: np.ndarray
    """Rows of the pool that are the test set; they count for the caps."""
    mixed: bool
    """Whether the mix picks, once there is a model; else the trial's strategy alone."""
    money: float | None
    """For the whole trial, where items have costs of their own."""
    item_price: float
    """Money that all answers about an item of cost 1 cost."""

    def needs(self, strategy: Strategy, *, trained: bool) -> frozenset[Need]:
        """What a batch reads: the strategy's needs, or those of all in the mix."""
        return needs_of(self.settings.acquisition.compose, strategy, mixed=self.mixed and trained)

    def pick(
        self, strategy: Strategy, context: Context, wanted: int, *, trained: bool, spent: float
    ) -> Picks:
        """A batch of at most `wanted`; the first one is refused where filter and caps leave too few.

        Args:
            spent: money for all answers so far.

        Raises:
            SettingsError: the first batch does not fit.
        """
        whole = self._whole
        left = None if self.money is None else self.money - spent
        if left is not None and whole.costs is not None:
            allowed = context.candidates if whole.allowed is None else _let_in(whole.allowed, context)
            wanted = min(wanted, int((np.cumsum(np.sort(whole.costs[allowed])) <= left + 1e-9).sum()))
        mix = whole.mix if self.mixed and trained else ()
        composition = replace(whole, money=left, mix=mix)
        return compose(strategy, context, wanted, composition, cut=trained)

    @property
    def allowed(self) -> np.ndarray | None:
        """Rows that the filter lets in: shape (n,), bool; None without a filter."""
        return self._whole.allowed

    @cached_property
    def _whole(self) -> Composition:
        return composition_from(
            self.settings.acquisition.compose,
            self.prepared.pool.values,
            counted=self.tested,
            prices=self.item_price,
        )


def cost_multiples(prepared: Prepared, settings: CampaignSettings) -> np.ndarray | None:
    """What an answer about each row costs, as a multiple of the usual: shape (n,); None: all the same."""
    column = settings.acquisition.compose.cost_column
    return None if column is None else costs_of(column, prepared.pool.values)


def _let_in(allowed: np.ndarray, context: Context) -> np.ndarray:
    rows: np.ndarray = context.candidates[allowed[context.candidates]]
    return rows
