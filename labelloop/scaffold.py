"""A new campaign's folder: what `labelloop init` writes."""

from __future__ import annotations

from importlib.resources import files as resources
from pathlib import Path

from labelloop import files
from labelloop.adapters import dvc, git
from labelloop.campaign import load_settings
from labelloop.errors import LabelloopError
from labelloop.hints import did_you_mean
from labelloop.ledger import Ledger

WRITTEN = {
    "dvc.yaml": "dvc.yaml",
    "gitignore": ".gitignore",
    "dvcignore": ".dvcignore",
    "env.example": ".env.example",
}


def examples() -> dict[str, str]:
    """Example params files, by name."""
    folder = resources("labelloop.templates") / "params"
    return {
        path.name.removesuffix(".yaml"): path.read_text(encoding="utf-8")
        for path in sorted(folder.iterdir(), key=lambda path: path.name)
        if path.name.endswith(".yaml")
    }


def init(root: Path, *, params: str | Path = "digits", own_git: bool = False) -> list[Path]:
    """Make a campaign in `root`: params.yaml, dvc.yaml, an empty ledger, and a git and DVC repository.

    Files that are there stay as they are, so it may be called again.

    Args:
        params: name of an example, or a file to start from.
        own_git: make a git repository of its own even where `root` lies in another's work tree.

    Returns:
        The files that were written.

    Raises:
        LabelloopError: `root` holds a campaign already, there is no such example, or the settings are wrong;
            nothing was written.
    """
    if (root / "rounds.yaml").exists() and Ledger.read(root / "rounds.yaml").begun:
        raise LabelloopError(
            f"{root} holds a campaign that has begun; `labelloop status {root}` says where it stands"
        )
    text = _params_text(params)
    if (root / "params.yaml").exists():
        load_settings(root / "params.yaml")
    root.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    texts = {target: _template(name) for name, target in WRITTEN.items()} | {"params.yaml": text}
    for name, content in texts.items():
        if not (root / name).exists():
            files.write_text(root / name, content)
            written.append(root / name)
    versioning = load_settings(root / "params.yaml").versioning
    if not (root / "rounds.yaml").exists():
        Ledger(root / "rounds.yaml").write()
        written.append(root / "rounds.yaml")
    if versioning.enabled:
        if versioning.git_commit:
            git.ensure_repository(root, own=own_git)
        dvc.init(root)
    return written


def _template(name: str) -> str:
    return (resources("labelloop.templates") / name).read_text(encoding="utf-8")


def _params_text(params: str | Path) -> str:
    known = examples()
    if str(params) in known:
        return known[str(params)]
    if Path(params).is_file():
        load_settings(Path(params))
        return Path(params).read_text(encoding="utf-8")
    hint = did_you_mean(params, known, then=f"Examples: {', '.join(known)}")
    raise LabelloopError(f"{str(params)!r} is neither a file nor an example; {hint}")
