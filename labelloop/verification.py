"""Read every file of a campaign again and compare it with the digests that were noted when it was written.

The loop checks what it is about to use; files of rounds long closed are used by nothing, so damage to them
would show only when somebody wants them back. Three records are compared: each round's manifest, the chain
that holds a manifest's digest in the manifest after it, and this machine's receipts, which also know of
files that no manifest names (the pool, scores, pushed.jsonl) and of the open round.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from labelloop import files
from labelloop.errors import DamagedFileError
from labelloop.ledger import Entry, Ledger, read_frozen
from labelloop.stages.contract import ROUND_STAGES
from labelloop.stages.runner import Receipts
from labelloop.workspace import Workspace


@dataclass
class Findings:
    """What was found out about a campaign's files."""

    checked: set[str] = field(default_factory=set)
    """Files and folders, relative to the campaign, that were read."""
    damaged: dict[str, str] = field(default_factory=dict)
    """What is wrong, by file."""
    missing: dict[str, str] = field(default_factory=dict)
    """Who knows of the file, by file."""


def verify(workspace: Workspace) -> Findings:
    """Check every file of which a digest is known. Changes nothing."""
    found = Findings()
    try:
        ledger = Ledger.read(workspace.ledger)
    except DamagedFileError as error:
        found.damaged[workspace.relative(workspace.ledger)] = str(error)
        return found
    entries = [*ledger.rounds.values(), *([ledger.open] if ledger.open else [])]
    _compare_receipts(workspace, None, ("prepare",), found)
    for entry in entries:
        _check_settings(workspace, entry, found)
        _compare_receipts(workspace, entry.id, tuple(ROUND_STAGES), found)
    for entry in ledger.rounds.values():
        _compare_manifest(workspace, entry, found)
    return found


def _check_settings(workspace: Workspace, entry: Entry, found: Findings) -> None:
    path = workspace.round(entry.id).settings
    try:
        read_frozen(path)
    except DamagedFileError as error:
        (found.damaged if path.exists() else found.missing)[workspace.relative(path)] = str(error)


def _compare_receipts(
    workspace: Workspace, round_id: str | None, stages: tuple[str, ...], found: Findings
) -> None:
    receipts = Receipts(workspace)
    for stage in stages:
        receipt = receipts.read(round_id, stage)
        for name, digest in ((receipt["outputs"] | receipt["sources"]) if receipt else {}).items():
            _compare(workspace, name, digest, stage, found)


def _compare_manifest(workspace: Workspace, entry: Entry, found: Findings) -> None:
    path = workspace.round(entry.id).manifest
    name = workspace.relative(path)
    if not path.exists():
        found.missing[name] = "the round is closed"
        return
    try:
        manifest = files.read_json(path)
        content, previous = dict(manifest["files"]), str(manifest["previous"])
    except (DamagedFileError, KeyError, TypeError, ValueError) as error:
        found.damaged.setdefault(name, f"it is no manifest any more: {error}")
        return
    for part, digest in content.items():
        _compare(workspace, part, digest, f"the manifest of {entry.id}", found)
    before = workspace.relative(workspace.folder(entry.previous).manifest)
    _compare(workspace, before, previous, f"the manifest of {entry.id}", found)


def _compare(workspace: Workspace, name: str, digest: str, source: str, found: Findings) -> None:
    path = workspace.root / name
    if not path.exists():
        found.missing.setdefault(name, source)
        return
    found.checked.add(name)
    if name not in found.damaged:
        now = _digest(path)
        if now != digest:
            found.damaged[name] = f"its digest is {now[:12]}, but {source} says {digest[:12]}"


def _digest(path: Path) -> str:
    """As `Receipts.digest`, but always read from the disk: damage need not change a file's size or time."""
    if not path.is_dir():
        return files.digest(path)
    inside = sorted(file for file in path.rglob("*") if file.is_file())
    return files.digest_of({file.relative_to(path).as_posix(): files.digest(file) for file in inside})
