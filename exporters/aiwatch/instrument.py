"""What a chatbot or a model service calls to log what it did: one JSON line per event.

>>> import pathlib, tempfile
>>> path = pathlib.Path(tempfile.mkdtemp(), "support-chatbot", "events.jsonl")
>>> log = ChatLog(path, model="intents", model_version="7")
>>> event = log.interaction(query="where is my card?", intent="card_arrival", confidence=0.93, latency=0.041)
>>> _ = log.feedback(interaction=event, rating="up")
>>> [line.split(",")[1] for line in path.read_text().splitlines()]
['"type":"interaction"', '"type":"feedback"']

What holds for every method that logs:

* **It never raises.** An argument of the wrong type is written as well as it can be (numpy scalars as
  numbers, bytes as text, NaN and infinity as null, anything else as ``str()`` of it). What cannot be
  written at all (disk full, folder read-only, a record over 10 MiB) is counted in ``dropped`` and reported
  by the logger ``aiwatch.instrument``, at most once a minute.
* **It corrects nothing.** A confidence of 1.7, an unknown rating or a ``time`` without an offset is written
  as given: the exporter refuses such a record where everybody sees it (a counter by reason, the dead
  letters), instead of a guess being stored.
* **It can be called from any thread, from signal handlers, after a fork, and from many processes on one
  path.** Each record is one ``write`` to the file, opened for appending; there is no lock to wait for.
* **The file may be rotated at any time**, by rename, by delete or by copytruncate, since every record opens
  the path anew (which costs no more than asking whether an open file is still the one at the path). As with
  every writer, what is appended between copytruncate's copy and its truncate goes with the old content:
  prefer rename.

Queries, responses and comments are personal data: the file is created with mode 0640 and its folder with
0750, so run the exporter in the writer's group.
"""

from __future__ import annotations

import logging
import os
import stat
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from time import gmtime, monotonic, strftime, time_ns
from typing import Final, TypeVar

import msgspec

__all__ = ["MAX_RECORD_BYTES", "ChatLog", "PredictionLog"]

MAX_RECORD_BYTES: Final = 10 * 1024 * 1024
"""The longest line that is written, in bytes; a longer record is dropped and counted."""

_WARNING_INTERVAL: Final = 60.0  # seconds between two warnings of one log
_END_OF_TIME: Final = 253_402_300_800  # year 10000, which RFC 3339 cannot write, in epoch seconds
_MAX_DEPTH: Final = 4  # of values nested in a feature; features are meant to be flat
_PLAIN: Final = frozenset({str, int, float, bool, type(None)})  # what the encoder takes without a second look
_TEXT_ONLY: Final = frozenset({str})
# Not blocking matters where the path is a pipe: a reader that is slow or absent must not stop the caller.
_OPEN_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC

_logger = logging.getLogger("aiwatch.instrument")
_encode = msgspec.json.Encoder(decimal_format="number").encode


class _Interaction(msgspec.Struct, omit_defaults=True, gc=False):
    timestamp: object = msgspec.field(name="@timestamp")
    type: str
    id: object
    session: object = None
    user: object = None
    # A default that is never given: `query` is written even when None, which the exporter refuses visibly.
    query: object = msgspec.UNSET
    response: object = None
    intent: object = None
    confidence: object = None
    latency: object = None
    model: object = None
    model_version: object = None
    input_tokens: object = None
    output_tokens: object = None
    cost: object = None
    outcome: object = None
    trace_id: object = None


class _Feedback(msgspec.Struct, omit_defaults=True, gc=False):
    timestamp: object = msgspec.field(name="@timestamp")
    type: str
    id: object
    interaction: object
    rating: object
    comment: object = None


class _Prediction(msgspec.Struct, omit_defaults=True, gc=False):
    timestamp: object = msgspec.field(name="@timestamp")
    type: str
    id: object
    model: object = None
    model_version: object = None
    features: object = msgspec.UNSET
    score: object = None
    value: object = None
    decision: object = None
    latency: object = None
    trace_id: object = None
    error: object = None
    label: object = None


_Record = TypeVar("_Record", bound=msgspec.Struct)


class _EventLog:
    """What the two logs share: time, ids, encoding, and the file."""

    def __init__(
        self, path: str | os.PathLike[str], model: str | None = None, model_version: str | None = None
    ) -> None:
        self._path = os.path.abspath(os.fspath(path))
        self._model = model
        self._model_version = model_version
        self._look_at_end = True  # whether the file may end in a record that was cut short
        self._second = (-1, "")  # the last second seen, and its text
        self._dropped = 0
        self._next_warning = 0.0
        self._troubles = threading.Lock()

    @property
    def path(self) -> str:
        """The absolute path that events are appended to."""
        return self._path

    @property
    def dropped(self) -> int:
        """How many events could not be written since this log was made, in this process."""
        return self._dropped

    def _timestamp(self, now: int) -> str:
        second, rest = divmod(now, 1_000_000_000)
        known, text = self._second
        if second != known:
            text = strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))
            self._second = (second, text)
        return f"{text}.{rest // 1_000_000:03d}Z"

    def _given_time(self, time: object) -> object:
        try:
            if isinstance(time, datetime) and time.utcoffset() is not None:
                return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        except Exception:  # out of range, or an offset that cannot be had
            pass
        plain = _plain(time)
        if isinstance(plain, int | float) and 0 <= plain < _END_OF_TIME and not isinstance(plain, bool):
            return self._timestamp(round(plain * 1000) * 1_000_000)
        self._warn(f"time={plain!r} is no datetime with an offset and no epoch seconds: written as given")
        return plain

    def _append(self, record: msgspec.Struct) -> None:
        try:
            try:
                line = _encode(record)
            except Exception:  # a lone surrogate, a number too long: the slow path knows what to do
                line = _encode(_plain_record(record))
            if len(line) >= MAX_RECORD_BYTES:
                self._drop(f"the record has {len(line)} bytes, more than {MAX_RECORD_BYTES - 1}")
                return
            self._write(line + b"\n")
        except Exception as error:
            self._drop(_describe(error))

    def _write(self, line: bytes) -> None:
        """Append ``line`` in one write, on a line of its own even after a record that was cut short.

        Raises:
            OSError: it could not be written, or not whole.
        """
        path = self._path
        try:
            fd = os.open(path, _OPEN_FLAGS, 0o640)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), 0o750, exist_ok=True)
            fd = os.open(path, _OPEN_FLAGS, 0o640)
        try:
            if self._look_at_end:
                if _ends_in_mid_line(path, fd):
                    line = b"\n" + line
                self._look_at_end = False
            written = os.write(fd, line)
            if written < len(line):
                raise OSError(f"only {written} of {len(line)} bytes were written")
        except OSError:
            self._look_at_end = True
            raise
        finally:
            os.close(fd)

    def _drop(self, reason: str) -> None:
        # With a time limit: after a fork, or in a signal handler, the holder may never run again.
        held = self._troubles.acquire(timeout=0.05)
        self._dropped += 1
        if held:
            self._troubles.release()
        self._warn(f"an event was dropped: {reason} ({self._dropped} dropped so far)")

    def _warn(self, message: str) -> None:
        now = monotonic()
        if now < self._next_warning:
            return
        self._next_warning = now + _WARNING_INTERVAL
        try:
            _logger.warning("%s: %s", self._path, message)
        except Exception:  # a handler of the application's own that raises
            return


class ChatLog(_EventLog):
    """The log of a chatbot: interactions, and the users' feedback on them.

    Args:
        path: file to append to; it and its folder are created by the first event.
        model: name of the model that answers, unless a call says otherwise.
        model_version: its version, unless a call says otherwise.
    """

    def interaction(
        self,
        *,
        query: str,
        response: str | None = None,
        intent: str | None = None,
        confidence: float | None = None,
        latency: float | None = None,
        session: str | None = None,
        user: str | None = None,
        model: str | None = None,
        model_version: str | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cost: float | None = None,
        outcome: str = "answered",
        trace_id: str | None = None,
        id: str | None = None,
        time: datetime | float | None = None,
    ) -> str:
        """Log one question and what became of it.

        Args:
            query: what the user wrote.
            response: what the bot answered.
            intent: what the bot understood.
            confidence: how sure it was, 0 to 1.
            latency: from question to answer, in seconds.
            session: the conversation that this belongs to.
            user: who asked; a pseudonym will do.
            model: the model that answered.
            model_version: its version.
            input_tokens: tokens read.
            output_tokens: tokens written.
            cost: in the currency that the process reports.
            outcome: ``answered``, ``fallback`` (not understood), ``handoff`` (to a human) or ``error``.
            trace_id: of the distributed trace.
            id: the event's id, where the caller has one; it must be unique.
            time: when it happened: a datetime with an offset, or seconds since the epoch. Default: now.

        Returns:
            The event's id, which ``feedback`` refers to.
        """
        now = time_ns()
        event_id = _new_id(now) if id is None else _text(id)
        try:
            if model is None:
                model = self._model
            if model_version is None:
                model_version = self._model_version
            at = self._timestamp(now) if time is None else self._given_time(time)
            record = _Interaction(
                at, "interaction", event_id, session, user, query, response, intent, confidence, latency,
                model, model_version, input_tokens, output_tokens, cost, outcome, trace_id,
            )  # fmt: skip
            if not _PLAIN.issuperset(
                map(
                    type,
                    (at, session, user, query, response, intent, confidence, latency, model, model_version,
                     input_tokens, output_tokens, cost, outcome, trace_id),
                )
            ):  # fmt: skip
                record = _plain_record(record)
        except Exception as error:
            self._drop(_describe(error))
        else:
            self._append(record)
        return event_id

    def feedback(
        self,
        *,
        interaction: str,
        rating: str,
        comment: str | None = None,
        id: str | None = None,
        time: datetime | float | None = None,
    ) -> str:
        """Log what a user thought of an earlier answer, minutes or days later, from this process or another.

        Args:
            interaction: the id that ``interaction`` returned.
            rating: ``up`` or ``down``.
            comment: what the user wrote about it.
            id: the event's id, where the caller has one; it must be unique.
            time: when it happened: a datetime with an offset, or seconds since the epoch. Default: now.

        Returns:
            The event's id.
        """
        now = time_ns()
        event_id = _new_id(now) if id is None else _text(id)
        try:
            at = self._timestamp(now) if time is None else self._given_time(time)
            record = _Feedback(at, "feedback", event_id, interaction, rating, comment)
            if not _PLAIN.issuperset(map(type, (at, interaction, rating, comment))):
                record = _plain_record(record)
        except Exception as error:
            self._drop(_describe(error))
        else:
            self._append(record)
        return event_id


class PredictionLog(_EventLog):
    """The log of a model that scores, classifies or estimates.

    Args:
        path: file to append to; it and its folder are created by the first event.
        model: name of the model, unless a call says otherwise.
        model_version: its version, unless a call says otherwise.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "card-fraud", "events.jsonl")
    >>> log = PredictionLog(path, model="fraud", model_version="3")
    >>> _ = log.prediction(features={"amount": 12.5, "mcc": "5411"}, score=0.02, id="p1", time=0)
    >>> print(path.read_text(), end="")
    {"@timestamp":"1970-01-01T00:00:00.000Z","type":"prediction","id":"p1","model":"fraud","model_version":"3",\
"features":{"amount":12.5,"mcc":"5411"},"score":0.02}
    """

    def prediction(
        self,
        *,
        features: Mapping[str, float | str | bool | None],
        score: float | None = None,
        value: float | None = None,
        decision: str | None = None,
        latency: float | None = None,
        trace_id: str | None = None,
        error: str | BaseException | None = None,
        id: str | None = None,
        time: datetime | float | None = None,
        model: str | None = None,
        model_version: str | None = None,
        label: bool | float | None = None,
    ) -> str:
        """Log one prediction, or that none came out.

        Args:
            features: what the model was given, by name; a missing value is None or NaN.
            score: a classifier's score, 0 to 1.
            value: a regressor's estimate.
            decision: what was decided by it, such as ``approve``.
            latency: how long the model took, in seconds.
            trace_id: of the distributed trace.
            error: why no prediction came out; an exception is written as its class and message.
            id: the event's id, where the caller has one; it must be unique.
            time: when it happened: a datetime with an offset, or seconds since the epoch. Default: now.
            model: the model that was asked.
            model_version: its version.
            label: what turned out to be true, where it is known already: for a classifier 0 or 1, False or True.

        Returns:
            The event's id.
        """
        now = time_ns()
        event_id = _new_id(now) if id is None else _text(id)
        try:
            if model is None:
                model = self._model
            if model_version is None:
                model_version = self._model_version
            at = self._timestamp(now) if time is None else self._given_time(time)
            if issubclass(type(error), BaseException):  # isinstance would ask the object, which may raise
                error = _describe(error)
            record = _Prediction(
                at, "prediction", event_id, model, model_version, features, score, value, decision, latency,
                trace_id, error, label,
            )  # fmt: skip
            if not (
                type(features) is dict
                and _TEXT_ONLY.issuperset(map(type, features))
                and _PLAIN.issuperset(map(type, features.values()))
                and _PLAIN.issuperset(
                    map(type, (at, score, value, decision, latency, trace_id, error, model, model_version, label))
                )
            ):
                record.features = _plain_features(features)
                record = _plain_record(record)
        except Exception as problem:
            self._drop(_describe(problem))
        else:
            self._append(record)
        return event_id


def _ends_in_mid_line(path: str, fd: int) -> bool:
    found = os.fstat(fd)
    if found.st_size == 0 or not stat.S_ISREG(found.st_mode):
        return False
    try:
        with open(path, "rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except OSError:  # not readable, or truncated just now: an empty line in front does no harm
        return True


def _new_id(now: int) -> str:
    """Return a UUID of version 7 (RFC 9562) for ``now`` in nanoseconds: ordered within the millisecond too, and cheap.

    >>> _new_id(1_767_323_045_123_456_789)[:18], _new_id(1_000) < _new_id(2_000)
    ('019b7ca9-8d03-76f8', True)
    """
    front = f"{now // 1_000_000:012x}7{now % 1_000_000 >> 8:03x}"
    noise = os.urandom(8).hex()  # the system's, and so another one after a fork
    return f"{front[:8]}-{front[8:12]}-{front[12:]}-8{noise[1:4]}-{noise[4:]}"


def _plain_record(record: _Record) -> _Record:
    for name in record.__struct_fields__:
        setattr(record, name, _plain(getattr(record, name)))
    return record


def _plain_features(features: object) -> object:
    try:
        return features if isinstance(features, dict) else dict(features)  # type: ignore[call-overload]  # a pandas Series, a list of pairs
    except Exception:
        return features


def _plain(value: object, depth: int = 0) -> object:
    """Return ``value`` as something that always has a JSON form, whatever it is; never raise.

    >>> _plain({"a": b"x", 1: float("inf"), "c": {2}}), _plain("\\ud83d\\ude00") == "\\U0001f600"
    ({'a': 'x', '1': inf, 'c': [2]}, True)
    """
    try:
        if value is None or type(value) in (bool, float):
            return value
        if isinstance(value, str):
            return _valid(value)
        if isinstance(value, int):
            number = int(value)
            return number if abs(number) < 1 << 64 else _valid(str(number))
        if isinstance(value, float):
            return float(value)
        if isinstance(value, bytes | bytearray | memoryview):
            return bytes(value).decode("utf-8", "replace")
        if isinstance(value, datetime):
            return _valid(value.isoformat())
        if isinstance(value, Mapping | list | tuple | set | frozenset):
            if depth == _MAX_DEPTH:
                return f"<{_class_name(value)} nested too deep>"
            if isinstance(value, Mapping):
                return {_text(key): _plain(value[key], depth + 1) for key in list(value)}
            return [_plain(item, depth + 1) for item in list(value)]
        inner = _as_number(value)
        if inner is not None:
            return inner
        return _valid(str(value))
    except Exception:
        return f"<{_class_name(value)} that cannot be written>"


def _as_number(value: object) -> int | float | bool | None:
    """Return the number inside ``value`` (a numpy scalar, a tensor of one element, a Decimal), or None."""
    try:
        number: object = value.item() if hasattr(value, "item") else float(value)  # type: ignore[arg-type]
    except Exception:
        return None
    if isinstance(number, float | bool) or (isinstance(number, int) and abs(number) < 1 << 64):
        return number
    return None


def _text(value: object) -> str:
    if type(value) is str and value.isascii():
        return value
    plain = _plain(value, _MAX_DEPTH)
    return plain if type(plain) is str else str(plain)


def _valid(text: str) -> str:
    """Return ``text`` as a true ``str`` without lone surrogates."""
    return str.encode(text, "utf-16", "surrogatepass").decode("utf-16", "replace")


def _describe(error: object) -> str:
    message = _text(error)
    name = _class_name(error)
    return f"{name}: {message}" if message else name


def _class_name(value: object) -> str:
    name = type.__dict__["__name__"].__get__(type(value))  # not fooled by a metaclass of its own
    return _valid(name)
