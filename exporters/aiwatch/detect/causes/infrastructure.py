"""What the model runs on is slow or fails; the data is as it was."""

from __future__ import annotations

from aiwatch.detect.causes.contract import Hypothesis

HYPOTHESES = (
    Hypothesis(
        "infrastructure",
        "infrastructure",
        2.0,
        {"latency": 0.75, "errors": 0.65, "score_missing": 0.4, "missing": 0.08, "volume": 0.2, "gradual": 0.2},
    ),
)
