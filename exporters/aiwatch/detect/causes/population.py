"""Other people or things are judged than in the training period; how their features go together holds.

What marks it: some rows became more frequent and others less. Where one feature moves, those that are related to it
move along, and the score with them; nothing appears that was not possible before.
"""

from __future__ import annotations

from aiwatch.detect.causes.contract import Hypothesis

HYPOTHESES = (
    Hypothesis(
        "population",
        "population",
        4.0,
        {
            "reweighted": 0.9,
            "several": 0.6,
            "followed": 0.65,
            "alone": 0.35,
            "score_moved": 0.6,
            "score_apart": 0.06,
            "outcomes": 0.08,
            "unseen": 0.06,
            "missing": 0.04,
            "offset": 0.15,
            "beyond": 0.05,
            "spike": 0.04,
            "swapped": 0.002,  # two features that come to look like each other by themselves, both at once
            "volume": 0.03,  # whoever comes in addition makes them more
            "surge": 0.15,
            "repeated": 0.1,
            "gradual": 0.5,
        },
    ),
)
