"""What a possible cause declares: which signs it would leave, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiwatch.detect.signs.contract import SignName
from aiwatch.profiles.result import Cause


@dataclass(frozen=True)
class Hypothesis:
    """One way in which predictions come to differ.

    Attributes:
        cause: the cause that it is of.
        kind: what exactly, such as ``missing``; the cause's own name where there is nothing to tell apart.
        prior: how often it is met, relative to the other hypotheses.
        expects: sign -> share of such incidents that show it. What is not named appears as often as by chance.
    """

    cause: Cause
    kind: str
    prior: float
    expects: Mapping[SignName, float]
