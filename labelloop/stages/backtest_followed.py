"""What a round takes from the campaign's backtest.json: strategies that are surely worse than random.

The file is read when a round opens and the round keeps what it found, so a later backtest changes rounds to
come, never the ones behind. `auto` leaves out what is worse; a strategy that params.yaml names picks all the
same, and the round's reason says what the backtest shows of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from labelloop import models
from labelloop.acquisition.auto import COVERAGE, DOUBT, MAY_BE_LEFT_OUT
from labelloop.backtesting.verdict import Verdict, read_verdict, words_of
from labelloop.campaign import CampaignSettings
from labelloop.datasets.base import Prepared
from labelloop.workspace import Workspace

AUTO = "auto"
LEARNER = ("name", "options", "pool", "pool_options", "views")
"""Settings of `model` that make it another learner, of which a verdict says nothing."""


def proven_by_backtest(
    workspace: Workspace, settings: CampaignSettings, prepared: Prepared
) -> dict[str, Any] | None:
    """What a round that opens now keeps of backtest.json; None without such a file.

    Returns:
        `worse` and `worse_first`: why, by strategy that is surely worse than random in later batches and in
        the first one; or `not_followed`: why nothing is, where the file is about something else.

    Raises:
        DamagedFileError: the file is not what `labelloop backtest` writes.
    """
    if not workspace.verdict.exists():
        return None
    verdict = read_verdict(workspace.verdict)
    other = _other(verdict.about, settings, prepared)
    if other:
        return {"not_followed": f"{workspace.verdict.name} was not followed: it is about {other} than this "
                                "campaign's"}  # fmt: skip
    return {"worse": _worse(verdict), "worse_first": _worse(verdict, first=True)}


def learner_of(settings: CampaignSettings, prepared: Prepared) -> dict[str, Any]:
    """What makes a learner another one, of the settings; `auto` is named as what it is on this pool."""
    model = settings.model.model_dump(mode="json")
    name = models.resolve_model_name(settings.model.name, prepared.pool.input_kind)
    return {part: model[part] for part in LEARNER} | {"name": name}


@dataclass(frozen=True)
class Proven:
    """What the round's backtest proves of strategies, at this point of the campaign."""

    worse: Mapping[str, str]
    """Why, by strategy."""
    not_followed: str = ""
    """Why a backtest was not followed."""

    @classmethod
    def of(cls, about: Mapping[str, Any], *, trained: bool) -> Proven:
        """From the `round` part of settings.yaml; with or without a model to ask."""
        kept = about.get("backtest") or {}
        return cls(kept.get("worse" if trained else "worse_first", {}), kept.get("not_followed", ""))

    def options(self, strategy: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options of a strategy; `auto` is told what to leave out, beside what the settings tell it."""
        if strategy != AUTO or not self.worse:
            return dict(options)
        worse = dict(self.worse)
        if AUTO in worse:
            # It is not known which of its own phases is to blame; what it falls back on is another matter.
            worse |= {phase[0]: worse[AUTO] for phase in (COVERAGE, DOUBT)}
        left_out = {name: why for name, why in worse.items() if name in MAY_BE_LEFT_OUT}
        return {**options, "left_out": {**left_out, **options.get("left_out", {})}}

    def settings(self, settings: CampaignSettings) -> CampaignSettings:
        """Settings of which the mix's `auto` is told as well."""
        compose = settings.acquisition.compose
        if AUTO not in compose.mix or not self.worse:
            return settings
        told = {**compose.mix_options, AUTO: self.options(AUTO, compose.mix_options.get(AUTO, {}))}
        compose = compose.model_copy(update={"mix_options": told})
        acquisition = settings.acquisition.model_copy(update={"compose": compose})
        return settings.model_copy(update={"acquisition": acquisition})

    def told(self, strategies: Iterable[str], *, named: bool) -> list[str]:
        """Sentences for the round's reason, about strategies that pick although they are worse.

        Args:
            named: whether params.yaml names them; else they stand in for what it names.
        """
        names = list(strategies)
        why = "because params.yaml names it" if named else "all the same"
        said = [f"{name} picked {why}: {self.worse[name]}."
                for name in names if name != AUTO and name in self.worse]  # fmt: skip
        if self.not_followed and AUTO in names:
            said.append(f"{self.not_followed}.")
        return said


def _other(about: Mapping[str, Any], settings: CampaignSettings, prepared: Prepared) -> str:
    """What a verdict is about that this campaign is not; '' where it is about the same."""
    # Before the model, whose name may go with another kind of data.
    if sorted(map(str, about.get("classes") or [])) != sorted(prepared.classes):
        return "other classes"
    return "" if about.get("model") == learner_of(settings, prepared) else "another learner"


def _worse(verdict: Verdict, *, first: bool = False) -> dict[str, str]:
    found = verdict.first_batch if first else verdict.strategies
    # What is shown of auto as it is counts for more than what is shown of one of its phases by itself.
    if not first and AUTO in found and found[AUTO].better:
        found = {name: one for name, one in found.items() if name not in (COVERAGE[0], DOUBT[0])}
    return {
        name: f"the backtest shows it surely worse than random, {words_of(one, verdict.about)}"
        for name, one in sorted(found.items())
        if one.worse
    }
