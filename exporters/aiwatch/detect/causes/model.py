"""The model answers otherwise than before: a new version, or other parameters, at the same inputs."""

from __future__ import annotations

from aiwatch.detect.causes.contract import Hypothesis

HYPOTHESES = (
    Hypothesis(
        "model",
        "model",
        2.0,
        {
            "score_apart": 0.9,
            "score_moved": 0.85,
            "new_version": 0.6,
            "outcomes": 0.5,
            "score_missing": 0.1,
            "latency": 0.15,
            "errors": 0.05,
            "reweighted": 0.05,
            "gradual": 0.1,
            "followed": 0.5,
        },
    ),
    Hypothesis(
        "model",
        "model",
        0.3,  # the new one leaves out an input; without a new one, the log holds other values than the model was given
        {
            "new_version": 0.95,
            "untied": 0.95,
            "score_moved": 0.5,
            "score_apart": 0.5,
            "outcomes": 0.5,
            "reweighted": 0.05,
            "gradual": 0.1,
            "followed": 0.5,
        },
    ),
)
