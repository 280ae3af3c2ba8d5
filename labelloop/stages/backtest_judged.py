"""What a backtest's trials prove against random: which of them are judged, and what the verdict is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from labelloop import files
from labelloop.backtesting.grid import Trial
from labelloop.backtesting.verdict import (
    BASELINE,
    FEWEST_SEEDS,
    Against,
    Verdict,
    judge_first_batch,
    judge_strategies,
    words_of,
)
from labelloop.campaign import CampaignSettings
from labelloop.datasets.base import Prepared
from labelloop.stages.backtest_followed import learner_of
from labelloop.stages.backtest_material import Material


@dataclass(frozen=True)
class Judged:
    """Which trials of a backtest are judged against random, and how.

    Those of one batch size and overlap, params.yaml's own if random was tried with them. Not the mix: what it
    does says nothing of its parts.
    """

    settings: CampaignSettings
    own: Trial
    tried: tuple[Trial, ...]
    seeds: int

    @property
    def trials(self) -> list[Trial]:
        """The trials that are judged, random among them; none where it was not tried."""
        plain = [trial for trial in self.tried if not trial.mixed]
        random = [(trial.batch_size, trial.overlap) for trial in plain if trial.strategy == BASELINE]
        own = (self.own.batch_size, self.own.overlap)
        chosen = own if own in random else next(iter(random), None)
        return [trial for trial in plain if (trial.batch_size, trial.overlap) == chosen]

    @property
    def opening(self) -> Trial | None:
        """A first batch at random, to compare the cold start with; None where that would tell nothing.

        Where items have costs of their own, first batches of as many items cost differently.
        """
        acquisition = self.settings.acquisition
        if (
            acquisition.cold_start == BASELINE
            or acquisition.compose.cost_column is not None
            or self.seeds < FEWEST_SEEDS
        ):
            return None
        like = self.tried[0]
        return Trial(BASELINE, like.batch_size, like.overlap, cold_start=BASELINE, rounds=1)

    def verdict(
        self,
        results: Mapping[tuple[int, Trial | None], pd.DataFrame],
        material: Material,
        prepared: Prepared,
        money: float | None,
    ) -> Verdict:
        """Every strategy against random, and the cold start against a random first batch.

        Args:
            money: what each trial was given; None is what params.yaml's plan costs.
        """
        settings, coverage, by = self.settings, self.settings.evaluation.interval, material.metric
        runs = [results[seed, trial] for seed in range(self.seeds) for trial in self.trials]
        strategies = {}
        if runs:
            curves = pd.concat(runs, ignore_index=True)
            strategies = judge_strategies(curves.assign(accuracy=curves[by]), coverage)
        first: dict[str, Against] = {}
        if self.opening is not None:
            cold, at_random = (
                [float(results[seed, trial][by].iloc[0]) for seed in range(self.seeds)]
                for trial in (self.tried[0], self.opening)
            )
            first = judge_first_batch(settings.acquisition.cold_start, cold, at_random, coverage)
        like = (self.trials or self.tried)[0]
        about = {
            "campaign": settings.campaign.name,
            "items": int((material.truth >= 0).sum()),
            "classes": sorted(prepared.classes),
            "model": learner_of(settings, prepared),
            "batch_size": like.batch_size,
            "overlap": like.overlap,
            "metric": by,
            "votes": material.source,
            "seeds": self.seeds,
            "coverage": coverage,
            "digest": _digest_of_what_is_alike(material, money),
        }
        return Verdict(about, strategies, first)


def _digest_of_what_is_alike(material: Material, money: float | None) -> str:
    """The same for backtests that may differ in the strategies they try, and in nothing else."""
    settings = material.settings.model_dump(mode="json")
    acquisition = {**settings["acquisition"], "strategy": None, "options": None}
    votes = None if material.votes is None else material.votes.to_csv(index=False)
    return files.digest_of([settings | {"acquisition": acquisition}, material.truth.tolist(), votes, money])


def verdict_notes(verdict: Verdict | None) -> list[str]:
    """What the backtest's page says of its verdict."""
    if verdict is None:
        return [
            "No verdict against random for auto to follow: it would be one on items that this campaign's own "
            "strategy has picked."
        ]
    worse = [name for name, found in verdict.strategies.items() if found.worse]
    said = "; ".join(f"{name} {words_of(verdict.strategies[name], verdict.about)}" for name in worse)
    notes = [f"Surely worse than random, over all of the money: {said}."] if worse else []
    return notes + [
        f"After the first batch {name} is at {words_of(found, verdict.about)} from a random one."
        for name, found in verdict.first_batch.items()
    ]
