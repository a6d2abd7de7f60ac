"""What can be seen of a change, each sign looked for apart; causes are judged by what they let expect."""

from __future__ import annotations

from aiwatch.detect.signs.categories import categories
from aiwatch.detect.signs.contract import Look
from aiwatch.detect.signs.conversions import conversions
from aiwatch.detect.signs.gaps import invalid, missing, score_missing
from aiwatch.detect.signs.outcomes import outcomes
from aiwatch.detect.signs.permuted import permuted
from aiwatch.detect.signs.relations import relations
from aiwatch.detect.signs.reweighted import reweighted
from aiwatch.detect.signs.rows import repeated, volume
from aiwatch.detect.signs.scores import scores
from aiwatch.detect.signs.service import service
from aiwatch.detect.signs.spikes import spike
from aiwatch.detect.signs.swapped import swapped
from aiwatch.detect.signs.timing import gradual, upstream_first
from aiwatch.detect.signs.unheeded import unheeded
from aiwatch.detect.signs.values import beyond, coarse, frozen, negative
from aiwatch.detect.signs.versions import new_version

LOOKS: tuple[Look, ...] = (
    missing,
    invalid,
    categories,
    frozen,
    spike,
    beyond,
    negative,
    conversions,
    coarse,
    permuted,
    swapped,
    reweighted,
    relations,
    unheeded,
    repeated,
    volume,
    scores,
    score_missing,
    outcomes,
    service,
    new_version,
    upstream_first,
    gradual,
)
"""Everything that is looked at, in the order in which evidence is told."""
