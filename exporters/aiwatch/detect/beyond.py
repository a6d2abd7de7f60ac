"""What no test of a feature sees: other outcomes at the same scores, repeated rows, numbers below 0 or out of range."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from aiwatch import names
from aiwatch.profiles.result import Claim, Finding

_LIKELY = 0.5  # weight from which on a cause is likelier than all others together
SHARE = 0.05  # of the false alarms, or of the error, that is promised
_LOOKS = 4  # that make a claim though nothing drifted: at outcomes, repeated rows, numbers below 0, those out of range


def chance_of(windows: float) -> float:
    """Return with which probability each look at a window may claim something by chance, for the promise to be kept.

    Args:
        windows: how many come, on average, until the first false alarm, or over how many an error is given.

    >>> round(2160 * 4 * chance_of(2160), 3)
    0.05
    """
    return SHARE / windows / _LOOKS


def grave(causes: Sequence[Claim]) -> list[Claim]:
    """Return the likeliest cause if the model itself is concerned, and not only the service around it."""
    return [claim for claim in causes[:1] if claim.cause != "infrastructure" and claim.weight >= _LIKELY]


def finding_of(claim: Claim, since: datetime | None, chance: float) -> Finding:
    """Return as a finding what a cause is claimed for though no feature drifted.

    >>> finding_of(Claim("concept", "concept", 0.9, ("40 % positive outcomes, were 20 %",)), None, 1e-5).how
    '40 % positive outcomes, were 20 %'
    """
    return Finding(
        feature=names.OUTCOMES if claim.cause == "concept" else next(iter(claim.features), names.VOLUME),
        test="signs",
        statistic=claim.weight,
        p_value=chance,
        effect=claim.weight,
        material=_LIKELY,
        evidence=claim.weight / _LIKELY,
        drifted=True,
        since=since,
        sudden=None,
        how=claim.evidence[0] if claim.evidence else "",
    )
