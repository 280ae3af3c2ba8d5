"""Where every file of a campaign lives.

Nothing else knows paths (those of a round's files: `round_folder`): stages, flows, status and tests ask
here. The layout is described for users in docs/files.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from labelloop import files
from labelloop.campaign import CampaignSettings, load_settings
from labelloop.campaign_lock import held
from labelloop.round_folder import RoundFolder


@dataclass(frozen=True)
class Workspace:
    """A campaign's folder."""

    root: Path

    @classmethod
    def at(cls, folder: str | Path) -> Workspace:
        return cls(Path(folder).resolve())

    @property
    def params(self) -> Path:
        return self.root / "params.yaml"

    @property
    def ledger(self) -> Path:
        return self.root / "rounds.yaml"

    @property
    def reviews(self) -> Path:
        """Source: what reviewers said, append-only; a round takes it in when it closes."""
        return self.root / "reviews.jsonl"

    @property
    def queues(self) -> Path:
        """Which items each review queue holds that was written, and why; append-only."""
        return self.root / "queues.jsonl"

    @property
    def verdict(self) -> Path:
        """What a backtest has shown of strategies against random; a round takes it in when it opens."""
        return self.root / "backtest.json"

    @property
    def data(self) -> Path:
        """What `prepare` made of the user's data."""
        return self.root / "data"

    @property
    def start(self) -> RoundFolder:
        """Stands in for the round before r000: known labels, an untrained model, no votes."""
        return RoundFolder(self.data / "start")

    @property
    def reports(self) -> Path:
        """Pictures and tables of the campaign as a whole, made anew after every round."""
        return self.root / "reports"

    @property
    def page(self) -> Path:
        """The whole campaign as one HTML page."""
        return self.reports / "campaign.html"

    @property
    def state(self) -> Path:
        """This machine's notes: the lock, receipts of finished stages, the simulated tool. Not versioned."""
        return self.root / ".labelloop"

    @property
    def twin(self) -> Path:
        """What random labeling gave in twins of a simulated campaign."""
        return self.reports / "random_twin.csv"

    def round(self, round_id: str) -> RoundFolder:
        return RoundFolder(self.root / "rounds" / round_id)

    def folder(self, relative: str) -> RoundFolder:
        """The round folder at a path of the ledger, such as `data/start` or `rounds/r002`."""
        return RoundFolder(self.root / relative)

    def rounds(self) -> list[RoundFolder]:
        """Folders of rounds that exist, oldest first."""
        parent = self.root / "rounds"
        return [
            RoundFolder(p)
            for p in sorted(parent.glob("r[0-9]*"), key=lambda p: (len(p.name), p.name))
            if p.is_dir()
        ]

    def relative(self, path: Path) -> str:
        """`path` as it is written in messages, receipts and dvc.yaml."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)

    @cached_property
    def settings(self) -> CampaignSettings:
        """params.yaml as it is now: what the next round will be opened with."""
        return load_settings(self.params)

    @contextmanager
    def hold(self, command: str) -> Iterator[None]:
        """Hold the campaign: one driver at a time. What a killed one left half written is removed.

        Raises:
            CampaignBusyError: another process holds it; the message says which.
        """
        with held(self.state / "lock", self.root, command):
            # data/, rounds.yaml and dvc.lock are written beside themselves, in a folder that is the user's.
            files.remove_leftovers(self.root, below=False)
            for folder in (self.root / "rounds", self.data, self.state, self.reports):
                files.remove_leftovers(folder)
            yield
