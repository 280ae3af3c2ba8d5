"""A whole campaign over ten million items: seconds, processor seconds and memory of each step.

`python -m bench.scale campaign`; `python -m bench.large_campaign FOLDER ROWS STRATEGY` keeps the campaign.
The pool is one float16 .npy that is used where it lies; people are simulated; neither MLflow nor DVC takes
part. Memory is the peak of resident pages of the process that drives, mapped files included.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bench import campaign, rounds
from bench.figures import Figure
from labelloop.datasets.array_file import start_array

WIDTH = 16
CLASSES = 10
BATCH = 500
ROUNDS = 3
CANDIDATES = 100_000


def measure(folder: Path, rows: int = 10_000_000, strategy: str = "auto") -> list[Figure]:
    """Play the rounds and say what each step took."""
    events = play(folder, rows, strategy)
    return _figures(f"campaign over {rows:,} x {WIDTH}, {strategy}", events)


def play(folder: Path, rows: int, strategy: str) -> list[dict[str, Any]]:
    """Write the pool, make the campaign in `folder` and drive it; what its stages said, see drive.py."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder, rows)
    params = campaign.SMALL | campaign.UNRECORDED
    params |= {
        "dataset": {
            "kind": "arrays", "path": str(folder / "pool.npy"),
            "labels_path": str(folder / "pool_labels.npy"),
            "test_path": str(folder / "test.npy"), "test_labels_path": str(folder / "test_labels.npy"),
        },
        "acquisition": {
            "strategy": strategy, "cold_start": "random", "batch_size": BATCH, "first_batch_size": BATCH,
            "candidates": CANDIDATES,
        },
        "annotation": {"tool": "simulated", "overlap": 1},
        "stopping": {"max_rounds": ROUNDS},
    }  # fmt: skip
    return campaign.drive(campaign.make(folder / "campaign", params))


def _figures(name: str, events: list[dict[str, Any]]) -> list[Figure]:
    begun = next(event for event in events if event["stage"] == "prepare" and event["event"] == "begun")
    ready = next(event for event in events if event["stage"] == "prepare" and event["event"] == "done")
    worked = f"{ready['processor'] - begun['processor']:.0f} processor seconds, {ready['peak']:.0f} MB"
    figures = [Figure(f"{name}: prepare", ready["at"] - begun["at"], "s", note=worked)]
    for found in rounds.rounds_of(events):
        mine = [event for event in events if event["round"] == found.id and event["event"] == "done"]
        peaks = ", ".join(f"{event['stage']} {event['peak']:.0f}" for event in mine)
        figures.append(
            Figure(
                f"{name}: round {found.id}",
                found.wall,
                "s",
                note=f"{found.processor:.0f} processor seconds; {rounds.shown(found.steps)}; MB: {peaks}",
                details={"steps": found.steps},
            )
        )
    return figures


def _write(folder: Path, rows: int) -> None:
    """Class centres with noise, a block at a time."""
    random = np.random.default_rng(0)
    centres = 2 * random.standard_normal((CLASSES, WIDTH), dtype=np.float32)
    for name, count in (("pool", rows), ("test", 2000)):
        labels = random.integers(0, CLASSES, count)
        np.save(folder / f"{name}_labels.npy", labels)
        with (folder / f"{name}.npy").open("wb") as stream:
            start_array(stream, (count, WIDTH), np.dtype("<f2"))
            for start in range(0, count, 100_000):
                block = centres[labels[start : start + 100_000]]
                block += 2 * random.standard_normal(block.shape, dtype=np.float32)
                stream.write(block.astype("<f2").tobytes())


if __name__ == "__main__":
    there, size, picks_by = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    for figure in measure(there, size, picks_by):
        measured, _, _, note = figure.row[1:]
        print(f"{figure.name}: {measured}\n    {note}", flush=True)
        print(f"    {json.dumps(figure.details)}" if figure.details else "", flush=True)
