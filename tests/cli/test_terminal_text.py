"""What data calls things is shown as it is, and gives the terminal no orders."""

from __future__ import annotations

import ast
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import labelloop as package
from labelloop.cli import console
from labelloop.cli.terminal import printable, shortened
from labelloop.workspace import Workspace

Command = Callable[..., Any]
PACKAGE = Path(package.__file__).parent
ESCAPE = "\x1b[31m"


def test_rich_is_reached_through_two_modules_only() -> None:
    """Elsewhere somebody would hand it a bare name again, which it reads as markup."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == "rich" for name in names):
                found.add(path.name)
    assert found == {"console.py", "terminal.py"}


@pytest.mark.parametrize(
    "hostile", ["\x1b", "\x9b", "\r", "\x07", "\u202e", "\u2066", "\u2028", "\ud800", "\x7f"]
)
def test_what_moves_the_cursor_or_turns_the_writing_is_replaced(hostile: str) -> None:
    assert printable(f"a{hostile}b") == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize("name", ["名前", "a b", "a\u3000b", "é", "👩\u200d⚕", "[b]", "two\nlines"])
def test_names_of_any_language_stay(name: str) -> None:
    assert printable(name) == name


def test_long_lists_are_shortened() -> None:
    assert shortened(range(3)) == "0, 1, 2"
    assert shortened(range(928), 2) == "0, 1 and 926 more"


def test_rules_may_name_classes_as_they_like(tmp_path: Path, labelloop: Command) -> None:
    (tmp_path / "rules.py").write_text(
        "from labelloop.weak import labeling_function\n\n\n"
        "@labeling_function\ndef one(row):\n    return '[/b]'\n\n\n"
        f"@labeling_function\ndef two(row):\n    return {'[red]x' + ESCAPE!r}\n"
    )
    (tmp_path / "items.csv").write_text("item\ni1\ni2\n")
    said = labelloop("weak", tmp_path / "rules.py", tmp_path / "items.csv", "--out", tmp_path / "w.csv")
    assert said.code == 0
    assert "[/b]" in said.out
    assert "[red]x" in said.out
    assert "\x1b[31m" not in said.out


def test_fused_ratings_name_twenty_people_and_give_no_orders(tmp_path: Path, labelloop: Command) -> None:
    rows = [f"i{item},{who:02}{ESCAPE}[/b],{item + who}" for item in range(3) for who in range(30)]
    (tmp_path / "r.csv").write_text("\n".join(["item,annotator,label", *rows]))
    said = labelloop("fuse", tmp_path / "r.csv", "--ratings", "--out", tmp_path / "out.csv")
    assert said.code == 0
    assert ESCAPE not in said.out
    assert said.out.count("[/b]  bias") == 20
    assert "and 10 more" in said.out


def test_a_thousand_classes_are_not_all_printed(tmp_path: Path, labelloop: Command) -> None:
    rows = [f"i{item},a,class{item}" for item in range(928)]
    (tmp_path / "v.csv").write_text("\n".join(["item,annotator,label", *rows]))
    said = labelloop("fuse", tmp_path / "v.csv", "--out", tmp_path / "out.csv")
    assert said.code == 0
    assert "class0, class1" in said.out
    assert "and 908 more" in " ".join(said.out.split())
    assert len(said.out) < 3000


@pytest.mark.parametrize("more", [(), ("--ratings",)])
def test_fuse_tells_scripts_what_it_found(more: tuple[str, ...], tmp_path: Path, labelloop: Command) -> None:
    rows = [f"i{item},{who},{item % 2}" for item in range(4) for who in "ab"]
    (tmp_path / "v.csv").write_text("\n".join(["item,annotator,label", *rows]))
    (tmp_path / "g.csv").write_text("item,label\ni0,0\ni1,0\n")
    fuse = ("fuse", tmp_path / "v.csv", "--out", tmp_path / "out.csv", "--gold", tmp_path / "g.csv")
    told = json.loads(labelloop(*fuse, "--json", *more).out)
    assert (told["items"], told["votes"], told["gold"]["compared"]) == (4, 8, 2)
    assert told["out"] == str(tmp_path / "out.csv")


def test_errors_give_no_orders(tmp_path: Path, labelloop: Command) -> None:
    said = labelloop("agreement", tmp_path / f"no{ESCAPE}.csv")
    assert said.code == 2
    assert ESCAPE not in said.error


def test_a_line_of_progress_may_hold_any_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """A name as `[/b]` would otherwise end the run, in the middle of a round."""
    with console.progress(Workspace.at(tmp_path)) as tell:
        tell(f"[/b] was told{ESCAPE}")
        logging.getLogger("labelloop").warning("[/b] was logged")
        logging.getLogger("labelloop").info(
            "waiting for [/b]", extra={"stage": "collect", "event": "waiting", "round_id": "r000"}
        )
    shown = capsys.readouterr().err
    assert "[/b] was told" in shown
    assert "[/b] was logged" in shown
    assert ESCAPE not in shown
