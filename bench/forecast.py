"""How often forecasts hold: `python -m bench.forecast --data FOLDER [--seeds 8]`.

Small campaigns are replayed on real sets, each with several strategies (`bench/forecast_curves.py`). After
4, 6, 8 and 11 rounds a forecast is made and held against the rounds that followed: the accuracy 1, 2, 4 and
8 rounds ahead, and the labels to an accuracy that a later round reached. An exact 80% interval holds 80%.
The target of the labels is an accuracy that was reached, so curves that never got there are left out.

Seeds 0 to 2 chose the two constants of `labelloop/evaluation/curve_fit.py`; the table is of the others.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.forecast_curves import SETS, STRATEGIES, curve
from labelloop.evaluation.forecast import Plan, make_forecast

TUNED = 3
"""Seeds below this were looked at when the constants were chosen."""
AFTER = (4, 6, 8, 11)
AHEAD = (1, 2, 4, 8)
TARGETS = (2, 4, 6)
"""Rounds ahead whose accuracy is taken as a target."""


def replay(results: Path, data: Path, seeds: int) -> list[dict[str, Any]]:
    """Curves of all sets, strategies and seeds; those that are in the file already are not run again."""
    lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    found = [json.loads(line) for line in lines]
    done = {(line["set"], line["seed"], line["strategy"]) for line in found}
    read = {name: (functools.lru_cache(maxsize=1)(loader), batch) for name, (loader, batch) in SETS.items()}
    SETS.update(read)
    for name in SETS:
        for seed in range(TUNED, TUNED + seeds):
            for strategy in STRATEGIES:
                if (name, seed, strategy) in done:
                    continue
                line = {"set": name, "seed": seed, "strategy": strategy,
                        "curve": curve(name, seed, strategy, data)}  # fmt: skip
                found.append(line)
                with results.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(line) + "\n")
                print(f"{name}, seed {seed}, {strategy}", file=sys.stderr, flush=True)
    return [line for line in found if line["seed"] >= TUNED]


def judge(lines: Sequence[dict[str, Any]], coverage: float) -> dict[str, Any]:
    """Coverage, error and width by rounds ahead, and of the labels to a target."""
    held: dict[str, list[bool]] = {}
    errors: dict[str, list[float]] = {}
    widths: dict[str, list[float]] = {}
    for line in lines:
        labels, accuracy = (list(part) for part in zip(*line["curve"], strict=True))
        batch = labels[1] - labels[0]
        for rounds in AFTER:
            if rounds >= len(labels):
                continue
            for ahead in AHEAD:
                if rounds + ahead > len(labels):
                    continue
                found = make_forecast(
                    "r", labels[:rounds], accuracy[:rounds],
                    Plan(batch, batch * ahead, 0.0, 0.0), coverage=coverage, seed=line["seed"],
                )["ahead"][-1]  # fmt: skip
                came = accuracy[rounds - 1 + ahead]
                name = f"{ahead} ahead"
                held.setdefault(name, []).append(found["low"] - 1e-6 <= came <= found["high"] + 1e-6)
                errors.setdefault(name, []).append(abs(came - found["middle"]))
                widths.setdefault(name, []).append(found["high"] - found["low"])
            for further in TARGETS:
                _judge_target(line, labels, accuracy, rounds, further, coverage, held, errors)
    return {
        name: {
            "forecasts": len(values),
            "held": float(np.mean(values)),
            "error": float(np.median(errors[name])) if name == "labels" else float(np.mean(errors[name])),
            "width": float(np.mean(widths[name])) if name in widths else None,
        }
        for name, values in held.items()
    }


def _judge_target(
    line: dict[str, Any], labels: list[int], accuracy: list[float], rounds: int, further: int,
    coverage: float, held: dict[str, list[bool]], errors: dict[str, list[float]],
) -> None:  # fmt: skip
    if rounds - 1 + further >= len(labels):
        return
    target, batch = accuracy[rounds - 1 + further], labels[1] - labels[0]
    if target <= max(accuracy[:rounds]):
        return
    came = next(n for n, y in zip(labels[rounds:], accuracy[rounds:], strict=True) if y >= target)
    plan = Plan(batch, 120 * batch, 0.0, 0.0, target=target)
    found = make_forecast(
        "r", labels[:rounds], accuracy[:rounds], plan, coverage=coverage, seed=line["seed"]
    )["target"]["labels"]
    low, middle, high = (found[name] for name in ("low", "middle", "high"))
    held.setdefault("labels", []).append(low is not None and low <= came and (high is None or came <= high))
    errors.setdefault("labels", []).append(float("inf") if middle is None else abs(middle - came) / came)


def main(arguments: Sequence[str]) -> int:
    """Replay what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets")
    parser.add_argument("--results", type=Path, default=Path("bench/results/forecast.jsonl"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--coverage", type=float, default=0.8)
    chosen = parser.parse_args(arguments)
    chosen.results.parent.mkdir(parents=True, exist_ok=True)
    lines = replay(chosen.results, chosen.data, chosen.seeds)
    print(f"{len(lines)} campaigns; share of {chosen.coverage:.0%} intervals that held\n")
    names = [f"{ahead} ahead" for ahead in AHEAD]
    print("| set | " + " | ".join(names) + " | error, points, 4 ahead | width, points, 4 ahead | labels to a "
          "target | their median error |")  # fmt: skip
    print("|" + "---|" * (len(names) + 5))
    for name in (*SETS, "all"):
        found = judge([line for line in lines if name in ("all", line["set"])], chosen.coverage)
        if not found:
            continue
        cells = [f"{found[column]['held']:.0%}" for column in names]
        four, target = found["4 ahead"], found.get("labels")
        cells += [f"{100 * four['error']:.1f}", f"{100 * four['width']:.1f}"]
        cells += ["–", "–"] if target is None else [
            f"{target['held']:.0%} of {target['forecasts']}", f"{target['error']:.0%}"
        ]  # fmt: skip
        print(f"| {name} | " + " | ".join(cells) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
