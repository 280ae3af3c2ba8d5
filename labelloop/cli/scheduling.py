"""Commands for campaigns that are driven by a Prefect server: deploy, serve, webhook, approve."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from labelloop.cli.arguments import CAMPAIGN, SCHEDULE, Folder, campaign_in
from labelloop.errors import LabelloopError

Host = Annotated[str, typer.Option(help="Where webhooks are received. Loopback: this machine only.")]
Url = Annotated[
    str, typer.Option(help="Where the tool reaches the receiver, if not at its own host and port.")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel=CAMPAIGN)(approve)
    for command in (serve, deploy, webhook):
        app.command(rich_help_panel=SCHEDULE)(command)


def serve(
    folder: Folder = Path(),
    every: Annotated[float, typer.Option(min=1, help="Seconds between two looks at the tool.")] = 300.0,
    webhook_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Receive webhooks too, at this port.")
    ] = None,
    host: Host = "127.0.0.1",
    url: Url = "",
) -> None:
    """Serve the flows from this machine: launch them from the Prefect UI, and advance on a schedule.

    Needs a Prefect server (`prefect server start`, then PREFECT_API_URL). For a fixed installation use
    `labelloop deploy` and a worker instead.
    """
    from labelloop import scheduling

    scheduling.serve(campaign_in(folder), every, host=host, port=webhook_port, url=url, told=_tell)


def deploy(
    folder: Folder = Path(),
    name: Annotated[str, typer.Option(help="Of the deployments. Default: the campaign's name.")] = "",
    pool: Annotated[str, typer.Option(help="Work pool, made if it is not there.")] = "campaigns",
    schedule: Annotated[
        str, typer.Option(help="Look at the tool this often: 30s, 5m, 1h. Default: no look by itself.")
    ] = "",
) -> None:
    """Register the campaign with a Prefect server: work pool, flows, triggers, and what ends silent runs.

    Needs PREFECT_API_URL. May be called again, after an update of labelloop or with another schedule. A
    worker then runs it: `PREFECT_WORKER_QUERY_SECONDS=2 prefect worker start --pool campaigns`.
    """
    from labelloop import scheduling

    workspace = campaign_in(folder)
    for line in scheduling.deploy(workspace, name=name, pool=pool, every=seconds_of(schedule)):
        typer.echo(line)
    typer.echo(f"\nNext: PREFECT_WORKER_QUERY_SECONDS=2 prefect worker start --pool {pool}")


def webhook(
    folder: Folder = Path(),
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8090,
    url: Url = "",
) -> None:
    """Receive the webhooks of Label Studio: whenever somebody has answered, `advance` looks at once.

    Needs PREFECT_API_URL, and a secret in LABELLOOP_WEBHOOK_SECRET. Registers itself with the campaign's
    project. A webhook that gets lost costs nothing but time: the schedule looks all the same.
    """
    from labelloop import scheduling

    scheduling.webhook(campaign_in(folder), host=host, port=port, url=url, told=_tell)


def approve(
    folder: Folder = Path(),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Approve without being asked.")] = False,
    reject: Annotated[str, typer.Option(metavar="REASON", help="Reject the batch, and say why.")] = "",
    reopen: Annotated[
        bool,
        typer.Option(
            "--reopen",
            help="Open a round anew, with params.yaml as it is now: one that was rejected, or that failed "
            "before anybody was asked.",
        ),
    ] = False,
) -> None:
    """Show the batch that would be pushed next, and approve or reject it.

    For campaigns with annotation.approval. Until then nobody is asked; a rejected batch stops the campaign.
    """
    from labelloop import approval, scheduling

    workspace = campaign_in(folder)
    if reopen:
        with workspace.hold("labelloop approve --reopen"):
            kept = approval.reopen(workspace)
        typer.echo(f"the round will be opened anew; what there was of it is kept in {kept}")
        return
    batch = approval.open_batch(workspace)
    if batch is None:
        wanted = workspace.settings.annotation.approval
        hint = "" if wanted else " (annotation.approval is off in params.yaml)"
        raise LabelloopError(f"no batch waits for approval{hint}; `labelloop status` says what is waited for")
    typer.echo(str(batch))
    typer.echo(f"first: {', '.join(batch.first)}")
    typer.echo(f"all of them: {workspace.relative(workspace.round(batch.round_id).batch)}")
    if batch.decision:
        typer.echo(f"it was {batch.decision}")
        if batch.decision.approved:
            return
    if not reject and not yes:
        typer.confirm("Shall people be asked?", abort=True)
    typer.echo(str(scheduling.decide(workspace, batch, approved=not reject, reason=reject)))


def seconds_of(text: str) -> float | None:
    """Seconds of `30s`, `5m`, `1h` or a plain number of seconds; None of an empty text.

    Raises:
        LabelloopError: it is none of these, or less than a second.
    """
    if not text:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    seconds = float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]] if found else 0.0
    if seconds < 1:
        raise LabelloopError(f"--schedule {text!r} is no time between two looks; write 30s, 5m or 1h")
    return seconds


def _tell(line: str) -> None:
    typer.echo(line, err=True)
