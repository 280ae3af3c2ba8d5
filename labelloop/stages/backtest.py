"""The command `labelloop backtest`: replay params.yaml's campaign with several strategies and seeds."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd

from labelloop import datasets, files, plots
from labelloop.backtesting.arena import batch_sizes, known_codes, make_arena
from labelloop.backtesting.compare import summarise
from labelloop.backtesting.replay import accuracy, fit, replay
from labelloop.campaign import CampaignSettings, load_settings
from labelloop.one_thread import one_thread
from labelloop.stages.prepare import new_learner

Told = Callable[[int, int], None]
"""Hears how many of how many seeds are done."""


def backtest(
    params: Path,
    out: Path,
    *,
    strategies: Sequence[str] = (),
    seeds: int = 5,
    workers: int = 1,
    told: Told = lambda done, of: None,
) -> dict[str, Any]:
    """Write curves.csv (strategy, seed, labels, accuracy), summary.json and curves.png into `out`.

    Starts, test sets and learners are the same for every strategy of a seed. The result does not depend on
    `workers`.

    Returns:
        What summary.json holds; see `backtesting.compare.summarise`.
    """
    settings = load_settings(params)
    names = list(dict.fromkeys(strategies or [settings.acquisition.strategy, "random"]))
    with tempfile.TemporaryDirectory(prefix="labelloop-") as folder:
        prepared = Path(folder)
        datasets.prepare(
            settings.dataset,
            settings.labels,
            test_size=settings.evaluation.test_size,
            seed=settings.campaign.seed,
            root=params.resolve().parent,
            out=prepared,
        )
        jobs = [(str(prepared), settings, names, seed) for seed in range(seeds)]
        results = dict(_run(jobs, min(workers, seeds), told))
    curves = pd.concat([results[seed][0] for seed in sorted(results)], ignore_index=True)
    curves = curves.sort_values(["strategy", "seed", "labels"], kind="stable", ignore_index=True)
    summary = summarise(curves, {seed: results[seed][1] for seed in sorted(results)})
    out.mkdir(parents=True, exist_ok=True)
    files.write_text(out / "curves.csv", curves.to_csv(index=False, lineterminator="\n"))
    files.write_json(out / "summary.json", summary)
    plots.backtest_curves(curves, out / "curves.png", title=f"{settings.campaign.name}, {seeds} seeds")
    return summary


def _run(
    jobs: list[tuple[str, CampaignSettings, list[str], int]], workers: int, told: Told
) -> Iterator[tuple[int, tuple[pd.DataFrame, float]]]:
    if workers <= 1:
        for number, job in enumerate(jobs, start=1):
            yield job[-1], replay_seed(*job)
            told(number, len(jobs))
        return
    with _one_thread_each(), ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting: dict[Future[tuple[pd.DataFrame, float]], int] = {
            pool.submit(replay_seed, *job): job[-1] for job in jobs
        }
        for number, future in enumerate(as_completed(waiting), start=1):
            yield waiting[future], future.result()
            told(number, len(jobs))


def replay_seed(
    folder: str, settings: CampaignSettings, names: Sequence[str], seed: int
) -> tuple[pd.DataFrame, float]:
    """All strategies with one seed, and the accuracy with every label of the pool."""
    prepared = datasets.open_prepared(Path(folder))
    # One thread: several give other last bits, and the processes are as many as the cores already.
    with one_thread():
        arena = make_arena(prepared, settings, seed, new_learner)
        codes = known_codes(prepared)
        sizes = batch_sizes(settings, len(arena.eligible))
        rows = [
            {"strategy": name, "seed": seed, "labels": point.labels, "accuracy": point.accuracy}
            for name in names
            for point in replay(arena, name, sizes, lambda picked, _: codes[picked])
        ]
        full = accuracy(fit(arena, arena.eligible, codes[arena.eligible]), arena)
    return pd.DataFrame(rows), full


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
