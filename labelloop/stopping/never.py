"""Rules that are set and cannot end the campaign: told before anybody waits for them."""

from __future__ import annotations

from labelloop.campaign import CampaignSettings


def cannot_fire(settings: CampaignSettings) -> list[str]:
    """A sentence for every rule on evidence that cannot end a campaign with these settings.

    A rule cannot fire where what it looks at does not exist, or where rounds or the label budget end the
    campaign before the rule has seen enough rounds.
    """
    stopping = settings.stopping
    lines = [f"{name} can never fire: {why}." for name, why in _without_data(settings)]
    most, why = _rounds_at_most(settings)
    for name, rounds in _rounds_needed(settings).items():
        if most is not None and rounds > most:
            lines.append(f"{name} can never fire: it needs {rounds} rounds, and {why}.")
    several = len(_rounds_needed(settings)) + (stopping.target_accuracy is not None) > 1
    if lines and stopping.combine == "all" and several:
        lines.append("With stopping.combine: all, no other rule on evidence ends the campaign either.")
    return lines


def _without_data(settings: CampaignSettings) -> list[tuple[str, str]]:
    stopping = settings.stopping
    found = []
    if settings.evaluation.stop_set == 0:
        found = [
            (f"stopping.{name}", "evaluation.stop_set is 0, so no predictions are kept")
            for name in ("kappa", "changed", "uncertainty")
            if getattr(stopping, name) is not None
        ]
    if stopping.plateau is not None and stopping.plateau_arm == "control" \
            and settings.acquisition.control_share == 0:  # fmt: skip
        found.append(("stopping.plateau", "acquisition.control_share is 0, so there is no control arm"))
    if stopping.value_per_point is not None and _costs_nothing(settings):
        found.append(("stopping.value_per_point", "answers cost nothing (annotation.cost_per_vote is 0)"))
    return found


def _costs_nothing(settings: CampaignSettings) -> bool:
    annotation = settings.annotation
    prices = [annotation.cost_per_vote]
    if annotation.tool == "simulated":
        crew = annotation.simulation.annotators
        own = [person.cost_per_vote for person in crew]
        prices = [annotation.cost_per_vote if price is None else price for price in own]
    return max(prices) == 0 and settings.evaluation.monitoring_cost == 0


def _rounds_needed(settings: CampaignSettings) -> dict[str, int]:
    """Finished rounds that each rule on evidence that is set needs at least, the target left out."""
    from labelloop.evaluation.curve_fit import FEWEST_ROUNDS

    stopping, early = settings.stopping, settings.stopping.patience - 1
    needed = {
        "kappa": stopping.kappa_rounds + 1,
        "changed": stopping.changed_rounds + 1,
        "uncertainty": 1,
        "plateau": stopping.plateau_rounds,
        "value_per_point": FEWEST_ROUNDS,
    }
    return {
        f"stopping.{name}": max(rounds + early, stopping.min_rounds)
        for name, rounds in needed.items()
        if getattr(stopping, name) is not None
    }


def _rounds_at_most(settings: CampaignSettings) -> tuple[int | None, str]:
    """Rounds after which a limit ends the campaign, and which limit; None where none does for sure."""
    acquisition, limit = settings.acquisition, settings.stopping.max_rounds
    found: list[tuple[int, str]] = []
    if limit is not None:
        found.append((limit, f"stopping.max_rounds is {limit}"))
    budget = settings.budget.labels
    if budget is not None and acquisition.first_batch_size is not None:
        further = -(-(budget - acquisition.first_batch_size) // acquisition.batch_size)
        found.append((further + 1, f"budget.labels {budget} is used up after {further + 1}"))
    return min(found, default=(None, ""), key=lambda pair: pair[0])
