"""A batch in the making: strategies are asked until it is full; what a cap or the purse forbids stays out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from labelloop.acquisition.base import Context, Picks, Strategy
from labelloop.acquisition.keys import CHUNK
from labelloop.acquisition.selection import select_rows

ITEM_SCORES = frozenset(
    (
        "least_confident",
        "margin",
        "entropy",
        "bald",
        "vote_entropy",
        "consensus_entropy",
        "mean_kl",
        "relabel",
        "member_variance",
    )
)
"""Strategies whose scores are about one item each, 0 or more: they pick by score over cost."""
LOG_SCORES = frozenset(
    ("power_least_confident", "power_margin", "power_entropy", "power_bald", "power_member_variance")
)
"""Strategies that draw with chances proportional to a score: they draw by score over cost."""
GREEDY_GAINS = frozenset(("max_herding", "uherding", "auto"))
"""Strategies that add up a gain pick by pick: they pick by gain over cost, given the picks before."""
_HAIR = 1e-9


class Batch:
    """Rows picked so far, what is left of the caps, and why.

    Args:
        groups: shape (n,), int64; -1 for a row that is a group of its own.
        cap: rows of a group in all.
        counted: rows beside `context.labeled` that count.
        costs: shape (n,), above 0.
    """

    def __init__(
        self,
        context: Context,
        groups: np.ndarray | None,
        cap: int | None,
        counted: np.ndarray | None,
        costs: np.ndarray | None,
    ) -> None:
        self._context = context
        self._groups = groups if cap is not None else None
        self._costs = costs
        self._left: np.ndarray = np.empty(0, dtype=np.int64)
        if self._groups is not None and cap is not None:
            before = context.labeled if counted is None else np.union1d(context.labeled, counted)
            codes = self._groups[before]
            used = np.bincount(codes[codes >= 0], minlength=int(self._groups.max(initial=-1)) + 1)
            self._left = np.maximum(cap - used, 0)
        self._rows: list[int] = []
        self._scores: list[float] = []
        self._chances: list[float] = []
        self._draws: list[float] = []
        self.reasons: list[str] = []

    def __len__(self) -> int:
        return len(self._rows)

    def room(self, rows: np.ndarray) -> int:
        """How many of `rows` the caps let into the batch."""
        if self._groups is None:
            return len(rows)
        codes = self._groups[rows]
        present, sizes = np.unique(codes[codes >= 0], return_counts=True)
        return int((codes < 0).sum() + np.minimum(sizes, self._left[present]).sum())

    def fill(self, strategy: Strategy, rows: np.ndarray, quota: int, purse: float) -> float:
        """Take `quota` of `rows`, or as many as fit; return what is left of the purse.

        Args:
            rows: shape (m,), int64, ascending.
        """
        while quota > 0 and len(open_rows := self.open(rows, purse)):
            picks = self._ranked(strategy, open_rows, min(quota, len(open_rows)))
            if picks.reason and picks.reason not in self.reasons:
                self.reasons.append(picks.reason)
            draws = np.full(len(picks.rows), np.nan) if picks.draws is None else picks.draws
            for row, score, chance, draw in zip(
                picks.rows.tolist(), picks.scores, picks.probabilities, draws, strict=True
            ):
                price = 0.0 if self._costs is None else float(self._costs[row])
                if quota == 0 or price > purse + _HAIR or self._is_full(row):
                    continue
                self._take(row, float(score), float(chance), float(draw))
                quota, purse = quota - 1, purse - price
        return purse

    def picks(self, chances: bool | list[tuple[int, float]], *, draws: bool = False) -> Picks:
        """The batch; chances are the strategies' own (True), unknown (False), or given as (rows, chance).

        Args:
            draws: whether the strategies' chances of the draws hold; else they are unknown.
        """
        known = np.array(self._chances, dtype=np.float64)
        if chances is False:
            known[:] = np.nan
        elif isinstance(chances, list):
            known = np.repeat([chance for _, chance in chances], [count for count, _ in chances])
        drawn = np.array(self._draws, dtype=np.float64) if draws else None
        rows, scores = np.array(self._rows, dtype=np.int64), np.array(self._scores, dtype=np.float64)
        return Picks(rows, scores, known, draws=drawn)

    def _take(self, row: int, score: float, chance: float, draw: float) -> None:
        self._rows.append(row)
        self._scores.append(score)
        self._chances.append(chance)
        self._draws.append(draw)
        if self._groups is not None and self._groups[row] >= 0:
            self._left[self._groups[row]] -= 1

    def _is_full(self, row: int) -> bool:
        return self._groups is not None and self._groups[row] >= 0 and self._left[self._groups[row]] == 0

    def open(self, rows: np.ndarray, purse: float = np.inf) -> np.ndarray:
        """Those of `rows` that would still fit.

        Args:
            rows: shape (m,), int64, ascending.
        """
        keep = np.ones(len(rows), dtype=bool)
        if len(rows):
            picked = np.array(self._rows, dtype=np.int64)
            places = np.minimum(np.searchsorted(rows, picked), len(rows) - 1)
            keep[places[rows[places] == picked]] = False
        for start in range(0, len(rows), CHUNK):
            part = slice(start, start + CHUNK)
            if self._groups is not None and len(self._left):
                codes = self._groups[rows[part]]
                keep[part] &= (codes < 0) | (self._left[codes] > 0)
            if self._costs is not None:
                keep[part] &= self._costs[rows[part]] <= purse + _HAIR
        return rows if keep.all() else rows[keep]

    def _ranked(self, strategy: Strategy, rows: np.ndarray, wanted: int) -> Picks:
        """The strategy's picks, by gain over cost where costs are known and the strategy can."""
        context = self._now(rows)
        if strategy.name in ITEM_SCORES | LOG_SCORES | GREEDY_GAINS or "costs" in strategy.needs:
            context = replace(context, costs=self._costs)
        return select_rows(strategy, context, wanted)

    def _now(self, rows: np.ndarray) -> Context:
        """The context with what is picked already among the labeled rows, without labels."""
        context = self._context
        if not self._rows:
            return replace(context, candidates=rows)
        labeled = np.concatenate([context.labeled, np.array(self._rows, dtype=np.int64)])
        order = np.argsort(labeled, kind="stable")
        labels = context.labels
        if labels is not None or not len(context.labeled):
            known = np.empty(0, dtype=np.int64) if labels is None else labels
            labels = np.concatenate([known, np.full(len(self._rows), -1, dtype=np.int64)])[order]
        return replace(context, candidates=rows, labeled=labeled[order], labels=labels)
