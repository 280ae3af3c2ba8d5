"""What may be labeled without a person."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from labelloop.settings.section import Section


class FusedAcceptance(Section):
    """When labels by votes count without a further person: under a certificate from the random slice of
    reviews."""

    target_error: float | None = Field(
        None, gt=0, lt=0.5, description="Greatest share of wrong labels among those labels by votes that are "
        "accepted, such as 0.05. Unset: none is.",
    )  # fmt: skip
    delta: float = Field(
        0.05, gt=0, lt=0.5, description="Chance that the share is greater all the same, over all such "
        "certificates of the campaign: each gets its part.",
    )  # fmt: skip
    looks: int = Field(
        10, ge=1, description="Such certificates that share delta, the refused ones too. One is tried when "
        "more of the random slice has been reviewed, or fusion has changed.",
    )  # fmt: skip


class Acceptance(Section):
    """When the model's labels count without a person: under a certificate from the test set, audited."""

    target_error: float | None = Field(
        None, gt=0, lt=0.5, description="Greatest share of wrong labels among those that are accepted from "
        "the model, such as 0.05. Unset: none is accepted.",
    )  # fmt: skip
    delta: float = Field(
        0.05, gt=0, lt=0.5, description="Chance that the share is greater all the same, over all "
        "certificates of the campaign: each round's gets its part.",
    )  # fmt: skip
    looks: int = Field(
        10, ge=1, description="Certificates that share delta: one a round, the refused ones too. When they "
        "are used up, no further one is issued.",
    )  # fmt: skip
    days: float = Field(
        30.0, gt=0, le=36_500, description="Days after the round's close at which its certificate expires."
    )
    trust_test_set: bool = Field(
        False, description="Whether a test set that came with the data may vouch for the pool: only if both "
        "were drawn at random from the same source. One that labelloop has sampled from the pool always may.",
    )  # fmt: skip
    audit_share: float = Field(
        0.02, gt=0, le=1, description="Share of the accepted labels, drawn at random, that people are asked "
        "about all the same, at most half of a batch.",
    )  # fmt: skip
    audit_delta: float = Field(
        0.05,
        gt=0,
        lt=0.5,
        description="Chance that an audit ends acceptance although its labels are good. Its two "
        "tests have half of it each, one for ever and one for 1,000 audited labels.",
    )
    audits_from: str = Field(
        "r000", pattern=r"^r[0-9]{3,}$", description="Earlier rounds' audits are left aside. After a breach, "
        "and once its cause is gone, the round from which acceptance may begin anew.",
    )  # fmt: skip
    revoked: dict[str, str] = Field(
        {}, description="Certificates that you end by hand, each with the reason: `c-473941f52c51: reviewers "
        "were mixed up`. `labelloop export` follows at once; the next round returns their labels, and "
        "nothing is accepted in that way until audits_from names a round after it.",
    )  # fmt: skip
    fused: FusedAcceptance = Field(FusedAcceptance(), description="Labels by votes; see accept.fused.")

    @field_validator("revoked")
    @classmethod
    def _certificates_with_reasons(cls, revoked: dict[str, str]) -> dict[str, str]:
        for name, reason in revoked.items():
            if not re.fullmatch(r"c-[0-9a-f]{12}", name):
                raise ValueError(f"{name!r} is no certificate; its id looks like c-473941f52c51")
            if not reason.strip():
                raise ValueError(f"{name} needs a reason: it stands in every report")
        return revoked
