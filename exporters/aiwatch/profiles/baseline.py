"""What the predictions of the training period looked like: the file that later hours are compared with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import msgspec

from aiwatch import names
from aiwatch.profiles.profile import Counts, Numeric, Shape

FOLDER = "baselines"
FORMAT = 1
MAX_BYTES = 300_000  # of up to 30 features
_BYTES_OF_A_FEATURE = MAX_BYTES // 30


class _Version(msgspec.Struct):
    format: int


class FeatureBaseline(msgspec.Struct, frozen=True, omit_defaults=True):
    """One feature (or the score) in the training period.

    ``scores`` has one integer per bin: 64 times its normal score, mean 0 over the baseline. Relations are sums of
    products of these; a missing, invalid or unseen value has the score 0. ``unseen_error`` is the standard error of the
    share of unseen categories where that is an estimate.
    """

    shape: Shape
    counts: Counts
    scores: tuple[int, ...]
    unseen_error: float = 0.0


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
        created: when this was made, in UTC. Made again of the same source it stays the same file.
        source: what it was made of.
        features: by name, the score (or predicted value) among them.
        relations: the features (at most 40, the score among them) whose scores' products are summed, in order.
        sums: see `Profile`.
        products: see `Profile`.
        labels: see `Profile`.
        repeats: share of rows whose bins all repeat another one's among a thousand that follow on each other.
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
        """What tells it from other baselines: a hash of what is counted, and how."""
        counted = (self.process, self.features, self.relations, self.segments)
        return hashlib.sha256(msgspec.json.encode(counted)).hexdigest()[:16]


class BaselineError(Exception):
    """A baseline cannot be used: ``file`` names it, ``what`` is wrong, ``hint`` says what to do."""

    def __init__(self, file: str, what: str, hint: str) -> None:
        """Say what is wrong."""
        super().__init__(f"{file}: {what}; {hint}")
        self.file, self.what, self.hint = file, what, hint


def most_bytes(columns: int) -> int:
    """Return how large the file of a baseline may be that has so many features, the score among them.

    >>> most_bytes(2), most_bytes(31), most_bytes(301)
    (300000, 300000, 3000000)
    """
    return max(MAX_BYTES, _BYTES_OF_A_FEATURE * (columns - 1))


def baseline_path(catalogue: Path, process: str) -> Path:
    """Return where the baseline of a process stands in its catalogue."""
    return catalogue / FOLDER / f"{process}.json"


def write_baseline(baseline: Baseline) -> bytes:
    """Return a baseline as its file: JSON, a line for each feature, so that a difference of two can be read."""
    held = {field: msgspec.json.encode(getattr(baseline, field)).decode() for field in Baseline.__struct_fields__}
    lines = [f"{_quoted(name)}: {msgspec.json.encode(each).decode()}" for name, each in baseline.features.items()]
    held["features"] = "{\n" + ",\n".join(lines) + "\n}"
    return ("{\n" + ",\n".join(f"{_quoted(field)}: {text}" for field, text in held.items()) + "\n}\n").encode()


def read_baseline(path: Path) -> Baseline:
    """Return the baseline that stands at ``path``.

    Raises:
        BaselineError: it cannot be read, is damaged, or of another version of the format.
    """
    file, again = path.as_posix(), f"make it again: aiwatch baseline {path.stem} --from FILE..."
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BaselineError(file, f"cannot be read: {error.strerror}", "let aiwatch read it") from None
    try:
        version = msgspec.json.decode(data, type=_Version).format
        if version != FORMAT:
            hint = "run the aiwatch that wrote it, or upgrade" if version > FORMAT else again
            raise BaselineError(file, f"has format {version}, this aiwatch reads {FORMAT}", hint)
        baseline = msgspec.json.decode(data, type=Baseline)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BaselineError(file, f"is damaged ({error})", f"restore it, or {again}") from None
    if len(data) > (most := most_bytes(len(baseline.features))):
        raise BaselineError(file, f"has {len(data)} bytes, where {most} are the most", again)
    for what in _contradictions(baseline):
        raise BaselineError(file, f"is damaged ({what})", f"restore it, or {again}")
    return baseline


def misfits(baseline: Baseline, process: str, prediction: str, types: Mapping[str, str]) -> Iterator[str]:
    """Yield what of a baseline does not fit to its process, as the catalogue describes it now.

    :param prediction: how the output of its kind of model is called.
    :param types: its features with their types; none if it names none.
    """
    if baseline.process != process:
        yield f"is the baseline of {baseline.process!r}"
    for name, feature in baseline.features.items():
        if name in (names.SCORE, names.VALUE):
            if name != prediction:
                yield f"has a {name}, which no process of its kind has"
            continue
        type_ = "numeric" if isinstance(feature.shape, Numeric) else "categorical"
        if types and name not in types:
            yield f"has the feature {name!r}, which the process has no more"
        elif types and types[name] != type_:
            yield f"has the feature {name!r} as {type_}, which is {types[name]} now"


def _contradictions(baseline: Baseline) -> Iterator[str]:
    """Yield what cannot be, though every value has the right type."""
    for name, feature in baseline.features.items():
        bins = feature.shape.bins
        if len(feature.counts.bins) != bins or len(feature.scores) != bins:
            yield f"{name} has {bins} bins, but {len(feature.counts.bins)} counts and {len(feature.scores)} scores"
        edges = feature.shape.edges if isinstance(feature.shape, Numeric) else ()
        if any(low >= high for low, high in pairwise(edges)):
            yield f"the edges of {name} do not ascend"
    for name in (*baseline.relations, *baseline.segments):
        if name not in baseline.features:
            yield f"{name} is no feature of it"
    number = len(baseline.relations)
    if len(baseline.sums) != number or len(baseline.products) != number * (number + 1) // 2:
        yield f"the sums of {number} related features are not whole"


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
