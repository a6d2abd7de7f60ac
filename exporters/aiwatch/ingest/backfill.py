"""Old logs into documents and into Prometheus blocks, each event at its own time.

The samples are what an exporter would have shown then: cumulative values, every five minutes, and every minute in
the two days before now, because short ranges are looked at closely. The series carry ``instance="backfill"``.
"""

from __future__ import annotations

import hashlib
import math
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import sleep

import msgspec

from aiwatch import names
from aiwatch.catalogue.model import Catalogue, Process
from aiwatch.ingest.commit import Join
from aiwatch.ingest.contracts import Block, Sink
from aiwatch.ingest.decode import Decoded, Decoder, Entry, Reject, source_key
from aiwatch.ingest.documents import Documents, address_of
from aiwatch.ingest.export import all_metrics
from aiwatch.ingest.exposition import render_series, zero
from aiwatch.ingest.feeds import log_groups
from aiwatch.ingest.joining import JOINS_AT_ONCE, Joiner, build_joins
from aiwatch.ingest.profile_writing import as_rewrite
from aiwatch.ingest.profiling import Key as ProfileKey
from aiwatch.ingest.profiling import ProfileBook
from aiwatch.ingest.sources.jsonl import JsonlSource
from aiwatch.ingest.state import Key, MetricState, Series
from aiwatch.kinds.base import Delta, SessionBook
from aiwatch.kinds.folding import Folding, fold

_BATCH_BYTES = 2 * 2**20
_STEP_SECONDS = 300
_FINE_STEP_SECONDS = 60
_FINE_SECONDS = 2 * 86400
_DAY_SECONDS = 86400
_LABELS = f'{{job="{names.JOB_EXPORTER}",instance="backfill",'


class BackfillError(Exception):
    """The blocks could not be made; the message says what to do."""


@dataclass(slots=True)
class Backfill:
    """What a backfill found: the records by process and type, the rejects, and the metrics by time.

    ``deltas`` maps the end of each step (epoch seconds) to what happened in it; ``joins`` are the feedback to be put
    onto its interactions.
    """

    records: dict[str, dict[str, int]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    repeated: int = 0
    deltas: dict[int, list[Delta]] = field(default_factory=dict)
    joins: list[Join] = field(default_factory=list)


def collect(catalogue: Catalogue, logs: Path, sink: Sink | None, now: datetime) -> Backfill:
    """Read the logs below ``logs`` to their end, store their documents, and sum up their metrics by time.

    An event that stands in the logs twice is counted once. Documents that are stored already stay as they are, so
    that a second run changes nothing.
    """
    found = Backfill()
    for process in catalogue.processes:
        seen: set[str] = set()
        book = SessionBook({})
        profiles: dict[str, ProfileBook] = {}
        for decoder, block in _blocks(process, logs):
            decoded = decoder.decode(block, now)
            repeated = {place for place, each in enumerate(decoded.documents()) if _repeated(each, seen)}
            fresh = decoded.without(repeated)
            found.repeated += len(repeated)
            good, refused = (fresh, []) if sink is None else _store(sink, decoder, block, fresh)
            found.rejects += [*decoded.rejects, *refused]
            found.joins += build_joins(good, now.timestamp())
            _profile(process, block.stream, good, profiles)
            _fold(process, good.entries, book, found, now)
        if sink is not None:
            written = [as_rewrite(held.document) for each in profiles.values() for held in each.held.values()]
            sink.send(Documents.of(written))
    return found


def join_feedback(joiner: Joiner, joins: Sequence[Join], rounds: int = 10) -> list[Join]:
    """Put feedback onto its interactions and return what found none.

    What was stored a moment ago is not searchable yet: whatever is left is tried again after a second, as long as
    a round joins anything, and ``rounds`` times at the most.
    """
    left = list(joins)
    for number in range(rounds):
        if number:
            sleep(1.0)
        before = len(left)
        done: set[str] = set()
        for start in range(0, len(left), JOINS_AT_ONCE):
            batch = left[start : start + JOINS_AT_ONCE]
            done.update(joiner.join(batch, batch[0].since))
        left = [join for join in left if join.feedback not in done]
        if not left or (number > 1 and len(left) == before):
            break
    return left


def _blocks(process: Process, logs: Path) -> Iterator[tuple[Decoder, Block]]:
    """Return every block of a process's logs. A stream is named by its content: it is the same in every run."""
    for group in log_groups(process):
        decoder = Decoder(process, group)
        source = JsonlSource(source_key(process, group[0].place), str(logs / group[0].path), ())
        streams: dict[str, str] = {}
        while (block := source.read(_BATCH_BYTES)) is not None:
            stream = streams.setdefault(block.stream, f"backfill-{block.position.fingerprint[:16]}")
            yield decoder, msgspec.structs.replace(block, stream=stream)
        source.close()


def _repeated(document: bytes, seen: set[str]) -> bool:
    address = address_of(document)
    key = f"{address.index}/{address.id}"
    if key in seen:
        return True
    seen.add(key)
    return False


def _store(sink: Sink, decoder: Decoder, block: Block, fresh: Decoded) -> tuple[Decoded, list[Reject]]:
    """Store the documents; return what of them the store holds now, and the rejects of those it refused."""
    outcomes = sink.send(fresh.documents())
    refused = {place: outcome for place, outcome in outcomes.items() if outcome.status == "refused"}
    rejects = [decoder.refuse(block, fresh.entry(place), outcome.reason) for place, outcome in refused.items()]
    return fresh.without(refused), rejects


def _profile(process: Process, stream: str, good: Decoded, books: dict[str, ProfileBook]) -> None:
    """Add the predictions to the profiles of their stream: it has parts of its own, the same in every run."""
    book = books.setdefault(stream, ProfileBook([process], new_part=partial(_part, stream)))
    book.publish(book.prepare(process.name, [good], 0.0))


def _part(stream: str, key: ProfileKey) -> str:
    return hashlib.blake2b("/".join((stream, key.model_version, key.baseline)).encode(), digest_size=8).hexdigest()


def _fold(process: Process, entries: Iterable[Entry], book: SessionBook, found: Backfill, now: datetime) -> None:
    """Add the records to the deltas of the steps in which they happened."""
    fine_from = _fine_from(now)
    latest = math.floor(now.timestamp())
    bounds = process.kind.bounds(process.options, process.latency_thresholds)
    recipes = process.kind.recipes(process.options)
    by_step: dict[tuple[int, str], list[object]] = {}
    for entry in entries:
        at = entry.record.time.timestamp()
        step = _FINE_STEP_SECONDS if at >= fine_from else _STEP_SECONDS
        end = min(math.floor(at / step) * step + step, latest)
        by_step.setdefault((end, entry.type), []).append(entry.record)
    for (end, type_), records in by_step.items():
        delta = Delta()
        fold(Folding(process.name, recipes, bounds, book, delta), type_, records)
        delta.count(names.RECORDS_TOTAL, (process.name, type_), len(records))
        found.deltas.setdefault(end, []).append(delta)
        mine = found.records.setdefault(process.name, {})
        mine[type_] = mine.get(type_, 0) + len(records)


def _fine_from(now: datetime) -> int:
    """Return the epoch seconds from which on samples are close together, on the grid of those further apart."""
    return math.floor((now.timestamp() - _FINE_SECONDS) / _STEP_SECONDS) * _STEP_SECONDS


def openmetrics_by_day(deltas: Mapping[int, list[Delta]], now: datetime) -> Iterator[tuple[str, str]]:
    """Return, day by day (UTC), the samples of that day as OpenMetrics with timestamps."""
    state = MetricState(all_metrics())
    lines: dict[Key, str] = {}
    day: list[str] = []
    before = min(deltas, default=0) - _STEP_SECONDS
    for time in _grid(deltas, _fine_from(now)):
        if day and time // _DAY_SECONDS != before // _DAY_SECONDS:
            yield _day_name(before), "".join([*day, "# EOF\n"])
            day = []
        prepared = state.prepare(deltas.get(time, ()), time)
        state.publish(prepared)
        for key, series in prepared.items():
            if key not in lines:  # an increase from nothing cannot be seen: it begins at 0
                day.append(_stamped(_line(state, key, zero(series)), before))
            lines[key] = _line(state, key, series)
        day.append(_stamped("".join(lines.values()), time))
        before = time
    if day:
        yield _day_name(before), "".join([*day, "# EOF\n"])


def _grid(deltas: Mapping[int, list[Delta]], fine_from: int) -> Iterator[int]:
    """Return the times of the samples: from the first delta to the last, without a gap."""
    if not deltas:
        return
    time, last = min(deltas), max(deltas)
    while time < last:
        yield time
        time += _FINE_STEP_SECONDS if time >= fine_from else _STEP_SECONDS
    yield last


def _line(state: MetricState, key: Key, series: Series) -> str:
    """Return the lines of a series, with a mark where the timestamp belongs."""
    name, labels = key
    plain, _ = render_series(state.metrics[name], labels, series)
    return plain.replace("{", _LABELS).replace("\n", "\0\n")


def _stamped(lines: str, time: int) -> str:
    return lines.replace("\0", f" {time}")


def _day_name(time: int) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d}"


def make_blocks(days: Iterable[tuple[str, str]], promtool: str, folder: Path, say: Callable[[str], None]) -> int:
    """Turn days of OpenMetrics into blocks in ``folder`` (Prometheus's data folder) and return how many days.

    Prometheus finds new blocks in its folder by itself, within minutes; at once when it starts.

    Raises:
        BackfillError: promtool is not there, or refused the samples.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = 0
    for day, text in days:
        with tempfile.TemporaryDirectory(dir=folder, prefix="backfill-") as scratch:
            source = Path(scratch) / f"{day}.om"
            source.write_text(text)
            command = [promtool, "tsdb", "create-blocks-from", "--max-block-duration=24h", "openmetrics"]
            try:
                run = subprocess.run([*command, str(source), str(folder)], capture_output=True, text=True, check=False)
            except OSError as error:
                raise BackfillError(
                    f"cannot run {promtool}: {error.strerror}; install Prometheus, or say where it is with --promtool"
                ) from None
            if run.returncode != 0:
                raise BackfillError(f"promtool made no blocks of {day}: {run.stderr.strip() or run.stdout.strip()}")
        done += 1
        say(f"blocks of {day} made")
    return done
