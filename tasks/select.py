"""Prefect task: select, one task run a shard of a pool so large that its candidates are reduced."""

from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from labelloop.acquisition.reduction import Highest
from labelloop.stages.reducing import CandidateShard, reduce_rows
from labelloop.stages.runner import run_stage
from labelloop.workspace import Workspace


@task(name="reduce shard", task_run_name="candidates from row {shard.start}", cache_policy=NO_CACHE)
def reduce_shard(shard: CandidateShard) -> Highest:
    """The most doubtful candidates among some rows of the pool."""
    return reduce_rows(shard)


@task(name="select", task_run_name="select {round_id}", cache_policy=NO_CACHE)
def select(directory: str, round_id: str) -> None:
    """Choose the round's batch: control arm first, then the strategy; shards go to the flow's task runner."""

    def run_shards(shards: Sequence[CandidateShard]) -> list[Highest]:
        return reduce_shard.map(list(shards)).result()

    run_stage(Workspace.at(directory), "select", round_id, run_shards=run_shards)
