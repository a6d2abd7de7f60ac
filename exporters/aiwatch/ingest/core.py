"""The usual lines of a block, read all at once by the compiled core.

The core (`exporters/core`, in Rust) does to lines in aiwatch's own format what `Decoder` and `kinds.folding` do, which
are the reference. Whatever is odd about a line it leaves to them: the line comes back as an entry or a reject, and
takes its place among the others. Where the core is not there, or a log has another format, everything goes by them.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import msgspec

from aiwatch import names
from aiwatch.catalogue.model import Log, Process
from aiwatch.ingest.contracts import Block
from aiwatch.ingest.decode import AHEAD, EARLIEST, Decoded, Decoder, Entry, Reject
from aiwatch.ingest.documents import Documents, event_of, head_of, neck_of
from aiwatch.ingest.mapping import limits_of, number_type
from aiwatch.ingest.redact import suspicious
from aiwatch.kinds.base import Histogram, Kind, Recipe, RecordType, SessionBook
from aiwatch.kinds.folding import Folding
from aiwatch.profiles.baseline import Baseline
from aiwatch.profiles.fold import HOUR, LARGEST, LONGEST, Cell, Fold, prediction_name
from aiwatch.profiles.profile import LATENCY_BOUNDS, MAX_UNSEEN, REPEATS, Counted, Counts, Numeric, Profile, Segment

try:
    from aiwatch import _core
except ImportError:  # installed where no Rust compiler was
    _core = None  # type: ignore[assignment]

AVAILABLE = _core is not None
_LOG = logging.getLogger(__name__)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LONGEST_PLACE = 400  # characters of a stream whose lines can be named by their place


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record as the core reads it.

    ``kind`` is ``time``, ``id``, ``text``, ``number``, ``truth`` (a number, or true and false), ``integer``,
    ``features``, or ``scalar`` for what is not read.
    ``text`` says that personal data is looked for.
    """

    name: str
    key: str
    kind: str
    required: bool = False
    nullable: bool = True
    low: float = 0.0
    high: float = 0.0
    choices: Sequence[str] = ()
    text: bool = False


@dataclass(frozen=True, slots=True)
class Type:
    """A type of record: the values of the tag that tell of it, how its documents begin before and behind the day."""

    name: str
    tags: Sequence[str]
    head: tuple[str, str]
    fields: Sequence[Field]
    recipe: Recipe
    columns: Sequence[str]  # fields that are needed besides those of the recipe
    features: Sequence[tuple[str, Any]]  # with what the catalogue says of them; None for those of the baseline alone


@dataclass(frozen=True, slots=True)
class ShapePlan:
    """How a feature is counted: a number by ``edges``, a category (without) by ``values``."""

    name: str
    edges: Sequence[float] | None
    values: Sequence[str]


@dataclass(frozen=True, slots=True)
class ProfilePlan:
    """How predictions are counted hour by hour, by a baseline. Features are named by their places in it."""

    features: Sequence[ShapePlan]
    relations: Sequence[tuple[int, Sequence[int]]]
    prediction: tuple[int, str] | None
    decision: str | None
    segments: Sequence[tuple[int, Sequence[str]]]
    latency_bounds: Sequence[float] = LATENCY_BOUNDS
    most_unseen: int = MAX_UNSEEN
    most_repeats: int = REPEATS
    longest: int = LONGEST
    largest: float = LARGEST
    other: str = names.OTHER


@dataclass(frozen=True, slots=True)
class Names:
    """The metrics that every kind has, and the version that is not told."""

    errors: str = names.ERRORS_TOTAL
    newest: str = names.LAST_EVENT_TIMESTAMP_SECONDS
    missing: str = names.FEATURES_MISSING_TOTAL
    invalid: str = names.FEATURES_INVALID_TOTAL
    sessions: str = names.SESSIONS_TOTAL
    unknown: str = names.UNKNOWN


@dataclass(frozen=True, slots=True)
class Plan:
    """What the core is told of a process and one of its logs.

    ``tag`` is the key that tells the types apart. ``suspicious`` is an expression that is found in every text with
    personal data in numbers; ``emails`` says that an @ may be one.
    """

    process: str
    tag: str | None
    types: Sequence[Type]
    bounds: dict[str, Sequence[float]]
    suspicious: str | None
    emails: bool
    profile: ProfilePlan | None
    names: Names = Names()


def build_plan(process: Process, logs: Sequence[Log]) -> Plan:
    """Return the plan of logs in aiwatch's own format that share a place and one key in ``when``."""
    tag = None if logs[0].when is None else next(iter(logs[0].when))
    tags: dict[str, list[str]] = {}
    for log in logs:
        tags.setdefault(log.record, []).append("" if log.when is None else log.when[str(tag)])
    bounds = process.kind.bounds(process.options, process.latency_thresholds)
    recipes = process.kind.recipes(process.options)
    return Plan(
        process=process.name,
        tag=tag,
        types=[
            _type(process, record, recipes[record.name], tags.get(record.name, []), tag)
            for record in process.kind.records
        ],
        profile=None if process.baseline is None else _profile(process.baseline, process.kind),
        bounds=dict(bounds),
        suspicious=suspicious(process.file.redact),
        emails="email" in process.file.redact,
    )


def _type(process: Process, record: RecordType, recipe: Recipe, tags: Sequence[str], tag: str | None) -> Type:
    before, behind = head_of(f"{names.INDEX_PREFIX}{record.family}-@", process.name).split("@")
    fields = [_field(record, field) for field in msgspec.structs.fields(record.struct)]
    if tag != "type":
        fields.append(Field("type", "type", "scalar"))
    columns: list[str] = []
    features = dict(recipe.features)
    if process.baseline is not None and any(field.kind == "features" for field in fields):
        columns = ["latency", "label"]
        prediction = prediction_name(process.baseline)
        features |= {name: None for name in process.baseline.features if name not in features and name != prediction}
    return Type(record.name, tags, (before, behind), fields, recipe, columns, list(features.items()))


def _profile(baseline: Baseline, kind: Kind) -> ProfilePlan:
    places = {name: place for place, name in enumerate(baseline.features)}
    prediction = prediction_name(baseline)
    return ProfilePlan(
        features=[
            ShapePlan(name, feature.shape.edges, ())
            if isinstance(feature.shape, Numeric)
            else ShapePlan(name, None, feature.shape.values)
            for name, feature in baseline.features.items()
        ],
        relations=[(places[name], baseline.features[name].scores) for name in baseline.relations],
        prediction=None if prediction is None else (places[prediction], prediction),
        decision=names.DECISION if any(names.DECISION in record.properties for record in kind.records) else None,
        segments=[(places[name], values) for name, values in baseline.segments.items()],
    )


def _field(record: RecordType, field: Any) -> Field:
    kind, low, high = "text", 0.0, 0.0
    if field.name in ("time", "id", "features"):
        kind = field.name
    elif (number := number_type(field.type)) is not None:
        kind = "integer" if number is int else "truth" if bool in get_args(field.type) else "number"
        low, high = limits_of(record, field.name, number)
    return Field(
        name=field.name,
        key=field.encode_name,
        kind=kind,
        required=field.required,
        nullable=not field.required and field.default is None,
        low=low,
        high=high,
        choices=record.choices.get(field.name, ()),
        text=field.name in record.text,
    )


class Taken:
    """The lines of a block of which the core read most; the same to everybody else as `Decoded`."""

    def __init__(
        self,
        block: Block,
        decoder: Decoder,
        latest: datetime,
        rows: _core.Rows,
        odd: dict[int, Entry],
        rest: Decoded,
        documents: Documents,
        kept: Sequence[int] | None = None,
    ) -> None:
        """Hold ``rows`` and what the reference made of the odd lines: entries by their places in the block, rejects.

        ``kept`` are the places of the rows that count; None: all do.
        """
        self.lines = rest.lines
        self.rejects = rest.rejects
        self._block = block
        self._decoder = decoder
        self._latest = latest
        self._rows = rows
        self._odd = odd
        self._rest = rest
        self._documents = documents
        self._kept = kept

    def __len__(self) -> int:
        """Return how many lines were accepted."""
        return len(self._rows) if self._kept is None else len(self._kept)

    def documents(self) -> Documents:
        """Return the document of every accepted line."""
        if self._kept is None:
            return self._documents
        return Documents.of([self._documents[place] for place in self._kept])

    def types(self) -> Counter[str]:
        """Return how many accepted lines there are of each type."""
        return Counter(dict(self._rows.types(self._kept)))

    def documents_of(self, type_: str) -> list[bytes]:
        """Return the documents of the accepted lines of a type."""
        places = self._rows.places(type_)
        kept = places if self._kept is None else sorted({*places} & {*self._kept})
        return [self._documents[place] for place in kept]

    def entry(self, place: int) -> Entry:
        """Return one accepted line."""
        return self._entry(place if self._kept is None else self._kept[place])

    @property
    def entries(self) -> list[Entry]:
        """Return every accepted line."""
        return [self.entry(place) for place in range(len(self))]

    def without(self, places: Container[int]) -> Taken:
        """Return the same without the accepted lines at ``places``."""
        before = range(len(self._rows)) if self._kept is None else self._kept
        kept = [each for place, each in enumerate(before) if place not in places]
        parts = (self._block, self._decoder, self._latest, self._rows, self._odd, self._rest, self._documents)
        return Taken(*parts, kept)

    def _entry(self, place: int) -> Entry:
        """Return the entry of a row: few are ever asked for, so a usual line is read once more then."""
        start, end, offset = self._rows.line(place)
        if (odd := self._odd.get(start)) is not None:
            return odd
        decoded, spot = Decoded(), (self._block.stream, offset)
        line = self._block.data[start:end]
        self._decoder.decode_line(line, spot, spot, self._block.position.path, self._latest, decoded)
        return decoded.entries[0]

    def fold(self, folding: Folding, further: Sequence[Taken]) -> None:
        """Add these lines, and behind them ``further``, to the delta."""
        delta, book = folding.delta, folding.sessions
        parts = [(each._rows, each._kept) for each in (self, *further)]
        counters, histograms, gauges = _core.fold(parts, book.last_seen, book.touched, SessionBook.GAP_SECONDS)
        for metric, labels, amount in counters:
            delta.count(metric, labels, amount)
        for metric, labels, counts, total, exemplars in histograms:
            bounds = folding.bounds[metric]
            delta.histogram(metric, labels, bounds).merge(Histogram(bounds, counts, total, exemplars))
        for metric, labels, value in gauges:
            delta.maximum(metric, labels, value)

    def profiles(self, fold: Fold, further: Sequence[Taken] = ()) -> dict[Cell, CountedHour]:
        """Return what these lines, and ``further`` ones, add to the profile of each hour and model version."""
        found: dict[Cell, CountedHour] = {}
        for version, number, hour in _core.profiles([(each._rows, each._kept) for each in (self, *further)]):
            start = _EPOCH + number * HOUR
            found[version, start] = CountedHour(fold, version, start, hour)
        return found


class CountedHour:
    """A profile that the core counted: batch after batch is added up there, without a Python object for each bin."""

    def __init__(self, fold: Fold, model_version: str, start: datetime, hour: _core.Hour) -> None:
        """Hold what the core counted by the baseline of ``fold``."""
        self.model_version = model_version
        self._fold = fold
        self._start = start
        self._hour = hour

    def plus(self, other: Counted) -> Counted:
        """Return the sum of both, which were counted with the same baseline; only that is to be used from now on."""
        if isinstance(other, CountedHour):
            self._hour.merge(other._hour)
            return self
        return self.whole().plus(other)

    def whole(self) -> Profile:
        """Return the profile."""
        baseline = self._fold.baseline
        held, parts = self._hour.fields()
        watched = list(baseline.segments.items())

        def counts(each: Sequence[Any]) -> dict[str, Counts]:
            return {name: Counts(*told) for name, told in zip(baseline.features, each, strict=True)}

        segments: dict[str, dict[str, Segment]] = {}
        for which, value, rows, told in parts:
            feature, values = watched[which]
            segments.setdefault(feature, {})[values[value]] = Segment(rows, counts(told))
        held |= {"features": counts(held["features"]), "segments": segments}
        where = (baseline.process, self.model_version, self._fold.fingerprint, self._start, self._start + HOUR)
        return Profile(*where, **held)


class BlockDecoder:
    """Decodes blocks by the core, and odd lines by the reference."""

    def __init__(self, decoder: Decoder, plan: Plan) -> None:
        """Leave odd lines to ``decoder``."""
        self._decoder = decoder
        self._plan = _core.Plan(plan)

    def decode(self, block: Block, now: datetime) -> Taken:
        """Return the accepted lines and rejects of ``block``; ``now`` bounds the times that are believed."""
        latest, stream = now + AHEAD, block.stream
        rest = Decoded()
        self._decoder.reject_oversized(block, rest)
        place = event_of(stream), neck_of(self._decoder.process, stream), len(stream.encode()) <= _LONGEST_PLACE
        times = (EARLIEST - _EPOCH) // _MICROSECOND, (latest - _EPOCH) // _MICROSECOND
        rows = self._plan.read(block.data, block.start, block.offsets, place, times)
        self._redact(rows)
        accepted: list[tuple[int, str, bytes, bytes]] = []
        odd: dict[int, Entry] = {}
        for number, (start, end, offset) in enumerate(rows.odd()):
            spot, before = (stream, offset), len(rest.entries)
            self._decoder.decode_line(block.data[start:end], spot, spot, block.position.path, latest, rest)
            for entry in rest.entries[before:]:
                odd[start] = entry
                accepted.append((number, entry.type, entry.document, msgspec.json.encode(entry.record)))
        body, ends = rows.finish(accepted)
        rest.lines += len(rows) - len(accepted)
        return Taken(block, self._decoder, latest, rows, odd, rest, Documents([(body, memoryview(ends).cast("I"))]))

    def refuse(self, block: Block, entry: Entry, detail: str) -> Reject:
        """Return the reject for an entry whose document was refused."""
        return self._decoder.refuse(block, entry, detail)

    def _redact(self, rows: _core.Rows) -> None:
        """Replace the texts that hold personal data, of those that may."""
        for number, text in enumerate(rows.suspects()):
            if (clean := self._decoder.redact(text)) != text:
                rows.replace(number, msgspec.json.encode(clean))


def with_core(decoder: Decoder, process: Process, logs: Sequence[Log]) -> Decoder | BlockDecoder:
    """Return what decodes as ``decoder`` of ``logs`` does, by the core if it is there and can read them."""
    own = [log for log in logs if log.record != "ignore"]
    if not (AVAILABLE and decoder.own and own):
        return decoder
    try:
        return BlockDecoder(decoder, build_plan(process, own))
    except ValueError as error:
        _LOG.warning("the lines of %s are read by Python alone, several times slower: %s", process.name, error)
        return decoder
