"""Run the measurements and keep them in bench/results/: `python -m bench [NAME ...]`."""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path

from bench import machine
from bench.figures import Figure, markdown

MEASUREMENTS = ("status", "idle", "overhead", "scoring", "age", "demo")
ON_REQUEST = (
    "adaptive_votes",
    "adaptive_crowds",
    "ratings",
    "second_looks",
    "fusion",
    "fusion_speed",
    "model_prior",
    "judged_model",
    "label_weights",
    "selection",
    "scale",
    "agreement",
    "certification",
    "certified_votes",
    "webhook",
    "label_studio",
)
"""Longer ones, beside the peers where they are installed: run by name only."""
RESULTS = Path(__file__).parent / "results"


def main(names: list[str]) -> int:
    """Run the named measurements, or all but those on request.

    Returns:
        0; 1 when a measurement broke down, which does not keep the others from running; 2 when there is no
        such measurement. A missed aim is no failure.
    """
    unknown = [name for name in names if name not in MEASUREMENTS + ON_REQUEST]
    if unknown:
        print(
            f"no measurement {', '.join(unknown)}; there are: {', '.join(MEASUREMENTS + ON_REQUEST)}",
            file=sys.stderr,
        )
        return 2
    about = machine.describe()
    print(machine.sentence(about), flush=True)
    figures: list[Figure] = []
    broken: list[str] = []
    first = time.perf_counter()
    for name in names or MEASUREMENTS:
        begun = time.perf_counter()
        try:
            with tempfile.TemporaryDirectory(prefix=f"labelloop-bench-{name}-") as folder:
                found = importlib.import_module(f"bench.{name}").measure(Path(folder))
        except Exception:
            traceback.print_exc()
            broken.append(name)
            continue
        print(f"\n{name}, measured in {time.perf_counter() - begun:.0f} s", flush=True)
        for figure in found:
            print(_line(figure), flush=True)
        figures += found
    if figures:
        _keep(about, figures, names or list(MEASUREMENTS))
    print(f"{time.perf_counter() - first:.0f} s in all; load {os.getloadavg()[0]:.1f} at the end")
    if not names:
        print(f"not run, because they take long or need other things (by name): {', '.join(ON_REQUEST)}")
    if broken:
        print(f"broke down: {', '.join(broken)}", file=sys.stderr)
    return 1 if broken else 0


def _line(figure: Figure) -> str:
    name, measured, aim, met, note = figure.row
    line = f"  {name:<52}{measured:>18}"
    line += f"   {aim}: {met}" if aim else ""
    return line + (f"\n      {note}" if note else "")


def _keep(about: dict[str, object], figures: list[Figure], names: list[str]) -> None:
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    target = RESULTS / f"{now:%Y%m%d-%H%M%S}-{'-'.join(names)}"
    content = {"at": now.isoformat(timespec="seconds"), "machine": about,
               "figures": [figure.as_dict() for figure in figures]}  # fmt: skip
    target.with_suffix(".json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    table = f"Measured {now:%Y-%m-%d} by `python -m bench`.\n\n{markdown(figures)}\n\n"
    target.with_suffix(".md").write_text(table + machine.sentence(about) + "\n", encoding="utf-8")
    print(f"\nkept in {target}.json and .md")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
