"""Labels as a campaign's simulated crew would give them: for twins and backtests, without a tool."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from labelloop.adapters.tools.crew import work
from labelloop.adapters.tools.keys import TaskKey
from labelloop.backtesting.arena import known_codes
from labelloop.backtesting.replay import Arena
from labelloop.campaign import CampaignSettings
from labelloop.ledger import round_name
from labelloop.models.out_of_fold import out_of_fold
from labelloop.stages.fuse import fuse_as_set


class CrewVotes:
    """A source of labels for `replay`: the crew answers, and the campaign's fusion makes labels of it.

    Args:
        multiples: shape (n,), what an answer about each row costs in units of the annotator's price.

    Attributes:
        cost: money for all answers so far.
        votes: how many there are.
        posterior: shape (rows asked so far, n_classes), of the rows of the last call; NaN without an answer.
    """

    def __init__(
        self,
        settings: CampaignSettings,
        arena: Arena,
        overlap: int | None = None,
        multiples: np.ndarray | None = None,
    ) -> None:
        self.settings, self.arena = settings, arena
        self.overlap = overlap or settings.annotation.overlap
        self.multiples = multiples
        self.codes = known_codes(arena.prepared)
        experts = settings.annotation.routing.experts
        self._crew = [one for one in settings.annotation.simulation.annotators if one.name not in experts]
        self.cost, self.votes = 0.0, 0
        self.posterior: np.ndarray = np.zeros((0, len(arena.prepared.classes)))
        self._answers: list[dict[str, Any]] = []
        self._asked: set[str] = set()

    def __call__(self, rows: np.ndarray, number: int) -> np.ndarray:
        """Class codes of all rows asked so far; -1 where nobody gave an answer that counts."""
        settings, prepared = self.settings, self.arena.prepared
        ids = prepared.pool.ids[rows]
        tasks = [
            TaskKey(settings.campaign.name, round_name(number), item, copy)
            for item in ids
            if item not in self._asked
            for copy in range(self.overlap)
        ]
        self._asked.update(ids)
        answers = work(
            tasks,
            start=datetime(2026, 1, 5, 9, tzinfo=UTC),
            crew=self._crew,
            cost_per_vote=settings.annotation.cost_per_vote,
            truth={item: prepared.classes[self.codes[row]] for item, row in zip(ids, rows, strict=True)},
            classes=prepared.classes,
            seed=self.arena.seed,
            skips_to_review=settings.annotation.skips_to_review,
        )
        item_of = {task.text: task.item for task in tasks}
        given = [answer for answer in answers if answer.action == "submitted"]
        self._answers.extend(
            {"vote": answer.id, "item": item_of[answer.key], "annotator": answer.annotator,
             "value": answer.value, "answered_at": answer.answered_at}
            for answer in given
        )  # fmt: skip
        times = {} if self.multiples is None else dict(zip(ids, self.multiples[rows].tolist(), strict=True))
        self.cost += sum((answer.cost or 0.0) * times.get(item_of[answer.key], 1.0) for answer in given)
        self.votes += len(given)
        fused = fuse_as_set(
            pd.DataFrame(self._answers),
            prepared,
            settings,
            lambda: out_of_fold(self.arena.learner, prepared, settings.fusion.folds, set()),
        ).table
        code = {name: number for number, name in enumerate(prepared.classes)}
        label = dict(zip(fused["item"], fused["label"].map(code), strict=True))
        sure = dict(zip(fused["item"], fused["posterior"], strict=True))
        unknown: np.ndarray = np.full(len(code), np.nan)
        self.posterior = np.stack([np.asarray(sure.get(item, unknown), dtype=np.float64) for item in ids])
        return np.array([label.get(item, -1) for item in ids], dtype=np.int64)
