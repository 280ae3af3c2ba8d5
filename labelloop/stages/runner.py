"""Run a stage once: skip it when it is done, refuse inputs that are damaged, note what was made of what.

A receipt (in .labelloop/, this machine's own) says which inputs' digests gave which outputs' digests. A
stage is done when its receipt matches the files; no other record of progress exists. Deleting an output,
or the receipt, makes the stage run again; changing an output by hand is found by its digest.
"""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from labelloop import approval, files
from labelloop.campaign import CampaignSettings
from labelloop.errors import DamagedFileError, DataError, LabelloopError, SettingsError
from labelloop.ledger import LOOKS, SETTLES, Ledger, read_frozen
from labelloop.round_folder import RoundFolder
from labelloop.stages.contract import RECORDS, ROUND_STAGES, Contract
from labelloop.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Round:
    """A round with its files and with what it was opened with."""

    workspace: Workspace
    id: str
    planned: tuple[dict[str, Any], CampaignSettings] | None = field(default=None, compare=False)
    """What it would be opened with, as `read_frozen` gives it; None for a round that is opened."""

    @cached_property
    def _frozen(self) -> tuple[dict[str, Any], CampaignSettings]:
        return self.planned or read_frozen(self.folder.settings)

    @property
    def about(self) -> dict[str, Any]:
        """The `round` part of settings.yaml."""
        return self._frozen[0]

    @property
    def settings(self) -> CampaignSettings:
        return self._frozen[1]

    @property
    def settles(self) -> bool:
        """Whether the round asks nobody and counts what has been reviewed; see `labelloop.settling`."""
        return bool(self.about.get(SETTLES))

    @property
    def only_looks(self) -> bool:
        """Whether the round asks about no new item, only again about older ones; see `stages.last_looks`."""
        return bool(self.about.get(LOOKS))

    @cached_property
    def folder(self) -> RoundFolder:
        return self.workspace.round(self.id)

    @cached_property
    def previous(self) -> RoundFolder:
        return self.workspace.folder(self.about["previous"])

    def section(self, name: str) -> Any:
        """One part of settings.yaml, JSON-like."""
        return self.about if name == "round" else getattr(self.settings, name).model_dump(mode="json")

    def paths(self, patterns: tuple[str, ...]) -> list[Path]:
        """Patterns of a contract as paths."""
        names = {"round": f"rounds/{self.id}", "previous": self.about["previous"]}
        return [self.workspace.root / pattern.format(**names) for pattern in patterns]


class Receipts:
    """Receipts of finished stages, and digests of big files by their size and time."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.folder = workspace.state / "receipts"

    def path(self, round_id: str | None, stage: str) -> Path:
        return self.folder / (round_id or "data") / f"{stage}.json"

    def read(self, round_id: str | None, stage: str) -> dict[str, Any] | None:
        path = self.path(round_id, stage)
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return None

    def write(self, round_id: str | None, stage: str, content: dict[str, Any]) -> None:
        files.write_json(self.path(round_id, stage), content)

    def digest(self, path: Path) -> str:
        """Digest of a file or folder; big files are read again only when their size or time changed."""
        if path.is_dir():
            parts = {
                file.relative_to(path).as_posix(): self.digest(file)
                for file in sorted(p for p in path.rglob("*") if p.is_file())
            }
            return files.digest_of(parts)
        stat = path.stat()
        if stat.st_size < 1 << 20:
            return files.digest(path)
        note = self.folder / "digests" / f"{files.digest_of(str(path))[:24]}.json"
        stamp = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
        try:
            known = json.loads(note.read_text(encoding="utf-8"))
            if known["stamp"] == stamp:
                return str(known["digest"])
        except (OSError, ValueError, KeyError):
            known = None
        digest = files.digest(path)
        files.write_json(note, {"path": str(path), "stamp": stamp, "digest": digest})
        return digest

    def made(self, path: Path) -> tuple[str, str] | None:
        """Stage and digest of the receipt (or, for a closed round, the manifest) that speaks of `path`."""
        name = self.workspace.relative(path)
        parts = Path(name).parts
        if name == "data" or parts[0] == "data":
            receipt = self.read(None, "prepare")
            return ("prepare", receipt["outputs"]["data"]) if receipt and name == "data" else None
        for stage in ROUND_STAGES:
            receipt = self.read(parts[1], stage)
            if receipt and name in receipt["outputs"]:
                return stage, receipt["outputs"][name]
        manifest = self.workspace.round(parts[1]).manifest
        if manifest.exists() and path != manifest:
            digest = files.read_json(manifest)["files"].get(name)
            return ("the manifest", digest) if digest else None
        return None


def run_stage(
    workspace: Workspace, name: str, round_id: str | None = None, *, force: bool = False, **options: Any
) -> Any:
    """Run one stage of the campaign unless it is done.

    Args:
        name: `prepare` or a stage of a round.
        round_id: such as `r003`; None for `prepare`.
        force: run it although it is done.
        options: for the stage function, such as `run_shards` of `score`.

    Returns:
        What the stage function returns: None when it is done, or a `collect.Waiting`.

    Raises:
        LabelloopError: an input is missing or damaged, or the stage refuses its input; in a round that nobody
            was asked about yet it says how to open that anew.
    """
    from labelloop import stages

    work = _work(workspace, name, round_id)
    if not force and _is_done(work):
        return None
    receipts, sources, outputs = work.receipts, work.sources, work.outputs
    log.info(
        "%s: %s", round_id or "campaign", name, extra={"stage": name, "round_id": round_id, "event": "begun"}
    )
    try:
        result = stages.FUNCTIONS[name](work.argument, **options)
    except (SettingsError, DataError) as error:
        if round_id is None or not _may_reopen(workspace, round_id):
            raise
        # The round keeps its settings: params.yaml alone, corrected, would change nothing.
        raise type(error)(
            f"{error}. Nobody was asked in {round_id} yet: if params.yaml is to be corrected, do so and "
            f"`labelloop approve --reopen {workspace.root}` opens the round anew with it"
        ) from error
    if result is not None:
        log.info("%s", result, extra={"stage": name, "round_id": round_id, "event": "waiting"})
        return result
    receipts.write(
        round_id,
        name,
        {
            "stage": name,
            "stamp": work.stamp,
            "sources": {workspace.relative(path): files.digest(path) for path in sources},
            "outputs": {workspace.relative(path): receipts.digest(path) for path in outputs},
        },
    )
    log.info("%s: %s done", round_id or "campaign", name,
             extra={"stage": name, "round_id": round_id, "event": "done"})  # fmt: skip
    return None


def _may_reopen(workspace: Workspace, round_id: str) -> bool:
    entry = Ledger.read(workspace.ledger).open
    return entry is not None and entry.id == round_id and not approval.why_not_reopen(workspace)


def is_done(workspace: Workspace, name: str, round_id: str | None = None) -> bool:
    """Whether `run_stage` would find nothing to do.

    Raises:
        LabelloopError: an input is missing, or a file is damaged.
    """
    return _is_done(_work(workspace, name, round_id))


@dataclass(frozen=True)
class _Work:
    """A stage as it stands: what it is made of now, and where its receipt would be."""

    name: str
    round_id: str | None
    receipts: Receipts
    argument: Any
    sources: list[Path]
    outputs: list[Path]
    stamp: dict[str, Any]


def _work(workspace: Workspace, name: str, round_id: str | None) -> _Work:
    make_importable(workspace)
    receipts = Receipts(workspace)
    inputs: list[Path] = []
    sources: list[Path] = []
    if name == "prepare":
        from labelloop.stages.prepare import depends_on

        settings = depends_on(workspace, Ledger.read(workspace.ledger))
        outputs = [workspace.data]
        argument: Any = workspace
    else:
        contract = _contract(name)
        argument = current = Round(workspace, str(round_id))
        settings = {section: current.section(section) for section in contract.sections}
        inputs, outputs = current.paths(contract.inputs), current.paths(contract.outputs)
        sources = current.paths(contract.sources)
    known = {workspace.relative(path): _input_digest(receipts, path, name) for path in inputs}
    stamp = {"settings": files.digest_of(settings), "inputs": known}
    return _Work(name, round_id, receipts, argument, sources, outputs, stamp)


def _is_done(work: _Work) -> bool:
    receipts, relative = work.receipts, work.receipts.workspace.relative
    receipt = receipts.read(work.round_id, work.name)
    if receipt is None or receipt["stamp"] != work.stamp:
        return False
    if not all(path.exists() for path in work.sources):
        return False
    for path in work.sources:
        digest, expected = files.digest(path), receipt["sources"][relative(path)]
        if digest != expected:
            # No rerun could make it again, and one that took it in would change labels behind people's backs.
            raise DamagedFileError(
                f"{relative(path)} is damaged: its digest is {digest[:12]}, but {work.name} wrote "
                f"{expected[:12]}. Nothing was changed. It is a source, so bring it back with `git checkout` "
                "or `dvc checkout`. If the change was meant, "
                f"`labelloop stage {work.name} {work.round_id} --force` takes it over"
            )
    if not all(path.exists() for path in work.outputs):
        return False
    _refuse_damage(receipts, receipt, work.outputs, work.name)
    return True


def make_importable(workspace: Workspace) -> None:
    """Let params.yaml name modules that lie in the campaign's folder, wherever the command was started."""
    if str(workspace.root) not in sys.path:
        sys.path.append(str(workspace.root))


def _contract(name: str) -> Contract:
    known = ROUND_STAGES | RECORDS
    if name not in known:
        raise LabelloopError(f"stage {name!r} is not known; known: prepare, {', '.join(known)}")
    return known[name]


def _input_digest(receipts: Receipts, path: Path, stage: str) -> str:
    name = receipts.workspace.relative(path)
    if not path.exists():
        raise LabelloopError(
            f"stage {stage} needs {name}, which is not there. `dvc checkout {name}` brings it back if it was "
            "versioned; otherwise run the stage that makes it (docs/files.md says which)"
        )
    digest = receipts.digest(path)
    made = receipts.made(path)
    if made is not None and made[1] != digest:
        raise _damaged(name, made[0], made[1], digest)
    return digest


def _refuse_damage(receipts: Receipts, receipt: dict[str, Any], outputs: list[Path], stage: str) -> None:
    for path in outputs:
        name = receipts.workspace.relative(path)
        digest = receipts.digest(path)
        if digest != receipt["outputs"][name]:
            raise _damaged(name, stage, receipt["outputs"][name], digest)


def _damaged(name: str, stage: str, expected: str, found: str) -> DamagedFileError:
    return DamagedFileError(
        f"{name} is damaged: its digest is {found[:12]}, but {stage} wrote {expected[:12]}. Nothing was "
        f"changed. Bring it back with `dvc checkout {name}`, or delete it and run the same command again: "
        "it is then made anew from what it was made of"
    )
