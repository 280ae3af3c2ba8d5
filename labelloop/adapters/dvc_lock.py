"""dvc.lock as text: one block of lines a stage.

Parsing a long campaign's dvc.lock with all its formatting takes seconds, yet a round only adds stages at
its end. A lock that DVC wrote has one shape: a header, then each stage's block, indented by two spaces.
Anything else (a user's comment, a merge's conflict marks, other sections) is not taken apart here; DVC
reads it itself.
"""

from __future__ import annotations

from collections.abc import Sequence

_HEADER = "schema: '2.0'\nstages:\n"


def split(text: str) -> dict[str, str] | None:
    """Take a dvc.lock apart.

    Returns:
        Each stage's block by its first line, in order; None when the text is not as DVC alone writes it.
    """
    if not text:
        return {}
    if not text.startswith(_HEADER) or not text.endswith("\n") or "\r" in text:
        return None
    blocks: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in text[len(_HEADER) :].splitlines(keepends=True):
        if line.startswith("   ") or line == "\n":
            if current is None:
                return None
            current.append(line)
        elif line.startswith("  ") and line.endswith(":\n") and line[2] not in "#-" and line not in blocks:
            current = blocks[line] = [line]
        else:
            return None
    return {first: "".join(lines) for first, lines in blocks.items()}


def merge(text: str, stages: Sequence[str]) -> str | None:
    """Put stages' blocks into a dvc.lock: in place of the block with the same first line, else at the end.

    Args:
        text: the present dvc.lock; empty when there is none.
        stages: blocks, each as `block` makes it.

    Returns:
        The new dvc.lock; None when the present one is not as DVC alone writes it.
    """
    blocks = split(text)
    if blocks is None:
        return None
    for stage in stages:
        blocks[stage[: stage.index("\n") + 1]] = stage
    return _HEADER + "".join(blocks.values())


def block(dumped: str) -> str | None:
    """The block in DVC's YAML of ``{"stages": {name: entry}}``; None when it is not one plain block."""
    lines = dumped.removeprefix("stages:\n")
    blocks = split(_HEADER + lines)
    return lines if blocks is not None and len(blocks) == 1 and lines != dumped else None
