"""What `dvc add` and `dvc commit --force` do to a round, with DVC's classes, in one pass over dvc.lock.

Imported by labelloop/adapters/dvc.py only, and only when a round is committed: importing it imports DVC.
Nothing here depends on the working directory, which belongs to the whole process.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from dvc.dvcfile import ProjectFile, load_file
from dvc.repo import Repo, lock_repo
from dvc.stage import PipelineStage, Stage, create_stage
from dvc.stage.cache import StageCache
from dvc.stage.loader import StageLoader
from dvc.stage.serialize import to_lockfile, to_single_stage_file
from dvc.utils.serialize import dumps_yaml, parse_yaml_for_update

from labelloop import files
from labelloop.adapters import dvc_lock

_PLAIN = re.compile(r"(?: *(?:- )?[\w@.-]+:(?: [\w@./ -]{1,60})?\n)+", re.ASCII)
"""Lines without quotes, lists in one line or folded text: any YAML writer leaves them as they are."""


class _RunCache(StageCache):
    """DVC's cache of past runs; the original looks for dvc.yaml in the working directory."""

    def _create_stage(self, cache: dict[str, Any], wdir: str | None = None) -> Stage:
        root = self.repo.root_dir
        stage = create_stage(
            PipelineStage,
            repo=self.repo,
            path=os.path.join(root, "dvc.yaml"),  # noqa: PTH118
            cmd=cache["cmd"],
            wdir=wdir or root,
            outs=[out["path"] for out in cache["outs"]],
        )
        StageLoader.fill_from_lock(stage, cache)
        return stage


def commit(root: Path, stages: Sequence[str], sources: Sequence[str]) -> list[str]:
    """Record `sources` and `stages`; see `labelloop.adapters.dvc.commit_round`.

    Raises:
        dvc.exceptions.DvcException: a stage or file is missing, or another process holds the project.
    """
    _quiet()
    with Repo(str(root)) as repo, lock_repo(repo), repo.scm_context(autostage=False, quiet=True):
        repo.stage_cache = _RunCache(repo)
        recorded = [_add(repo, root, source) for source in sources]
        if stages:
            recorded += _commit(repo, root, stages)
    return _for_git(root, recorded, sources, bool(stages))


def _add(repo: Repo, root: Path, source: str) -> Stage:
    """`dvc add`, with the .dvc file written whole or not at all."""
    path, pointer = root / source, root / f"{source}.dvc"
    if pointer.exists():
        stage = load_file(repo, str(pointer)).stage
    else:
        stage = repo.stage.create(
            single_stage=True, validate=False, fname=str(pointer), wdir=str(path.parent), outs=[path.name]
        )
    stage.add_outs()
    _write_if_new(pointer, dumps_yaml(to_single_stage_file(stage)))
    return stage


def _commit(repo: Repo, root: Path, names: Sequence[str]) -> list[Stage]:
    """`dvc commit --force`, all stages at once."""
    project = load_file(repo, str(root / "dvc.yaml"))
    # What the lock says of these stages now does not matter: all of it is about to be computed anew.
    loader = StageLoader(project, project.contents, {})
    stages = [loader[name] for name in names]
    for stage in stages:
        stage.save()
        stage.commit()
    _record(project, root / "dvc.lock", stages)
    return stages


def _record(project: ProjectFile, lock: Path, stages: list[PipelineStage]) -> None:
    present = lock.read_bytes().decode() if lock.exists() else ""
    blocks = [_block(stage) for stage in stages]
    text = dvc_lock.merge(present, [block for block in blocks if block is not None])
    if text is None or None in blocks:
        # One at a time, since DVC reads a lock back differently from how it first writes it.
        for stage in stages:
            project._lockfile.dump_stages([stage])
    else:
        _write_if_new(lock, text)


def _block(stage: PipelineStage) -> str | None:
    """The stage's lines in dvc.lock, if they stay the same when DVC reads and rewrites them."""
    dumped = dumps_yaml({"stages": to_lockfile(stage)})
    if not _PLAIN.fullmatch(dumped) and dumps_yaml(parse_yaml_for_update(dumped, "dvc.lock")) != dumped:
        return None
    return dvc_lock.block(dumped)


def _write_if_new(path: Path, text: str) -> None:
    if not path.exists() or path.read_bytes() != text.encode():
        files.write_text(path, text)


def _for_git(root: Path, stages: Iterable[Stage], sources: Sequence[str], locked: bool) -> list[str]:
    """What git must keep: named by layout, not by what changed, so that a retry names the same files."""
    ignores = {Path(out.fs_path).parent / ".gitignore" for stage in stages for out in stage.outs}
    paths = [root / f"{source}.dvc" for source in sources] + sorted(path for path in ignores if path.exists())
    return [path.relative_to(root).as_posix() for path in paths] + (["dvc.lock"] if locked else [])


def _quiet() -> None:
    """Keep DVC's log and progress bars off the terminal, unless somebody has asked for them."""
    for name in ("dvc", "dvc_data", "dvc_objects"):
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.CRITICAL)
