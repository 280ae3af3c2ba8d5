"""The command `labelloop backtest`: replay campaigns on what is already labeled, before money is spent."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd

from labelloop import datasets, files
from labelloop.backtesting import recommend
from labelloop.backtesting.arena import make_arena
from labelloop.backtesting.compare import summarise
from labelloop.backtesting.composing import Composing, cost_multiples
from labelloop.backtesting.grid import Trial, check_sizes, name_of, purse_of, sizes_of, trials
from labelloop.backtesting.judging import ACCURACY, check_metric
from labelloop.backtesting.page import page
from labelloop.backtesting.replay import Arena, fit, judged_by, replay
from labelloop.backtesting.verdict import BASELINE, keep_verdict
from labelloop.campaign import CampaignSettings
from labelloop.one_thread import one_thread
from labelloop.reporting import plots
from labelloop.stages.backtest_judged import Judged, verdict_notes
from labelloop.stages.backtest_material import Material, from_campaign, from_params, label_source, notes_of
from labelloop.stages.prepare import new_learner
from labelloop.workspace import Workspace

Told = Callable[[int, int], None]
"""Hears how many of how many campaigns are replayed."""


def backtest(
    params: Path | None,
    out: Path,
    *,
    campaign: Path | None = None,
    strategies: Sequence[str] = (),
    batch_sizes: Sequence[int] = (),
    overlaps: Sequence[int] = (),
    votes: str = "",
    money: float | None = None,
    metric: str = ACCURACY,
    seeds: int = 5,
    workers: int = 1,
    verdict_for: Path | None = None,
    told: Told = lambda done, of: None,
) -> dict[str, Any]:
    """Write curves.csv, summary.json, curves.png, money.svg and backtest.html into `out`.

    Test sets, learners and first draws are the same for every trial of a seed. The result does not depend on
    `workers`.

    Args:
        params: params.yaml of a campaign whose data has labels; or
        campaign: the folder of a campaign that has closed a round: its labels and votes are replayed.
        strategies: names or import paths; empty: that of params.yaml, and random.
        batch_sizes, overlaps: to try; empty: those of params.yaml.
        votes: known, crew, recorded, or a file of votes; see `backtest_material`.
        money: for each trial's labels; None takes what params.yaml's own plan costs.
        metric: what trials are compared by: accuracy, macro_recall or recall:CLASS. Whatever is called
            accuracy in the summary is then that; curves.csv has both.
        verdict_for: folder of the campaign whose `auto` is to follow what is shown against random (see
            `keep_verdict`); None tells no campaign. Goes with `params` alone.

    Returns:
        What summary.json holds: `compare.summarise` by trial, `at_money` (see
        `recommend.compare_at_money`), metric, trials, votes, currency, notes and verdict.
    """
    with tempfile.TemporaryDirectory(prefix="labelloop-") as folder:
        if campaign is not None:
            material = from_campaign(campaign, votes or "recorded")
        else:
            material = from_params(params or Path("params.yaml"), Path(folder), votes or "known")
        prepared = datasets.open_prepared(Path(material.folder))
        check_metric(metric, prepared.classes)
        material = replace(material, metric=metric)
        settings = material.settings
        check_sizes(batch_sizes, settings)
        own_strategy, mixed = settings.acquisition.strategy, bool(settings.acquisition.compose.mix)
        own = Trial(own_strategy, settings.acquisition.batch_size, settings.annotation.overlap, mixed)
        tried = trials(
            list(strategies) or [own.strategy, BASELINE],
            list(batch_sizes) or [own.batch_size],
            list(overlaps) or [own.overlap],
            mixed=own_strategy if mixed else None,
        )
        judged = Judged(settings, own, tuple(tried), seeds) if campaign is None else None
        opening = None if judged is None else judged.opening
        replayed = (*tried, *([] if opening is None else [opening]), None)
        jobs = [(seed, trial) for seed in range(seeds) for trial in replayed]
        results = dict(_run(material, money, jobs, min(workers, len(jobs)), told))
        verdict = None if judged is None else judged.verdict(results, material, prepared, money)
    names = {trial: name_of(trial, tried) + _mixed(settings, trial) for trial in tried}
    curves = pd.concat(
        [results[seed, trial].assign(trial=names[trial]) for seed in range(seeds) for trial in tried],
        ignore_index=True,
    ).sort_values(["trial", "seed", "labels"], kind="stable", ignore_index=True)
    measured = curves
    if metric != ACCURACY:
        curves = curves.assign(accuracy=curves[metric])
    full = {seed: float(results[seed, None]["accuracy"].iloc[0]) for seed in range(seeds)}
    baseline = next((names[t] for t in tried if t.strategy == BASELINE and not t.mixed), BASELINE)
    kept = []
    if verdict is not None and verdict_for is not None:
        kept = [keep_verdict(Workspace.at(verdict_for).verdict, verdict)]
    summary = summarise(curves.assign(strategy=curves["trial"]), full, baseline) | {
        "at_money": recommend.compare_at_money(
            curves, own=names.get(own), currency=material.currency, coverage=settings.evaluation.interval
        ),
        "metric": metric,
        "trials": {name: {"strategy": trial.strategy, "batch_size": trial.batch_size,
                          "overlap": trial.overlap} for trial, name in names.items()},
        "votes": material.source,
        "currency": material.currency,
        "notes": [*notes_of(settings), *_metric_note(metric, tried),
                  *verdict_notes(verdict), *kept, *material.notes],
        "verdict": None if verdict is None else asdict(verdict),
    }  # fmt: skip
    alike = len({(trial.batch_size, trial.overlap) for trial in tried}) == 1
    _write(out, measured, curves, summary, f"{settings.campaign.name}, {seeds} seeds", one_axis=alike)
    return summary


def _metric_note(metric: str, tried: Sequence[Trial]) -> list[str]:
    sought = sorted({trial.strategy for trial in tried} & {"rare_class", "hard_negatives"})
    if metric != ACCURACY or not sought:
        return []
    return [f"{' and '.join(sought)} looks for one class, and a rare one hardly moves accuracy: compare by "
            "--metric recall:CLASS or macro_recall."]  # fmt: skip


def _write(
    out: Path,
    measured: pd.DataFrame,
    curves: pd.DataFrame,
    summary: dict[str, Any],
    title: str,
    *,
    one_axis: bool,
) -> None:
    """`measured` holds accuracy and the metric, `curves` the metric under the name of accuracy."""
    out.mkdir(parents=True, exist_ok=True)
    columns = ["trial", "strategy", "batch_size", "overlap", "seed", "labels", "cost", "accuracy"]
    metric = summary["metric"]
    columns += [metric] if metric != ACCURACY else []
    files.write_text(out / "curves.csv", measured[columns].to_csv(index=False, lineterminator="\n"))
    files.write_json(out / "summary.json", summary)
    by_money = recommend.at_money(curves, recommend.grid_of_money(curves)).rename(
        columns={"trial": "strategy", "money": "labels"}
    )
    axis = f"cost, {summary['currency']}"
    plots.backtest_curves(by_money, out / "money.svg", title=title, axis=axis, judged=metric)
    if one_axis:
        labeled = curves.assign(strategy=curves["trial"])
        plots.backtest_curves(labeled, out / "curves.png", title=title, judged=metric)
    else:
        plots.backtest_curves(by_money, out / "curves.png", title=title, axis=axis, judged=metric)
    drawing = (out / "money.svg").read_text(encoding="utf-8")
    files.write_text(out / "backtest.html", page(summary, drawing, title=f"Backtest of {title}"))


def _run(
    material: Material, money: float | None, jobs: list[tuple[int, Trial | None]], workers: int, told: Told
) -> Iterator[tuple[tuple[int, Trial | None], pd.DataFrame]]:
    if workers <= 1:
        for number, job in enumerate(jobs, start=1):
            yield job, replay_one(material, money, *job)
            told(number, len(jobs))
        return
    with _one_thread_each(), ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(replay_one, material, money, *job): job for job in jobs}
        for number, future in enumerate(as_completed(waiting), start=1):
            yield waiting[future], future.result()
            told(number, len(jobs))


def replay_one(material: Material, money: float | None, seed: int, trial: Trial | None) -> pd.DataFrame:
    """One campaign, a row a round; with no trial, what every label gives by the metric."""
    # One thread: several give other last bits, and the processes are as many as the cores already.
    with one_thread():
        arena = _arena(material, seed)
        if trial is None:
            codes = material.truth[arena.eligible]
            everything = fit(arena, arena.eligible, codes)
            return pd.DataFrame({"accuracy": [judged_by(material.metric, everything, arena)]})
        multiples = cost_multiples(arena.prepared, arena.settings)
        purse = None
        if multiples is not None:
            price = material.price_per_vote
            purse = purse_of(arena.settings, multiples[arena.eligible], money, price)
        sizes = sizes_of(trial, arena.settings, len(arena.eligible), money, to_the_end=multiples is not None)
        sizes = sizes[: trial.rounds]
        source = label_source(material, arena, trial.overlap, multiples)
        points = replay(
            arena,
            trial.strategy,
            sizes,
            source,
            cold_start=trial.cold_start,
            composing=_composing(material, arena, trial, purse),
            metric=material.metric,
        )
    return pd.DataFrame(
        [
            {"strategy": trial.strategy, "batch_size": trial.batch_size, "overlap": trial.overlap,
             "seed": seed, "labels": point.labels, "cost": point.cost, "accuracy": point.accuracy}
            | ({} if material.metric == ACCURACY else {material.metric: point.judged})
            for point in points
        ]
    )  # fmt: skip


def _composing(material: Material, arena: Arena, trial: Trial, purse: float | None) -> Composing | None:
    acquisition = arena.settings.acquisition
    if not acquisition.compose.is_set:
        return None
    return Composing(
        arena.prepared,
        arena.settings,
        tested=arena.tested,
        mixed=trial.mixed,
        money=purse,
        item_price=material.item_price(trial.overlap),
    )


def _mixed(settings: CampaignSettings, trial: Trial) -> str:
    """What the trial's name must add: with a mix, params.yaml's own strategy picks the first batch alone."""
    if not trial.mixed:
        return ""
    mix = settings.acquisition.compose.mix
    return f" (mix: {' + '.join(f'{share:.0%} {name}' for name, share in mix.items())})"


_MADE: dict[tuple[str, int], Arena] = {}


def _arena(material: Material, seed: int) -> Arena:
    """The seed's arena; the newest is kept, as a process mostly replays one seed's trials in a row."""
    key = (material.digest, seed)
    if key not in _MADE:
        _MADE.clear()
        prepared = datasets.open_prepared(Path(material.folder))
        _MADE[key] = make_arena(
            prepared, material.settings, seed, new_learner, truth=material.truth, tested=material.tested
        )
    return _MADE[key]


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Workers inherit the environment before they import anything that starts threads."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
