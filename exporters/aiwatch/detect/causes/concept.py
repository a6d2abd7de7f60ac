"""What the features mean for the outcome has changed; neither they nor the score need to show it."""

from __future__ import annotations

from aiwatch.detect.causes.contract import Hypothesis

HYPOTHESES = (
    Hypothesis(
        "concept",
        "concept",
        2.0,
        {"outcomes": 0.97, "reweighted": 0.05, "score_moved": 0.08, "gradual": 0.5, "followed": 0.5},
    ),
)
