"""Something broke or changed on the data's way from where it arises to the model.

What marks it: values that no change of the population makes (gaps, unknown spellings, one value throughout, other
units), in one column or a few, at once, while related columns stay. The score follows as it may.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiwatch.detect.causes.contract import Hypothesis
from aiwatch.detect.signs.contract import SignName

_USUAL: Mapping[SignName, float] = {
    "score_moved": 0.5,
    "score_apart": 0.15,
    "outcomes": 0.2,
    "untied": 0.3,
    "alone": 0.7,
    "followed": 0.3,
    "parted": 0.1,
    "several": 0.1,
    "reweighted": 0.15,
    "gradual": 0.1,
    "volume": 0.05,
    "surge": 0.02,
    "new_version": 0.04,
}
_MOVES: Mapping[SignName, float] = {
    **_USUAL,
    "alone": 0.85,
    "followed": 0.15,
    "untied": 0.5,
    "parted": 0.5,
    "reweighted": 0.5,
}

_FEWER: Mapping[SignName, float] = {"reweighted": 0.5, "several": 0.4, "followed": 0.4, "alone": 0.3}
"""A part of the sources is silent: whom they reported is missing, so that the others weigh more."""


def _kind(
    kind: str, prior: float, shown: Mapping[SignName, float], usual: Mapping[SignName, float] = _USUAL
) -> Hypothesis:
    return Hypothesis("pipeline", kind, prior, {**usual, **shown})


HYPOTHESES = (
    _kind("missing", 3.0, {"missing": 0.97, "score_missing": 0.1}),
    _kind("type", 1.0, {"invalid": 0.97, "missing": 0.15}),
    _kind("unseen", 1.0, {"unseen": 0.97, "reweighted": 0.3}),
    _kind("encoding", 1.5, {"unseen": 0.97, "renamed": 0.9, "reweighted": 0.3}),
    _kind("encoding", 0.7, {"permuted": 0.95}, _MOVES),
    _kind("frozen", 1.5, {"frozen": 0.95, "spike": 0.6, "reweighted": 0.4, "beyond": 0.1}, _MOVES),
    _kind("filled", 1.5, {"spike": 0.9, "beyond": 0.3, "negative": 0.3}, _MOVES),
    _kind("scale", 2.0, {"unit": 0.9, "beyond": 0.5, "negative": 0.1, "spike": 0.2, "offset": 0.1}, _MOVES),
    _kind("outliers", 0.5, {"beyond": 0.95, "negative": 0.3, "spike": 0.3}, _MOVES),
    _kind("shift", 0.7, {"parted": 0.95, "offset": 0.2, "unit": 0.1, "beyond": 0.1, "spike": 0.1}, _MOVES),
    _kind("shift", 0.7, {"offset": 0.9, "beyond": 0.2, "negative": 0.1, "unit": 0.1}, _MOVES),
    _kind("rounding", 0.5, {"coarse": 0.95, "spike": 0.6, "frozen": 0.1}, _MOVES),
    _kind(
        "swapped",
        0.7,
        {
            "swapped": 0.95,
            "several": 0.3,
            "unit": 0.2,
            "offset": 0.2,
            "beyond": 0.3,
            "negative": 0.1,
            "unseen": 0.3,
        },
        _MOVES,
    ),
    _kind("misjoined", 0.7, {"untied": 0.95, "reweighted": 0.1}),
    _kind("duplicates", 1.5, {"repeated": 0.97, "surge": 0.4, "score_moved": 0.15, "several": 0.05}),
    _kind("volume", 1.5, {"volume": 0.97, **_FEWER}),
    _kind("volume", 0.5, {"surge": 0.97}),
)
