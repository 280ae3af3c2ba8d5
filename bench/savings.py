"""How often the savings meter's interval is right: `python -m bench.savings [--data FOLDER]`.

Campaigns with known savings (`bench/savings_campaigns.py`): two simulated learners, three plans, three
ratios, and campaigns replayed on real sets. The meter speaks in all of them, since that hangs on numbers of
labels alone; an exact 95% interval holds the truth in 95%.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np

from bench.forecast_curves import SETS
from bench.savings_campaigns import SLOW, STEEP, Campaign, Plan, replayed, simulated, true_ratio
from labelloop.evaluation.savings import MEASURED, fewest_labels, measure_savings

COVERAGE = 0.95
PLANS = {
    "defaults: 8 rounds of 40": Plan(8, 40, 0.1),
    "25 rounds of 40": Plan(25, 40, 0.1),
    "15 rounds of 40, `control_share: 0.3`": Plan(15, 40, 0.3),
}
RATIOS = (1.0, 0.6, 0.3)
REPLAYED = (("digits", ""), ("digits", "graph"), ("letter", ""), ("ag_news", ""), ("sms_spam", ""))
"""Sets, and how the learner uses the pool."""
STRATEGY = "uherding"
REPLAYED_PLANS = ("defaults: 8 rounds of 40", "15 rounds of 40, `control_share: 0.3`")
"""Of `PLANS`; 25 rounds take too long."""


def judge(campaigns: Sequence[Campaign], ratio: float) -> dict[str, float]:
    """How often the meter spoke, held, had both ends, and saw a saving; and the interval's median width."""
    found = [_measured(one) for one in campaigns]
    spoken = [told for told in found if told["status"] == MEASURED]
    ends = [(told["ratio_low"], told["ratio_high"]) for told in spoken]
    held = [(low is None or low <= ratio) and (high is None or ratio <= high) for low, high in ends]
    # An open end counts as endless: the median is known where fewer than half are.
    width = [np.inf if low is None or high is None else high / low for low, high in ends]
    return {
        "spoke": len(spoken) / len(found),
        "held": float(np.mean(held)),
        "upper": float(np.median([np.inf if high is None else high for _, high in ends])),
        "width": float(np.median(width)),
        "saving": float(np.mean([high is not None and high < 1 for _, high in ends])),
    }


def _measured(one: Campaign) -> dict[str, Any]:
    return measure_savings(
        one.curve,
        one.control,
        control_labels=one.control.sample,
        n_classes=one.classes,
        coverage=COVERAGE,
    )


def _row(name: str, ratio: float, campaigns: int, found: dict[str, float]) -> str:
    def number(value: float, form: str) -> str:
        return format(value, form) if np.isfinite(value) else "open"

    cells = [name, f"{ratio:.2f}", f"{found['spoke']:.0%} of {campaigns}", f"{found['held']:.1%}"]
    cells += [number(found["upper"], ".2f"), number(found["width"], ".1f"), f"{found['saving']:.0%}"]
    return "| " + " | ".join(cells) + " |"


def main(arguments: Sequence[str]) -> int:
    """Simulate, replay where there is data, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with the data sets; without it only digits")
    parser.add_argument("--campaigns", type=int, default=200, help="simulated ones, each line")
    parser.add_argument("--replays", type=int, default=20, help="campaigns replayed, each line")
    parser.add_argument("--processes", type=int, default=1)
    chosen = parser.parse_args(arguments)
    print("| campaigns | true ratio | it spoke | its 95% interval held | upper end, median | upper by lower "
          "end, median | sure of a saving |\n|" + "---|" * 7, flush=True)  # fmt: skip
    with Pool(chosen.processes) as pool:
        for learner, of in ((SLOW, "slow learner"), (STEEP, "steep learner")):
            for name, plan in PLANS.items():
                for ratio in RATIOS:
                    made = pool.map(partial(simulated, learner, plan, ratio), range(chosen.campaigns))
                    print(_row(f"{of}, {name}", ratio, len(made), judge(made, ratio)), flush=True)
        for name, use in REPLAYED if chosen.data else REPLAYED[:2]:
            of = f"{name}, `pool: {use}`" if use else name
            data = SETS[name][0](chosen.data or Path(), chosen.data or Path())
            for plan_name in REPLAYED_PLANS:
                plan = PLANS[plan_name]
                if plan.control < fewest_labels(int(data.codes.max()) + 1):
                    continue
                run: Callable[[int], Any] = partial(replayed, data, use, STRATEGY, plan)
                made = pool.map(run, range(chosen.replays))
                seen, curves, controls = zip(*made, strict=True)
                ratio = true_ratio(plan, seen[0].classes, curves, controls)
                print(_row(f"{of}, {plan_name}", ratio, len(seen), judge(seen, ratio)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
