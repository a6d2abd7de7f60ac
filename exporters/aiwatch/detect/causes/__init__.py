"""Possible causes, one file each: which signs they would leave."""

from __future__ import annotations

from aiwatch.detect.causes import concept, infrastructure, model, pipeline, population, upstream
from aiwatch.detect.causes.contract import Hypothesis

HYPOTHESES: tuple[Hypothesis, ...] = (
    *pipeline.HYPOTHESES,
    *population.HYPOTHESES,
    *concept.HYPOTHESES,
    *model.HYPOTHESES,
    *upstream.handed_down((*pipeline.HYPOTHESES, *population.HYPOTHESES)),
    *infrastructure.HYPOTHESES,
)
"""All that is thought of."""
