"""A sign: something that can be seen in a situation, and speaks for some causes and against others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from aiwatch.detect.situation import Situation

SignName = Literal[
    "missing",  # inputs without a value
    "invalid",  # inputs of the wrong type
    "unseen",  # categories that the training period did not have
    "renamed",  # ... which are known ones, written differently
    "permuted",  # known values have each other's frequencies
    "frozen",  # one value in nearly all rows
    "spike",  # one value in more rows than its neighbours let expect
    "beyond",  # values far outside of what the training period had
    "negative",  # numbers below 0, where there were none
    "unit",  # what a conversion of units, a changed sign or a transformation makes of the values
    "offset",  # what a small factor or an added constant makes of the values, and a reweighting of rows does not
    "coarse",  # fewer different values, as of rounding
    "swapped",  # two inputs have each other's values
    "reweighted",  # some rows are more frequent, others less; what is possible is the same
    "several",  # ... in several inputs
    "followed",  # the inputs that are related to those which moved have moved along
    "alone",  # ... have not
    "parted",  # an input moved away from those that it depends on
    "untied",  # an input does not go with the others any more, or the score not with it alone
    "repeated",  # rows that came more than once
    "volume",  # fewer rows than usual
    "surge",  # more rows than usual
    "score_moved",
    "score_missing",
    "score_apart",  # the score moved at the same inputs
    "outcomes",  # the outcomes moved at the same score
    "latency",
    "errors",
    "new_version",  # the change coincides with one
    "upstream_first",  # what this process depends on has drifted before
    "gradual",  # the change is a slope, not a jump
]


@dataclass(frozen=True)
class Sign:
    """What was looked for, and how surely it is there.

    Attributes:
        name: what was looked for.
        strength: 0 where it is not to be seen, 1 where it surely is. What could not be looked for is no sign at all.
        text: what was seen, in words.
        features: where.
    """

    name: SignName
    strength: float
    text: str = ""
    features: tuple[str, ...] = ()


class Look(Protocol):
    """Looks for one sign or a few that belong together."""

    def __call__(self, situation: Situation, /) -> Iterator[Sign]:
        """Yield what could be looked for, with strength 0 where it is not there."""
        ...
