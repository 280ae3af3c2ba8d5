"""Prefect task: score, one task run a shard of the pool."""

from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from labelloop.stages.runner import make_importable, run_stage
from labelloop.stages.score import Shard
from labelloop.stages.score import score_shard as score_rows
from labelloop.workspace import Workspace


@task(name="score shard", task_run_name="score from row {shard.start}", cache_policy=NO_CACHE)
def score_shard(shard: Shard) -> int:
    """Score some rows of the pool; return how many."""
    # In another process of the task runner nobody has yet said where the campaign's own learner lies.
    make_importable(Workspace.at(shard.campaign))
    return score_rows(shard)


@task(name="score", task_run_name="score {round_id}", cache_policy=NO_CACHE)
def score(directory: str, round_id: str) -> None:
    """Score the pool with the model of the round before; shards go to the flow's task runner."""

    def run_shards(shards: Sequence[Shard]) -> None:
        score_shard.map(list(shards)).result()

    run_stage(Workspace.at(directory), "score", round_id, run_shards=run_shards)
