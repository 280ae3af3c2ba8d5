"""Where every file of a round lives. What each holds is described for users in docs/files.md."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RoundFolder:
    """The files of one round. `rounds/r003` holds all there is to know about round r003."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def settings(self) -> Path:
        """What the round was opened with; never changes again."""
        return self.path / "settings.yaml"

    @property
    def scores(self) -> Path:
        """What the model says of the pool: arrays, one row an item of the pool."""
        return self.path / "scores"

    @property
    def batch(self) -> Path:
        return self.path / "batch.parquet"

    @property
    def asked(self) -> Path:
        """Every item of the campaign that was asked about up to this round."""
        return self.path / "asked.parquet"

    @property
    def routing(self) -> Path:
        """Who is asked about what, where the campaign asks single annotators."""
        return self.path / "routing.parquet"

    @property
    def gold(self) -> Path:
        """Source: items whose true label was known when the round opened."""
        return self.path / "gold.csv"

    @property
    def verdicts(self) -> Path:
        """Source: what reviewers had said when the round's items were chosen."""
        return self.path / "verdicts.json"

    @property
    def approved(self) -> Path:
        """What a person decided about the batch before it was pushed; only where that is asked for."""
        return self.path / "approved.json"

    @property
    def pushed(self) -> Path:
        """Source: what was asked of the tool, intent first, then its receipts."""
        return self.path / "pushed.jsonl"

    @property
    def tasks(self) -> Path:
        """One row a task in the tool: item, copy and the tool's id."""
        return self.path / "tasks.parquet"

    @property
    def votes(self) -> Path:
        """Source: what people answered while this round was open."""
        return self.path / "votes.parquet"

    @property
    def closed(self) -> Path:
        """Source: when and why the round stopped waiting for people."""
        return self.path / "closed.json"

    @property
    def quarantine(self) -> Path:
        """Answers that were refused, each with the reason."""
        return self.path / "quarantine.jsonl"

    @property
    def review(self) -> Path:
        """What a reviewer should look at, and why."""
        return self.path / "review.csv"

    @property
    def reviews(self) -> Path:
        """Source: what reviewers had said when the round closed."""
        return self.path / "reviews.json"

    @property
    def collected(self) -> Path:
        """Every vote of the campaign up to this round."""
        return self.path / "collected.parquet"

    @property
    def fused(self) -> Path:
        """One row an item with votes: posterior and what it rests on."""
        return self.path / "fused.parquet"

    @property
    def selection(self) -> Path:
        """Which strategy picked, and why."""
        return self.path / "selection.json"

    @property
    def fusion(self) -> Path:
        """How the labels came about: method, reason, temperature, what a model had to say."""
        return self.path / "fusion.json"

    @property
    def quality(self) -> Path:
        """How far people agree, who stands out, and who is paused: what status and the report say."""
        return self.path / "quality.json"

    @property
    def annotators(self) -> Path:
        """Everything that is known of each annotator and of how far they agree."""
        return self.path / "annotators.json"

    @property
    def annotators_page(self) -> Path:
        """The same as one HTML page."""
        return self.path / "annotators.html"

    @property
    def labels(self) -> Path:
        """The snapshot: every label of the campaign so far."""
        return self.path / "labels.parquet"

    @property
    def model(self) -> Path:
        return self.path / "model"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.json"

    @property
    def savings(self) -> Path:
        """What the control arm says was saved against random labeling."""
        return self.path / "savings.json"

    @property
    def per_class(self) -> Path:
        """Precision, recall and F1 of every class on the test set."""
        return self.path / "per_class.csv"

    @property
    def confusion(self) -> Path:
        """Confusion matrix on the test set: a row a true class, a column an answer."""
        return self.path / "confusion.csv"

    @property
    def outcomes(self) -> Path:
        """Which class every model so far took each test item for."""
        return self.path / "outcomes.parquet"

    @property
    def stop_set(self) -> Path:
        """What the last models predicted of a fixed random part of the pool."""
        return self.path / "stop_set.parquet"

    @property
    def stopping(self) -> Path:
        """The stopping rules as they stand, and what every round so far showed of what they look at."""
        return self.path / "stopping.json"

    @property
    def forecast(self) -> Path:
        """What the campaign will still need, the forecasts of earlier rounds, and how good those were."""
        return self.path / "forecast.json"

    @property
    def curve(self) -> Path:
        """The learning curve up to this round."""
        return self.path / "learning_curve.csv"

    @property
    def accepted(self) -> Path:
        """Labels that count without a further person, under a certificate: of the model, and by votes."""
        return self.path / "accepted.parquet"

    @property
    def certificate(self) -> Path:
        """What accepted labels count under, or why none do; and what the audits have found so far."""
        return self.path / "certificate.json"

    @property
    def manifest(self) -> Path:
        """Digests of the round's files and of the previous manifest; written last."""
        return self.path / "manifest.json"

    @property
    def report(self) -> Path:
        """What a person reads about the round."""
        return self.path / "report.md"
