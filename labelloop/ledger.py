"""rounds.yaml: which rounds there are. params.yaml says what the user wants next; this is what happened.

Opening a round freezes its settings into rounds/<id>/settings.yaml and names it here as `open`. When it is
closed it moves to `rounds`, the list that dvc.yaml runs its stages over. So editing params.yaml changes
rounds to come, never rounds behind, and `dvc status` says nothing of a round that still waits for people.

The settings live in the round's folder rather than here so that a stage depends on its own round's file and
on nothing that grows: with the settings of 50 rounds in one parameter file `dvc status` took 10 s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from labelloop import files
from labelloop.campaign import CampaignSettings
from labelloop.errors import DamagedFileError

HEADER = """\
# Written by labelloop, committed to git. What a round was opened with is in its folder, settings.yaml.
# Edit params.yaml instead: it says what the next round will do.
"""

FROZEN = ("campaign", "labels", "model", "acquisition", "annotation", "fusion", "gold", "quality",
          "review", "evaluation", "accept")  # fmt: skip
"""Sections of params.yaml that a round follows; the others look ahead only."""
NOTED = ("stopping", "budget")
"""Sections of which a round notes what they were, for its report; what they say now decides."""
SETTLES = "settles"
"""Key in the `round` part of a round's settings, where the round asks nobody: see `labelloop.settling`."""
LOOKS = "looks"
"""Key in the same part, where the round only looks again: how often at most; see
`labelloop.stages.last_looks`."""
POOL_REASON = "pool_reason"
"""Key in the same part: why `model.pool: auto` is what the round keeps of it."""


def round_number(round_id: str) -> int:
    """3 of `r003`. Rounds are compared by it: as text r1000 would come before r999."""
    return int(round_id[1:])


def round_name(number: int) -> str:
    """`r003` of 3."""
    return f"r{number:03d}"


@dataclass(frozen=True)
class Entry:
    """A round in the ledger."""

    id: str
    previous: str
    """Folder of the round before, relative to the campaign: `data/start` for the first."""


@dataclass
class Ledger:
    """The content of rounds.yaml."""

    path: Path
    id: str = ""
    """Tells this campaign from others of the same name, in MLflow. Made when the campaign begins."""
    prepare: dict[str, Any] = field(default_factory=dict)
    """What `prepare` was run with; the pool does not change once the campaign has begun."""
    sources: dict[str, Any] = field(default_factory=dict)
    """Digest and size of every file of the user's that `prepare` read."""
    rounds: dict[str, Entry] = field(default_factory=dict)
    """Closed rounds, oldest first."""
    open: Entry | None = None
    stopped: dict[str, str] | None = None
    """Rule and reason, while the campaign is stopped."""
    runs: dict[str, str] = field(default_factory=dict)
    """MLflow run of the campaign and of each round."""

    @classmethod
    def read(cls, path: Path) -> Ledger:
        """Read rounds.yaml; a file that is not there is a campaign that has not begun."""
        if not path.exists():
            return cls(path)
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            content = yaml.load(files.read_sealed(path), loader) or {}
            rounds = {
                key: Entry(key, item["previous"]) for key, item in (content.get("rounds") or {}).items()
            }
            opened = content.get("open")
            return cls(
                path=path,
                id=content.get("id") or "",
                prepare=content.get("prepare") or {},
                sources=content.get("sources") or {},
                rounds=rounds,
                open=Entry(**opened) if opened else None,
                stopped=content.get("stopped"),
                runs=content.get("runs") or {},
            )
        except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
            raise DamagedFileError(
                f"{path} is damaged ({error}); restore it with `git checkout -- {path.name}`"
            ) from None

    def write(self) -> None:
        """Write rounds.yaml atomically; nothing is written when nothing changed."""
        content = {
            "id": self.id,
            "prepare": self.prepare,
            "sources": self.sources,
            "rounds": {entry.id: {"previous": entry.previous} for entry in self.rounds.values()},
            "open": {"id": self.open.id, "previous": self.open.previous} if self.open else None,
            "stopped": self.stopped,
            "runs": self.runs,
        }
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
        text = files.seal(HEADER, text)
        if not self.path.exists() or self.path.read_text(encoding="utf-8") != text:
            files.write_text(self.path, text)

    @property
    def begun(self) -> bool:
        """Whether a round was ever opened: from then on the pool stays as it is."""
        return bool(self.rounds) or self.open is not None

    @property
    def last_closed(self) -> Entry | None:
        return next(reversed(self.rounds.values()), None)

    def next_entry(self) -> Entry:
        """The entry that the next round will have."""
        last = self.last_closed
        return Entry(round_name(len(self.rounds)), f"rounds/{last.id}" if last else "data/start")

    def close(self, round_id: str) -> None:
        """Move the open round among the closed ones; closing a closed round changes nothing."""
        if self.open is not None and self.open.id == round_id:
            self.rounds[round_id] = self.open
            self.open = None


def freeze(
    settings: CampaignSettings,
    entry: Entry,
    *,
    new_items: int,
    control_before: float,
    settles: bool = False,
    looks: int = 0,
) -> dict[str, Any]:
    """What a round is opened with.

    Args:
        new_items: items to ask about for the first time, test set not counted.
        control_before: `control_planned` of the round before, 0 for the first.
        settles: whether the round asks nobody.
        looks: second looks at most, where it asks about nothing else.
    """
    frozen = settings.model_dump(mode="json", include={*FROZEN, *NOTED})
    control_planned = control_before + settings.acquisition.control_share * new_items
    return {
        "round": {
            "id": entry.id,
            "previous": entry.previous,
            "seed": int(files.digest_of([settings.campaign.seed, entry.id])[:8], 16),
            "new_items": new_items,
            "control_planned": control_planned,
            "control_size": math.ceil(control_planned - 1e-9),
            **({SETTLES: True} if settles else {}),
            **({LOOKS: looks} if looks else {}),
        },
        **{name: frozen[name] for name in (*FROZEN, *NOTED)},
    }


def write_frozen(path: Path, frozen: dict[str, Any]) -> None:
    """Write a round's settings.yaml."""
    text = yaml.safe_dump(frozen, sort_keys=False, allow_unicode=True, width=100)
    files.write_sealed(path, "# What this round was opened with; never edited.\n", text)


def read_frozen(path: Path) -> tuple[dict[str, Any], CampaignSettings]:
    """Read a round's settings.yaml: the `round` part as it is, the rest as settings.

    Raises:
        DamagedFileError: it is missing or not what labelloop wrote.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(files.read_sealed(path), loader)
        about = content.pop("round")
        # A round keeps what `auto` stands for. One that says so is of an earlier version, which meant this.
        if content.get("model", {}).get("pool") == "auto":
            content["model"]["pool"] = "either"
        # The dataset was frozen when the campaign began; a round needs only what it was opened with.
        return about, CampaignSettings.model_validate(content)
    except FileNotFoundError:
        raise DamagedFileError(f"{path} is not there; restore it with `git checkout -- {path}`") from None
    except (yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedFileError(f"{path} is damaged: {error}") from None
