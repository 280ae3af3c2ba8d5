"""What rounds that only look again bring, and what they cost: whole campaigns that use their pool up.

Digits, twelve simulated annotators who are right in 60 to 85 of 100 cases. A campaign asks about every item
of a small pool; what follows is played once for each price of a look, from the same files and with the same
annotators, with no budget of money. Told are the share of the labels that are right, the accuracy of the
model on a held-out test set, votes, and labels below the target, before the first round that only looks again
and after the last: differences within a seed with half a 95% interval, Student's t over the seeds.

    python -m bench.last_looks [--seeds 0-4] [--workers 2]

Results are appended to a file of JSON lines, one a campaign; a run that was stopped goes on from there.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import yaml

from bench.second_looks import _student, _unseen, settings_of, write_set
from labelloop.fusion.vote_gain import last_votes_worth, new_votes_worth

WAYS: dict[str, dict[str, Any]] = {
    "3 to 5 votes": {"overlap": 3, "max_overlap": 5},
    "2 to 5 votes": {"overlap": 2, "max_overlap": 5},
    "1 to 5 votes, with the model": {"overlap": 1, "max_overlap": 5, "model_prior": "out_of_fold"},
}
ITEMS = 300


def prices(overlap: int) -> dict[str, Callable[[int, float, int], float]]:
    """What a look has to bring, by name; each takes classes, accuracy of a vote, and `max_overlap`."""
    return {
        "the last of max_overlap votes": last_votes_worth,
        "nothing": lambda classes, accuracy, most: 0.0,
        "the last of overlap votes": lambda classes, accuracy, most: last_votes_worth(
            classes, accuracy, overlap
        ),
        "a new item's vote": lambda classes, accuracy, most: new_votes_worth(classes, accuracy, overlap),
    }


def run_campaign(way: str, seed: int) -> list[dict[str, Any]]:
    """A row before the rounds that only look again, and one after them for each price."""
    with tempfile.TemporaryDirectory(prefix="labelloop-looks-") as made:
        before = Path(made) / "before"
        before.mkdir()
        params = settings_of(WAYS[way], seed, write_set("digits", seed, before, None))
        params["stopping"] = {"max_rounds": 100}
        pool = pd.read_csv(before / "pool.csv").iloc[:ITEMS]
        pool.to_csv(before / "pool.csv", index=False)
        (before / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
        about = {"way": way, "seed": seed}
        with mock.patch("labelloop.stopping.may_look_again", lambda rule, progress: False):
            rows = [about | {"price": "", **_played(before)}]
        for name, price in prices(WAYS[way]["overlap"]).items():
            folder = Path(made) / "after"
            shutil.copytree(before, folder)
            with mock.patch("labelloop.stages.last_looks.last_votes_worth", price):
                rows.append(about | {"price": name, **_played(folder)})
            shutil.rmtree(folder)
        return rows


def _played(folder: Path) -> dict[str, Any]:
    """Run to the end, and what it came to."""
    from labelloop import datasets, driving, files, tables
    from labelloop.evaluation.curve import ONLY_LOOKS, read_curve
    from labelloop.workspace import Workspace

    workspace = Workspace.at(folder)
    with ExitStack() as stack:
        stack.enter_context(_unseen())
        driving.run(workspace, plain=True, poll_seconds=0.0, told=lambda line: None)
    last = list(workspace.rounds())[-1]
    prepared = datasets.open_prepared(workspace.data)
    labels, metrics = tables.LABELS.read(last.labels), files.read_json(last.metrics)
    true = prepared.known[prepared.pool.rows_of(labels["item"].tolist())]
    target = workspace.settings.annotation.target_confidence
    return {
        "right": 100 * float((labels["label"] == true).mean()),
        "accuracy": 100 * metrics["accuracy"],
        "votes": metrics["votes"],
        "unsure": int((labels["confidence"] < target).sum()),
        "rounds": int(read_curve(last.curve)[ONLY_LOOKS].sum()),
    }


def _job(way: str, seed: int, results: Path) -> None:
    rows = run_campaign(way, seed)
    with results.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"way": way, "seed": seed, "rows": rows}) + "\n")


def read_results(path: Path) -> pd.DataFrame:
    """A row a price of every campaign."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return pd.DataFrame([row for line in lines for row in json.loads(line)["rows"]])


def table_of(found: pd.DataFrame, way: str) -> str:
    """A markdown table: a row a price, what it changed over the state before."""
    mine = found[found["way"] == way].set_index("seed")
    before = mine[mine["price"] == ""]
    start = before[["right", "accuracy", "votes", "unsure"]].mean()
    lines = [
        f"{way}, {len(before)} seeds: {start['right']:.1f}% of labels right, accuracy "
        f"{start['accuracy']:.1f}%, {start['votes']:.0f} votes, "
        f"{start['unsure']:.0f} labels below the target",
        "",
        "| a look brings at least | rounds | votes | labels right | accuracy | labels below the target |",
        "|---|---|---|---|---|---|",
    ]
    for price in mine["price"].unique()[1:]:
        after = mine[mine["price"] == price]
        less = (
            after[["right", "accuracy", "votes", "unsure"]] - before[["right", "accuracy", "votes", "unsure"]]
        )
        half = less.std() / math.sqrt(len(less)) * _student(len(less))
        lines.append(
            f"| {price} | {after['rounds'].mean():.1f} | +{less['votes'].mean():.0f} | "
            f"{less['right'].mean():+.1f} ± {half['right']:.1f} | "
            f"{less['accuracy'].mean():+.1f} ± {half['accuracy']:.1f} | {less['unsure'].mean():+.0f} |"
        )
    return "\n".join(lines)


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--seeds", default="0-4", help="first and last, such as 0-19")
    words.add_argument("--ways", nargs="+", default=list(WAYS))
    words.add_argument("--workers", type=int, default=2)
    words.add_argument("--results", type=Path, default=Path("bench/results/last_looks.jsonl"))
    given = words.parse_args()
    first, _, last = given.seeds.partition("-")
    given.results.parent.mkdir(parents=True, exist_ok=True)
    found = read_results(given.results)
    done = set(zip(found["way"], found["seed"], strict=True)) if len(found) else set()
    jobs = [
        (way, seed) for seed in np.arange(int(first), int(last or first) + 1).tolist() for way in given.ways
    ]
    with ProcessPoolExecutor(given.workers, get_context("spawn")) as pool:
        for one in [pool.submit(_job, *job, given.results) for job in jobs if job not in done]:
            one.result()
    found = read_results(given.results)
    for way in given.ways:
        print(f"\n{table_of(found, way)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
