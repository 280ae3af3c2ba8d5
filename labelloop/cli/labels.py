"""Commands about votes and labels that need no campaign: agreement, annotators, certify."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from labelloop.cli.arguments import ALONE, names_of
from labelloop.cli.terminal import say
from labelloop.errors import LabelloopError

Votes = Annotated[Path, typer.Argument(help="CSV (gzip too), Parquet or JSON lines, one vote a row.")]
Item = Annotated[str, typer.Option(help="Column of the item's id.")]
Annotator = Annotated[str, typer.Option(help="Column of the annotator.")]
Label = Annotated[str, typer.Option(help="Column of the answer.")]
Out = Annotated[Path | None, typer.Option("--out", help="Folder for the JSON and one HTML page.")]
Json = Annotated[bool, typer.Option("--json", help="For scripts.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(rich_help_panel=ALONE)(agreement)
    app.command(rich_help_panel=ALONE)(annotators)
    app.command(rich_help_panel=ALONE)(certify)


def agreement(
    votes: Votes,
    out: Out = None,
    as_json: Json = False,
    level: Annotated[
        str | None,
        typer.Option(help="nominal, ordinal or interval: what alpha takes labels for.",
                     show_default="nominal; ordinal with --order"),
    ] = None,
    order: Annotated[str, typer.Option(help="Every class in its order: 'low,middle,high'.")] = "",
    slices: Annotated[str | None, typer.Option("--slice", help="A column to report agreement by.")] = None,
    resamples: Annotated[int, typer.Option(min=0, help="Bootstrap draws of items for intervals.")] = 200,
    seed: Annotated[int, typer.Option(help="The same seed gives the same intervals.")] = 0,
    item_column: Item = "item",
    annotator_column: Annotator = "annotator",
    label_column: Label = "label",
) -> None:  # fmt: skip
    """How far do people agree? Krippendorff's alpha, Fleiss's and Cohen's kappa, with intervals.

    By class, by slice and over time too (column answered_at), and the items that divide people.
    """
    from labelloop.annotators.agreement_file import agreement_of_file
    from labelloop.cli.quality_tables import show_agreement

    summary = agreement_of_file(
        votes, level=level, order=names_of(order), resamples=resamples, seed=seed,
        slice_column=slices, item_column=item_column, annotator_column=annotator_column,
        label_column=label_column,
    )  # fmt: skip
    if out is not None:
        from labelloop.reporting.agreement import agreement_page

        _write(out, "agreement", summary, agreement_page(summary, votes.name))
    _say(summary, as_json, show_agreement, out, "agreement")


def annotators(
    votes: Votes,
    gold: Annotated[Path | None, typer.Option(help="Table with columns item and label.")] = None,
    out: Out = None,
    as_json: Json = False,
    item_column: Item = "item",
    annotator_column: Annotator = "annotator",
    label_column: Label = "label",
) -> None:
    """How good is each annotator? Accuracy on gold and against the others, bias, speed, copying, drift.

    Columns answered_at and lead_seconds are used where the votes have them.
    """
    from labelloop.annotators.quality_file import annotators_of_file
    from labelloop.cli.quality_tables import show_annotators

    summary = annotators_of_file(
        votes, gold_path=gold, item_column=item_column, annotator_column=annotator_column,
        label_column=label_column,
    )  # fmt: skip
    if out is not None:
        from labelloop.reporting.annotators import annotators_page

        _write(out, "annotators", summary, annotators_page(summary, votes.name))
    _say(summary, as_json, show_annotators, out, "annotators")


def certify(
    labels: Annotated[Path, typer.Argument(help="Labels with confidences (item, label, confidence), or a "
                                                "model's probabilities; later the certificate's folder.")],
    gold: Annotated[Path | None, typer.Option(help="True labels of a random draw of LABELS' items.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="New folder for the certificate and what it "
                                                           "accepts.")] = None,
    target: Annotated[float, typer.Option(help="Greatest share of wrong labels that is accepted.")] = 0.05,
    delta: Annotated[float, typer.Option(help="Chance that the share is greater all the same.")] = 0.1,
    test: Annotated[str, typer.Option(help="fixed_sequence or bonferroni.")] = "fixed_sequence",
    days: Annotated[float, typer.Option(help="How long the certificate holds.")] = 30.0,
    scorer: Annotated[Path | None, typer.Option(help="File or folder that gave the confidences: its digest "
                                                     "is recorded, and later compared. Without it a "
                                                     "certificate speaks of LABELS alone.")] = None,
    more: Annotated[Path | None, typer.Option(help="Further labels of the certified scorer, to accept under "
                                                   "the certificate as well; with --scorer.")] = None,
    audit_share: Annotated[float, typer.Option(help="Share of accepted labels drawn for the audit.")] = 0.02,
    audit: Annotated[Path | None, typer.Option(help="True labels of audited items so far, in order; a breach "
                                                    "revokes.")] = None,
    revoke: Annotated[str, typer.Option(help="End the certificate, for this reason.")] = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Which labels may be accepted without a person? Proven on gold, sealed, audited, revocable.

    `certify LABELS --gold GOLD --out DIR` issues a certificate or says how much more gold is needed.
    `certify DIR --audit AUDITED` judges what was accepted; `certify DIR` says whether it still holds, with
    --scorer also for that scorer. `certify DIR --more LABELS --scorer SCORER` accepts further labels. With
    --json all of it is one document, with the error if there was one.
    """
    from labelloop.certification import certify_file as certification
    from labelloop.certification.certificate import revoke as end

    now = datetime.now(UTC)
    if not labels.is_dir():
        if gold is None or out is None or audit is not None or revoke or more is not None:
            raise LabelloopError(
                "to certify labels say --gold FILE and --out NEW_FOLDER; --audit, --more and --revoke take a "
                "certificate's folder instead of labels"
            )
        facts = certification.certify_file(
            labels, gold, out, target=target, delta=delta, now=now, test=test, days=days, scorer=scorer,
            audit_share=audit_share,
        )  # fmt: skip
        _say(facts, as_json, _show_certificate, None, "")
        return
    if gold is not None or out is not None:
        raise LabelloopError(f"{labels} is a folder; --gold and --out go with a file of labels")
    told: dict[str, Any] = {}
    try:
        if audit is not None:
            told["audit"] = certification.audit_file(labels, audit, now)
        if revoke:
            end(labels, revoke, now)
        told |= certification.standing(labels, now)
        told["folder"] = str(labels)
        if told["ended"] and not (revoke and audit is None and more is None and scorer is None):
            raise LabelloopError(_ended_words(told))
        if more is not None or scorer is not None:
            told |= _speaks_of(labels, more, scorer, now)
    except LabelloopError as error:
        told["error"] = str(error)
        raise
    finally:
        _say(told, as_json, _show_standing, None, "")


def _ended_words(state: dict[str, Any]) -> str:
    """That a certificate does not hold, why, and what becomes of its labels."""
    from labelloop.certification.certify_file import RETURNED

    labels_do = (
        f"The {state['returned']} labels accepted under it return to the queue: "
        f"{Path(state['folder']) / RETURNED}"
        if state["returned"]
        else "What was accepted before stays accepted; nothing further may be"
    )
    return f"certificate {state['certificate']} does not hold: {state['ended']}. {labels_do}"


def _speaks_of(folder: Path, more: Path | None, scorer: Path | None, now: datetime) -> dict[str, Any]:
    """Check a scorer against a certificate's; accept further labels of it, and say what came of that."""
    from labelloop.certification.further_labels import accept_further, check_scorer

    if scorer is None:
        raise LabelloopError(
            "--more goes with --scorer: labels of any other scorer need their own certificate"
        )
    if more is None:
        check_scorer(folder, scorer, now)
        return {}
    return {"further": accept_further(folder, more, scorer, now)}


def _show_standing(told: dict[str, Any]) -> None:
    """What was found of a certificate; the error that ended the command is shown elsewhere."""
    if "audit" in told:
        _show_audit(told["audit"])
    if "further" in told:
        _show_further(told["further"])
    if not told.keys() & {"audit", "further", "error"}:
        if told["ended"]:
            say(_ended_words(told))
            return
        say(f"certificate {told['certificate']} holds until {told['until']}")


def _show_further(told: dict[str, Any]) -> None:
    gold = f", {told['gold']} are its gold" if told["gold"] else ""
    say(
        f"certificate {told['certificate']}: {told['accepted']} further labels accepted, {told['below']} are "
        f"below the threshold, {told['known']} were accepted before{gold}; {told['total']} in accepted.csv"
    )


def _write(out: Path, stem: str, summary: dict[str, Any], page: str) -> None:
    from labelloop import files

    files.write_json(out / f"{stem}.json", summary)
    files.write_text(out / f"{stem}.html", page)


def _say(summary: dict[str, Any], as_json: bool, show: Any, out: Path | None, stem: str) -> None:
    if as_json:
        import json

        typer.echo(json.dumps(summary, indent=2, ensure_ascii=False))
        return
    show(summary)
    if out is not None:
        say(f"written: {out / stem}.json and {out / stem}.html")


def _show_certificate(facts: dict[str, Any]) -> None:
    say(
        f"certificate {facts['id']}, until {facts['expires_at']}: labels with confidence "
        f"{facts['threshold']:.4f} or more are wrong in at most {facts['target']:.2%}, with chance "
        f"{100 * (1 - facts['delta']):.4g}%"
    )
    typer.echo(
        f"gold: {facts['errors']} wrong of {facts['gold']} at or above it, upper bound {facts['bound']:.2%}; "
        f"{facts['gold_total']} in all"
    )
    typer.echo(f"accepted: {facts['accepted']} labels ({facts['coverage']:.1%} of the stream, gold left out)")
    typer.echo(f"to audit: {facts['audited_by_draw']} of them, drawn at random (column audit)")
    say(f"written: {facts['out']}/certificate.json and accepted.csv")


def _show_audit(result: dict[str, Any]) -> None:
    found = (
        ""
        if result["error"] is None
        else f", {result['error']:.1%} ({result['low']:.1%}–{result['high']:.1%})"
    )
    typer.echo(
        f"audited: {result['audited']}, wrong: {result['errors']}{found}; evidence of a breach "
        f"{result['greatest']:.3g} of {result['limit']:g}"
    )
