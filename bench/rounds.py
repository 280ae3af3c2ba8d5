"""What the stages' events say about rounds: how long each step took, and what lay between the steps."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

LEARNING = ("score", "train")
"""Steps whose time is the model's, not the loop's."""
BETWEEN = "between steps"


@dataclass(frozen=True)
class RoundTime:
    """One round, from its first step to the first step of the round after it."""

    id: str
    wall: float
    """Seconds."""
    processor: float
    """Processor seconds of the driving process and of commands it ran."""
    steps: dict[str, float]
    """Seconds by step, and `between steps`: digests, the ledger, the driver."""

    @property
    def overhead(self) -> float:
        """Seconds apart from scoring and training."""
        return self.wall - sum(self.steps[name] for name in LEARNING)


def rounds_of(events: list[dict[str, Any]]) -> list[RoundTime]:
    """Rounds in their order. The last one ends with its last step, so it lacks the opening of a next one."""
    steps = [event for event in events if event["stage"] not in ("prepare", "finish")]
    ids = list(dict.fromkeys(event["round"] for event in steps))
    rounds = []
    for place, name in enumerate(ids):
        mine = [event for event in steps if event["round"] == name]
        following = [event for event in steps if event["round"] in ids[place + 1 : place + 2]]
        end = (following or mine[-1:])[0]
        begun = {event["stage"]: event["at"] for event in mine if event["event"] == "begun"}
        took = {
            event["stage"]: event["at"] - begun[event["stage"]] for event in mine if event["event"] == "done"
        }
        wall = end["at"] - mine[0]["at"]
        took[BETWEEN] = wall - sum(took.values())
        rounds.append(RoundTime(name, wall, end["processor"] - mine[0]["processor"], took))
    return rounds


def steps_of(rounds: list[RoundTime]) -> dict[str, float]:
    """Median seconds of every step over these rounds."""
    return {name: statistics.median(found.steps[name] for found in rounds) for name in rounds[0].steps}


def shown(steps: dict[str, float]) -> str:
    """Steps as a note, the longest first; those under 10 ms are left out."""
    longest = sorted(steps.items(), key=lambda step: -step[1])
    return ", ".join(f"{name} {seconds:.2f}" for name, seconds in longest if seconds >= 0.01)
