"""What no test of a feature sees: outcomes that change at the same scores, repeated rows, their number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from aiwatch import names
from aiwatch.profiles.result import Claim, Finding

_LIKELY = 0.5  # weight from which on a cause is likelier than all others together
_CHANCE = 0.001  # of a sign where nothing is, at most, over a season of windows


def grave(causes: Sequence[Claim]) -> list[Claim]:
    """Return the likeliest cause if the model itself is concerned, and not only the service around it."""
    return [claim for claim in causes[:1] if claim.cause != "infrastructure" and claim.weight >= _LIKELY]


def finding_of(claim: Claim, since: datetime | None) -> Finding:
    """Return as a finding what a cause is claimed for though no feature drifted.

    >>> finding_of(Claim("concept", "concept", 0.9, ("40 % positive outcomes, were 20 %",)), None).how
    '40 % positive outcomes, were 20 %'
    """
    return Finding(
        feature=names.OUTCOMES if claim.cause == "concept" else names.VOLUME,
        test="signs",
        statistic=claim.weight,
        p_value=_CHANCE,
        effect=claim.weight,
        material=_LIKELY,
        evidence=claim.weight / _LIKELY,
        drifted=True,
        since=since,
        sudden=None,
        how=claim.evidence[0] if claim.evidence else "",
    )
