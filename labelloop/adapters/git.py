"""git, as far as an automatic commit needs it: the command line, a handful of verbs.

A campaign often lives inside the user's own repository, so the promise is: a commit holds the given files
and nothing else. What the user has staged stays staged, what they have modified stays modified, branches and
configuration are not touched. An automatic commit must not wait for a person or be stopped by a linter:
`--no-verify` skips the user's pre-commit and commit-msg hooks, and nothing is signed, since signing may ask
for a passphrase. Without a configured identity commits are signed off as labelloop's own.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from labelloop.errors import ToolError

PATIENCE = 15.0
"""Seconds to wait for another git process to let go of the index."""

_LONGEST = 300.0
_FALLBACK = {"user.name": "labelloop", "user.email": "labelloop@localhost"}
# Set by git while it runs a hook or an alias; inherited, they would send our commands to another repository.
_FOREIGN = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY",
            "GIT_COMMON_DIR", "GIT_NAMESPACE"}  # fmt: skip


def work_tree(root: Path) -> Path | None:
    """Top folder of the work tree that `root` is in, or None.

    Raises:
        ToolError: git is not installed, or refuses the repository (such as one that belongs to another user).
    """
    answer = _run(root, "rev-parse", "--show-toplevel", check=False)
    if answer.returncode == 0:
        return Path(answer.stdout.strip())
    if "not a git repository" in answer.stderr:
        return None
    raise _failure(root, ("rev-parse", "--show-toplevel"), answer)


def ensure_repository(root: Path, *, own: bool = False) -> bool:
    """Make `root` a git repository with branch main, unless it is in a work tree already.

    Args:
        own: make one although `root` lies in the work tree of another.

    Returns:
        True when a repository was made; an existing one is never touched.
    """
    top = work_tree(root)
    if top is not None and (not own or top.resolve() == root.resolve()):
        return False
    _run(root, "init", "--quiet", "-b", "main")
    return True


def head(root: Path) -> str | None:
    """Full id of the checked-out commit; None in a repository without any, and outside of a repository."""
    answer = _run(root, "rev-parse", "--quiet", "--verify", "HEAD^{commit}", check=False)
    return answer.stdout.strip() or None


def commit(root: Path, paths: Sequence[str | Path], message: str) -> str | None:
    """Commit the present state of `paths`, and only that.

    Args:
        root: the campaign's folder; the repository's top may be above it.
        paths: files or folders relative to `root`. New, changed and deleted files are committed; a path that
            is neither on the disk nor known to git is passed over.
        message: the commit's message.

    Returns:
        The new commit's full id, or None when nothing in `paths` differs from the last commit.

    Raises:
        ToolError: git ignores one of the files, the index stays locked, or git refuses the commit (such as
            in the middle of a merge).
    """
    if not paths:
        return None
    top = work_tree(root)
    if top is None:
        raise ToolError(
            f"{root} is in no git repository; run `git init` there or set versioning.git_commit: false"
        )
    changed = _changed(root, top, [Path(path).as_posix() for path in paths])
    if not changed:
        return None
    listing = "".join(f"{path}\0" for path in changed)
    from_stdin = ("--pathspec-from-file=-", "--pathspec-file-nul")
    _run(top, "add", "--all", *from_stdin, given=listing)
    _run(top, *_identity(top), "commit", "--quiet", "--no-verify", "--no-gpg-sign", "--only", "-m", message,
         *from_stdin, given=listing)  # fmt: skip
    return head(root)


def tag(root: Path, name: str, message: str, commit: str = "HEAD") -> None:
    """Put an annotated tag on a commit; nothing happens when it is there already.

    Raises:
        ToolError: the tag exists on another commit, its name is not valid, or there is no commit.
    """
    target = _commit_of(root, commit)
    if target is None:
        raise ToolError(f"cannot tag {commit} as '{name}': {root} has no such commit yet")
    present = _commit_of(root, f"refs/tags/{name}")
    if present == target:
        return
    if present is not None:
        raise ToolError(
            f"the git tag '{name}' is already on commit {present[:12]}, not on {target[:12]}. If it is left "
            f"from another campaign, rename this one (campaign.name) or delete the tag: git tag -d {name}"
        )
    _run(root, *_identity(root), "tag", "--annotate", "--no-sign", "-m", message, name, target)


def tag_message(root: Path, name: str) -> str | None:
    """What an annotated tag says; None when there is no such tag."""
    if _commit_of(root, f"refs/tags/{name}") is None:
        return None
    return _run(root, "for-each-ref", "--format=%(contents)", f"refs/tags/{name}").stdout.strip()


def _changed(root: Path, top: Path, paths: list[str]) -> list[str]:
    """Paths, relative to the repository's top, that differ from the last commit."""
    answer = _run(root, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all",
                  "--ignored=matching", "--", *paths)  # fmt: skip
    entries = [(entry[:2], entry[3:]) for entry in answer.stdout.split("\0") if entry]
    # Ignored files inside a given folder are DVC's; a file that was asked for by name must not be lost.
    wanted = {Path(os.path.realpath(root / path)) for path in paths if not (root / path).is_dir()}
    real_top = Path(os.path.realpath(top))
    for state, path in entries:
        if state == "!!" and (real_top / path) in wanted:
            raise ToolError(f"git ignores {path}, so it cannot be committed; remove the rule that hides it "
                            f"(git check-ignore -v {path}) or set versioning.git_commit: false")  # fmt: skip
        if state == "!!" and path.endswith("/") and any(f.is_relative_to(real_top / path) for f in wanted):
            raise ToolError(f"git ignores the folder {path}, so the campaign in it cannot be committed; move "
                            "the campaign, remove the rule, or set versioning.git_commit: false")  # fmt: skip
    return [path for state, path in entries if state != "!!"]


def _commit_of(root: Path, name: str) -> str | None:
    answer = _run(root, "rev-parse", "--quiet", "--verify", f"{name}^{{commit}}", check=False)
    return answer.stdout.strip() or None


def _identity(root: Path) -> list[str]:
    """Options that name labelloop as the author where the user has set nothing."""
    options = []
    for key, value in _FALLBACK.items():
        if not _run(root, "config", "--get", key, check=False).stdout.strip():
            options += ["-c", f"{key}={value}"]
    return options


def _run(
    folder: Path, *arguments: str, given: str = "", check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run git in `folder`; wait a while for a lock that another git process holds."""
    environment = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    # Messages are read below, so they must be in one language; paths are names, never patterns.
    environment |= {"LC_ALL": "C.UTF-8", "LANGUAGE": "C", "GIT_TERMINAL_PROMPT": "0",
                    "GIT_LITERAL_PATHSPECS": "1", "GIT_OPTIONAL_LOCKS": "0"}  # fmt: skip
    deadline = time.monotonic() + PATIENCE
    pause = 0.1
    while True:
        try:
            answer = subprocess.run(["git", *arguments], cwd=folder, env=environment, input=given, text=True,
                                    encoding="utf-8", errors="surrogateescape", capture_output=True,
                                    timeout=_LONGEST, check=False)  # fmt: skip
        except FileNotFoundError:
            if not folder.is_dir():
                raise ToolError(f"{folder} is not a folder; git has nothing to work on there") from None
            raise ToolError(
                "git is not installed (or not on PATH); install it, or set versioning.enabled: false"
            ) from None
        except subprocess.TimeoutExpired:
            raise ToolError(
                f"git {' '.join(arguments[:1])} in {folder} did not end within {_LONGEST:.0f} s"
            ) from None
        if answer.returncode == 0 or not _is_busy(answer.stderr) or time.monotonic() + pause > deadline:
            break
        time.sleep(pause)
        pause = min(2 * pause, 1.0)
    if check and answer.returncode != 0:
        raise _failure(folder, arguments, answer)
    return answer


def _is_busy(stderr: str) -> bool:
    return ".lock': File exists" in stderr or "cannot lock ref" in stderr


def _failure(folder: Path, arguments: Sequence[str], answer: subprocess.CompletedProcess[str]) -> ToolError:
    said = (answer.stderr.strip() or answer.stdout.strip() or f"exit status {answer.returncode}")[:1500]
    verb = next(
        (word for word in arguments if word in ("init", "add", "commit", "tag", "status")), arguments[0]
    )
    if _is_busy(answer.stderr):
        return ToolError(
            f"another git process holds {folder} (waited {PATIENCE:.0f} s). Wait for it and run again; if "
            f"there is none, a crash left the lock behind and it may be deleted. git says: {said}"
        )
    return ToolError(f"git {verb} failed in {folder}: {said}")
