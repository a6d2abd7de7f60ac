"""What the predictions of the training period looked like: the file that later hours are compared with."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

import msgspec

from aiwatch.profiles.profile import Counts, Shape

FORMAT = 1
MAX_BYTES = 300_000


class FeatureBaseline(msgspec.Struct, frozen=True):
    """One feature (or the score) in the training period.

    ``scores`` has one integer per bin: 64 times its normal score, mean 0 over the baseline. Relations are sums of
    products of these; a missing, invalid or unseen value has the score 0.
    """

    shape: Shape
    counts: Counts
    scores: tuple[int, ...]


class Source(msgspec.Struct, frozen=True):
    """What a baseline was made of."""

    files: tuple[str, ...]
    sha256: str
    rows: int
    start: datetime | None = None
    end: datetime | None = None


class Baseline(msgspec.Struct, frozen=True):
    """The training period of a process.

    Attributes:
        format: version of this file's format.
        process: whose.
        model_version: what was trained on it, if known.
        created: when this was made, in UTC.
        source: what it was made of.
        features: by name, the score (or predicted value) among them.
        relations: the features (at most 40) whose scores' products are summed, in order.
        sums: see `Profile`.
        products: see `Profile`.
        labels: see `Profile`.
        repeats: share of rows that repeat another one.
        segments: feature -> the values (at most 20 each) that are looked at apart.
        rhythm: what verdicts over time need to know of the usual movement, by feature; owned by `detect`.
    """

    format: int
    process: str
    model_version: str | None
    created: datetime
    source: Source
    features: dict[str, FeatureBaseline]
    relations: tuple[str, ...] = ()
    sums: tuple[int, ...] = ()
    products: tuple[int, ...] = ()
    labels: dict[int, tuple[int, float]] = {}
    repeats: float = 0.0
    segments: dict[str, tuple[str, ...]] = {}
    rhythm: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def fingerprint(self) -> str:
        """What tells it from other baselines: a hash of everything in it."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]


class BaselineError(Exception):
    """A baseline file cannot be used; the message names it and says what to do."""


def baseline_path(catalogue: Path, process: str) -> Path:
    """Return where the baseline of a process stands in its catalogue."""
    return catalogue / "baselines" / f"{process}.json"
