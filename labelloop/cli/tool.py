"""Commands about the labeling tool."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labelloop.cli.arguments import CAMPAIGN, Folder, campaign_in

tool = typer.Typer(no_args_is_help=True, help="Look at the labeling tool that annotation.tool names.")


def add_to(app: typer.Typer) -> None:
    """Add the group `tool`."""
    app.add_typer(tool, name="tool", rich_help_panel=CAMPAIGN)


@tool.callback()
def _group() -> None:
    pass


@tool.command()
def check(
    folder: Folder = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Say whether the labeling tool is there and fits the campaign. Changes nothing.

    For Label Studio: address, version, clock, token, rights, the project, its labeling interface, what it
    shows, webhooks. Exit code 1 when something must be put right before the campaign can work.
    """
    from labelloop.tool_check import check_tool

    checks = check_tool(campaign_in(folder))
    if as_json:
        import dataclasses
        import json

        found = [dataclasses.asdict(one) for one in checks]
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        for one in checks:
            typer.secho(f"{one.state:<5} ", nl=False, fg={"warn": "yellow", "fail": "red"}.get(one.state))
            typer.echo(f"{one.name:<19} {one.says}")
            if one.fix:
                typer.echo(f"{'':<25} -> {one.fix}")
    if any(one.state == "fail" for one in checks):
        raise typer.Exit(1)
