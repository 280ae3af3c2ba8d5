"""What every stage reads, writes and depends on.

The same table stands in dvc.yaml, where DVC needs it; a test keeps the two equal. Paths are patterns:
`{round}` is the round's folder, `{previous}` the folder of the round before (`data/start` for r000). For a
stage with sections dvc.yaml names the round's whole settings.yaml: it never changes, and comparing it as
parameters made `dvc status` of 60 rounds half as slow again.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Contract:
    """Files and settings of one stage."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    sections: tuple[str, ...]
    """Parts of the round's settings.yaml that change the result."""
    sources: tuple[str, ...] = ()
    """Inputs that come from people or from the tool, and that the live stage itself writes first."""


PREPARE = Contract("prepare", inputs=(), outputs=("data",), sections=("prepare",))

ROUND_STAGES = {
    contract.name: contract
    for contract in (
        Contract(
            "score",
            inputs=("data", "{previous}/model"),
            outputs=("{round}/scores",),
            sections=("round", "acquisition"),
        ),
        Contract(
            "select",
            inputs=(
                "data",
                "{round}/scores",
                "{previous}/model",
                "{previous}/asked.parquet",
                "{previous}/labels.parquet",
                "{previous}/collected.parquet",
                "{previous}/quality.json",
                "{previous}/accepted.parquet",
                "{previous}/certificate.json",
            ),
            outputs=(
                "{round}/batch.parquet",
                "{round}/asked.parquet",
                "{round}/routing.parquet",
                "{round}/selection.json",
            ),
            sections=(
                "round",
                "campaign",
                "model",
                "acquisition",
                "annotation",
                "fusion",
                "gold",
                "quality",
                "review",
                "accept",
            ),
            sources=("{round}/gold.csv", "{round}/verdicts.json"),
        ),
        Contract(
            "push",
            inputs=(
                "data",
                "{round}/batch.parquet",
                "{round}/asked.parquet",
                "{round}/routing.parquet",
                "{round}/scores",
                "{previous}/model",
                "{previous}/collected.parquet",
                "{previous}/quality.json",
            ),
            outputs=("{round}/tasks.parquet",),
            sections=("campaign", "annotation", "gold", "quality"),
            sources=("{round}/pushed.jsonl",),
        ),
        Contract(
            "collect",
            inputs=(
                "data",
                "{round}/asked.parquet",
                "{round}/routing.parquet",
                "{round}/tasks.parquet",
                "{previous}/collected.parquet",
                "{previous}/quality.json",
            ),
            outputs=("{round}/collected.parquet",),
            sections=("round", "campaign", "labels", "annotation", "gold", "quality"),
            sources=("{round}/votes.parquet", "{round}/closed.json", "{round}/reviews.json"),
        ),
        Contract(
            "fuse",
            inputs=(
                "data",
                "{round}/asked.parquet",
                "{round}/tasks.parquet",
                "{round}/votes.parquet",
                "{round}/closed.json",
                "{round}/gold.csv",
                "{round}/collected.parquet",
                "{round}/reviews.json",
                "{round}/selection.json",
                "data/start/labels.parquet",
                "{previous}/quality.json",
                "{previous}/accepted.parquet",
                "{previous}/certificate.json",
            ),
            outputs=(
                "{round}/fused.parquet",
                "{round}/fusion.json",
                "{round}/review.csv",
                "{round}/quality.json",
                "{round}/annotators.json",
                "{round}/annotators.html",
            ),
            sections=(
                "round",
                "campaign",
                "labels",
                "model",
                "annotation",
                "fusion",
                "gold",
                "quality",
                "review",
                "accept",
            ),
        ),
        Contract(
            "snapshot",
            inputs=(
                "{round}/asked.parquet",
                "{round}/gold.csv",
                "{round}/collected.parquet",
                "{round}/fused.parquet",
                "{round}/reviews.json",
                "data/start/labels.parquet",
                "data",
            ),
            outputs=("{round}/labels.parquet",),
            sections=("campaign", "review"),
        ),
        Contract(
            "train",
            inputs=("data", "{round}/labels.parquet"),
            outputs=("{round}/model",),
            sections=("campaign", "model"),
        ),
        Contract(
            "evaluate",
            inputs=(
                "data",
                "{round}/gold.csv",
                "{round}/verdicts.json",
                "{round}/asked.parquet",
                "{round}/reviews.json",
                "{round}/batch.parquet",
                "{round}/selection.json",
                "{round}/routing.parquet",
                "{round}/tasks.parquet",
                "{round}/votes.parquet",
                "{round}/closed.json",
                "{round}/collected.parquet",
                "{round}/review.csv",
                "{round}/fused.parquet",
                "{round}/fusion.json",
                "{round}/quality.json",
                "{round}/annotators.json",
                "{round}/annotators.html",
                "{round}/labels.parquet",
                "{round}/model",
                "{previous}/model",
                "{previous}/asked.parquet",
                "{previous}/labels.parquet",
                "{previous}/accepted.parquet",
                "{previous}/certificate.json",
                "{previous}/learning_curve.csv",
                "{previous}/outcomes.parquet",
                "{previous}/stop_set.parquet",
                "{previous}/stopping.json",
                "{previous}/forecast.json",
                "{previous}/manifest.json",
            ),
            outputs=(
                "{round}/accepted.parquet",
                "{round}/certificate.json",
                "{round}/outcomes.parquet",
                "{round}/metrics.json",
                "{round}/savings.json",
                "{round}/stop_set.parquet",
                "{round}/stopping.json",
                "{round}/forecast.json",
                "{round}/per_class.csv",
                "{round}/confusion.csv",
                "{round}/learning_curve.csv",
                "{round}/report.md",
                "{round}/manifest.json",
            ),
            sections=(
                "round",
                "campaign",
                "labels",
                "model",
                "acquisition",
                "annotation",
                "quality",
                "review",
                "evaluation",
                "accept",
                "stopping",
                "budget",
            ),
        ),
    )
}
"""The stages of a round, in their order."""

RECORDS = {
    name: Contract(name, inputs=("{round}/manifest.json",), outputs=(), sections=())
    for name in ("track", "version", "finish")
}
"""What makes a finished round known elsewhere: MLflow, then DVC and git; `finish` when the campaign stops.
Not DVC stages themselves."""
