"""What README and docs say can be followed: links lead somewhere, and commands exist with their options."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from labelloop.campaign import CampaignSettings, parse_settings
from labelloop.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")),
         *sorted((ROOT / "bench").glob("*.md"))]  # fmt: skip
LINK = re.compile(r"\]\(([^)\s]+)\)")
COMMANDS = typer.main.get_command(app)


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings_that_are_there(page: Path) -> None:
    """Every link that is not an address on the web."""
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.exists(), link
        assert not anchor or anchor in anchors(there), link


def commands_in(text: str) -> Iterator[list[str]]:
    """Words after `labelloop` in blocks of commands, what is only remarked left out."""
    for line in text.splitlines():
        found = re.match(r"(?:    |\$ )?(?:\S*/)?labelloop (.+)", line)
        if line.startswith(("    ", "labelloop")) and found:
            yield shlex.split(re.sub(r"[\[\]]", "", found[1]), comments=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist_and_have_the_options_they_are_given(page: Path) -> None:
    """`labelloop NAME --option`, as they may be pasted."""
    for words in commands_in(page.read_text(encoding="utf-8")):
        command: Any = COMMANDS
        while hasattr(command, "commands") and words and not words[0].startswith("-"):
            assert words[0] in command.commands, words
            command = command.commands[words.pop(0)]
        options = {
            name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)
        }
        used = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert used <= options | {"--help"}, (command.name, used - options)


def settings_in(text: str) -> Iterator[dict[str, Any]]:
    """Blocks that are a part of params.yaml: fenced or indented, and all their keys are its sections."""
    fenced = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    indented = re.findall(r"(?:^\n)((?:    .*\n|\n)+)", text, flags=re.MULTILINE)
    for block in [*fenced, *indented]:
        try:
            content = yaml.safe_load(textwrap.dedent(block))
        except yaml.YAMLError:
            continue
        if isinstance(content, dict) and content.keys() <= CampaignSettings.model_fields.keys():
            yield content


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_settings_that_are_shown_are_taken(page: Path) -> None:
    """Pasted into params.yaml, no key is unknown and nothing contradicts."""
    for content in settings_in(page.read_text(encoding="utf-8")):
        parse_settings(content, page.name)


def test_there_is_something_to_check() -> None:
    """The patterns above still find what they are for."""
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert len(list(commands_in(text))) > 30
    assert len(list(settings_in(text))) > 10
