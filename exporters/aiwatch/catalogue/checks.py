"""What must hold between the parts of a catalogue, beyond the types of single values.

These checks look at plain data as it was written, so that one mistake does not hide another: what has the
wrong type is passed over here, the model complains about it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any, get_args

import msgspec

from aiwatch import names
from aiwatch.catalogue.model import Unit
from aiwatch.catalogue.yaml_places import Document, Path, show
from aiwatch.hints import did_you_mean
from aiwatch.kinds.base import Kind, RecordType
from aiwatch.kinds.drift import CategoricalTest, Test
from aiwatch.kinds.options import AlertSettings, parse_duration

IGNORE = "ignore"
"""The value of `record` for lines that are dropped."""

_UNITS = {
    "time": ("rfc3339", "s", "ms", "us", "ns"),
    "duration": ("s", "ms", "us", "ns"),
    "ratio": ("ratio", "percent"),
}
NAME_PATTERN = r"[a-z][a-z0-9-]*"
_OPTION_OF_FIELD = {"intent": "intents", "decision": "decisions"}
_SHORTEST_WINDOW = 60.0
_SHORTEST_PERIOD = 86400.0
_SHORTEST_RETENTION = 86400.0
_SHORTEST_DRIFT_RETENTION = 62 * 86400.0


def check_process(document: Document, kind: Kind) -> None:
    """Note what contradicts itself within one process file."""
    data = document.data
    _check_failure_modes(document, data, kind)
    _check_alert_windows(document, data)
    _check_logs(document, data, kind)
    _check_slos(document, data)
    _check_drift(document, data, kind)
    for key in ("intents", "decisions"):
        _check_repeats(document, (key,), [(index, text) for index, text in _texts(data.get(key))], "entry")


def check_names(documents: Sequence[Document]) -> None:
    """Note processes whose names are given twice or are not those of their files, or that share standard input."""
    first: dict[str, Document] = {}
    for document in documents:
        name = _mapping(document.data).get("name")
        if not isinstance(name, str):
            continue
        path = PurePosixPath(document.file)
        if name == names.RESERVED_NAME:
            document.complain(("name",), f"the name {name!r} is aiwatch's own", "give it another name")
        if name in first:
            other = first[name]
            where = f"{other.file}:{other.line(('name',))}"
            message = f"process {name!r} is already described in {where}"
            document.complain(("name",), message, "give it another name")
        first.setdefault(name, document)
        if path.stem != name and re.fullmatch(NAME_PATTERN, name):
            document.complain(
                ("name",),
                f"the file of process {name!r} is called {path.name}",
                f"rename the file to {name}{path.suffix}, or name the process {path.stem!r}",
            )
    _check_upstream(documents)
    _check_standard_input(documents)


def _check_upstream(documents: Sequence[Document]) -> None:
    """A process can use the output of others that are described, and not of itself."""
    known = _values(documents, "name")
    for document in documents:
        data = _mapping(document.data)
        written = list(_texts(data.get("upstream")))
        for index, name in written:
            if name == data.get("name"):
                document.complain(("upstream", index), "a process cannot be upstream of itself", "remove it")
            elif name not in known:
                hint = did_you_mean(name, known - {data.get("name")})
                document.complain(("upstream", index), f"no process is called {name!r}", hint)
        _check_repeats(document, ("upstream",), written, "process")
    _check_circles(documents)


def _check_circles(documents: Sequence[Document]) -> None:
    """No process can be upstream of itself by way of others."""
    named = [(_mapping(document.data).get("name"), document) for document in documents]
    files = {name: document for name, document in named if isinstance(name, str)}
    upstream = {
        name: [other for _, other in _texts(_mapping(document.data).get("upstream")) if other != name]
        for name, document in files.items()
    }
    while True:
        try:
            TopologicalSorter(upstream).prepare()
            return
        except CycleError as error:
            circle: list[str] = error.args[1]  # each is upstream of the one that follows
        upper, lower = min(pairwise(circle), key=lambda pair: files[pair[1]].file)
        index = next(i for i, other in _texts(_mapping(files[lower].data)["upstream"]) if other == upper)
        way = " -> ".join(circle)
        files[lower].complain(("upstream", index), f"{lower!r} is upstream of itself: {way}", "remove one of them")
        upstream[lower] = [other for other in upstream[lower] if other != upper]


def _check_standard_input(documents: Sequence[Document]) -> None:
    """There is one standard input: several processes cannot have it."""
    first: str | None = None
    for document in documents:
        for index, log in _mappings(_mapping(document.data).get("logs")):
            if log.get("source") != "stdin":
                continue
            if first is not None:
                message = f"standard input is read already, by {first}"
                document.complain(("logs", index, "source"), message, "use `source: http`, or a path")
                break
            first = f"{document.file}:{document.line(('logs', index, 'source'))}"
            break  # the same process may read several records from it


def check_framework(document: Document, processes: Sequence[Document]) -> None:
    """Note receivers that are given twice, and routes to or for something that does not exist."""
    data = _mapping(document.data)
    retention = _seconds(data.get("retention"))
    if retention is not None and retention < _SHORTEST_RETENTION:
        message = "must be at least 1d, for documents are deleted by whole days"
        document.complain(("retention",), message)
    drift_retention = _seconds(data.get("drift_retention"))
    if drift_retention is not None and drift_retention < _SHORTEST_DRIFT_RETENTION:
        message = "must be at least 62d, for results are deleted by whole months and needed for one"
        document.complain(("drift_retention",), message)
    receivers = [
        (index, name)
        for index, receiver in _mappings(data.get("receivers"))
        if isinstance(name := receiver.get("name"), str)
    ]
    _check_repeats(document, ("receivers",), receivers, "receiver", "name")
    for index, name in receivers:
        if name == names.RECEIVER_RESPONDER:
            message = f"the receiver {name!r} is there already: it is the inbox, which always receives"
            document.complain(("receivers", index, "name"), message, "give it another name")
    known = {
        "receiver": {name for _, name in receivers},
        "process": _values(processes, "name"),
        "business_unit": _values(processes, "business_unit"),
    }
    for index, route in _mappings(data.get("routes")):
        for key, allowed in known.items():
            value = route.get(key)
            if isinstance(value, str) and value not in allowed:
                what = key.replace("_", " ")
                hint = did_you_mean(value, allowed) or "describe it under receivers"
                document.complain(("routes", index, key), f"no {what} is called {value!r}", hint)


def alert_keys(kind: Kind) -> dict[str, type[AlertSettings]]:
    """Return the settings of the alerts of a kind by their key in YAML.

    >>> from aiwatch.kinds import kind_named
    >>> alert_keys(kind_named("chat"))["confidence_low"].alert
    'ChatConfidenceLow'
    """
    alerts = kind.options.model_fields["alerts"].annotation
    fields = getattr(alerts, "model_fields", {})
    return {key: info.annotation for key, info in fields.items()}


def _check_failure_modes(document: Document, data: Mapping[str, Any], kind: Kind) -> None:
    keys = {settings.alert: key for key, settings in alert_keys(kind).items()}
    written = _mapping(data.get("alerts"))
    for index, mode in _mappings(data.get("failure_modes")):
        alert = mode.get("alert")
        if not isinstance(alert, str):
            continue
        path = ("failure_modes", index, "alert")
        if alert in names.FRAMEWORK_ALERTS:
            if alert == names.ALERT_SLO_BURN and data.get("slos") == []:
                message = f"{alert} never fires, for the process has no SLO"
                document.complain(path, message, "give it one under slos")
        elif alert not in keys:
            hint = did_you_mean(alert, [*keys, *names.FRAMEWORK_ALERTS])
            document.complain(path, f"no alert of kind {kind.name!r} is called {alert!r}", hint)
        elif _mapping(written.get(keys[alert])).get("enabled") is False:
            at = ("alerts", keys[alert], "enabled")
            message = f"{alert} never fires, for it is disabled on line {document.line(at)}"
            document.complain(path, message, "enable it, or name another alert")


def _check_alert_windows(document: Document, data: Mapping[str, Any]) -> None:
    for key, settings in _mapping(data.get("alerts")).items():
        window = _seconds(_mapping(settings).get("window"))
        if window is not None and window < _SHORTEST_WINDOW:
            message = "a window is at least 1m, so that it holds some scrapes"
            document.complain(("alerts", key, "window"), message)


def _check_slos(document: Document, data: Mapping[str, Any]) -> None:
    slos = list(_mappings(data.get("slos")))
    titles = [(index, slo["name"]) for index, slo in slos if isinstance(slo.get("name"), str)]
    _check_repeats(document, ("slos",), titles, "SLO", "name")
    for index, slo in slos:
        threshold, period = _seconds(slo.get("threshold")), _seconds(slo.get("period"))
        if period is not None and period < _SHORTEST_PERIOD:
            document.complain(("slos", index, "period"), "must be at least 1d", "30d is usual")
        if threshold is not None and not 0 < threshold <= 3600:
            message = "a latency threshold lies above 0s and is at most 1h"
            document.complain(("slos", index, "threshold"), message, "2s, for example")


def _check_drift(document: Document, data: Mapping[str, Any], kind: Kind) -> None:
    """What is looked at apart, or by another test, must be there and of a type that can be."""
    drift, features = _mapping(data.get("drift")), _mapping(data.get("features"))
    types = {name: str(_mapping(feature).get("type")) for name, feature in features.items()}
    segments = list(_texts(drift.get("segments")))
    _check_repeats(document, ("drift", "segments"), segments, "segment")
    if not types:
        return  # the baseline says which features there are
    for index, name in segments:
        if name not in types:
            hint = did_you_mean(name, [each for each, type_ in types.items() if type_ == "categorical"])
            document.complain(("drift", "segments", index), f"no feature is called {name!r}", hint)
        elif types[name] == "numeric":
            message = f"{name!r} is numeric, but segments are the values of a category"
            document.complain(("drift", "segments", index), message, "remove it")
    types |= {names.SCORE: "numeric"} if kind.name == "classifier" else {names.VALUE: "numeric"}
    for name, test in _mapping(drift.get("tests")).items():
        if name not in types:
            message, hint = f"no feature is called {name!r}", did_you_mean(name, types)
            document.complain(("drift", "tests", name), message, hint, key=True)
        elif types[name] == "categorical" and test in get_args(Test) and test not in get_args(CategoricalTest):
            message = f"{test} is no test of a categorical feature"
            document.complain(("drift", "tests", name), message, f"one of {', '.join(get_args(CategoricalTest))}")


def _check_logs(document: Document, data: Mapping[str, Any], kind: Kind) -> None:
    records = {record.name: record for record in kind.records}
    logs = list(_mappings(data.get("logs")))
    for index, log in logs:
        path: Path = ("logs", index)
        name = log.get("record")
        if name == IGNORE:
            for key in ("fields", "keep"):
                if log.get(key):
                    message = "has no effect, for these lines are ignored"
                    document.complain((*path, key), message, "remove it", key=True)
            if not log.get("when"):
                hint = "say which ones under `when`, or remove the log"
                document.complain(path, "ignores every line", hint)
        elif isinstance(name, str) and name not in records:
            hint = did_you_mean(name, [*records, IGNORE])
            document.complain((*path, "record"), f"kind {kind.name!r} has no record {name!r}", hint)
        elif isinstance(name, str) and isinstance(log.get("fields"), dict):
            _check_fields(document, data, (*path, "fields"), log["fields"], records[name])
    _check_shared_places(document, logs)


def _check_fields(
    document: Document, data: Mapping[str, Any], path: Path, fields: Mapping[str, Any], record: RecordType
) -> None:
    known = msgspec.structs.fields(record.struct)
    allowed = [field.name for field in known]
    for name, source in fields.items():
        here = (*path, name)
        if name not in allowed:
            message = f"record {record.name!r} has no field {name!r}"
            document.complain(here, message, did_you_mean(name, allowed), key=True)
        elif isinstance(source, dict):
            _check_unit(document, here, name, source.get("unit"), record)
            if source.get("timezone") and record.dimensions.get(name) != "time":
                document.complain((*here, "timezone"), f"field {name!r} is not a time", "remove it")
            _check_values(document, here, source.get("values"), _choices(data, record, name))
    for field in known:
        if field.required and field.name not in fields:
            message = f"field {field.name!r} of record {record.name!r} is not mapped, which every line needs"
            document.complain(path, message, f"add `{field.name}: <its key in the log>`")


def _check_unit(document: Document, path: Path, name: str, unit: Any, record: RecordType) -> None:
    if not isinstance(unit, str) or unit not in get_args(Unit):
        return
    dimension = record.dimensions.get(name)
    if dimension is None:
        document.complain((*path, "unit"), f"field {name!r} has no unit", "remove it")
    elif unit not in _UNITS[dimension]:
        units = ", ".join(_UNITS[dimension])
        message = f"field {name!r} is a {dimension}, not to be read from {unit}"
        document.complain((*path, "unit"), message, f"one of {units}")


def _choices(data: Mapping[str, Any], record: RecordType, name: str) -> Sequence[str]:
    if name in record.choices:
        return record.choices[name]
    return [text for _, text in _texts(data.get(_OPTION_OF_FIELD.get(name, "")))]


def _check_values(document: Document, path: Path, values: Any, allowed: Sequence[str]) -> None:
    for said, meant in _mapping(values).items():
        if allowed and isinstance(meant, str) and meant not in allowed:
            hint = did_you_mean(meant, allowed)
            document.complain((*path, "values", said), f"{meant!r} is not a value of {path[-1]}", hint)


def _place(log: Mapping[str, Any]) -> str | None:
    """Return what tells the place that a log is read from, as far as it is written: see `Log.place`."""
    source = log.get("source", "jsonl")
    where = {"jsonl": log.get("path"), "kafka": log.get("topic"), "http": "", "stdin": ""}
    found = where.get(source) if isinstance(source, str) else None
    if not isinstance(found, str):
        return None
    return found if source == "jsonl" else f"{source}:{found}".removesuffix(":")


def _check_shared_places(document: Document, logs: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
    """Lines of a place with several readings must be told apart, by one key."""
    readings: dict[str, list[tuple[int, Mapping[str, Any]]]] = {}
    for index, log in logs:
        if place := _place(log):
            readings.setdefault(place, []).append((index, log))
    for place, same in readings.items():
        if len(same) < 2:
            continue
        whens: list[tuple[int, tuple[str, Any]]] = []
        for index, log in same:
            when = _mapping(log.get("when"))
            if not when:
                message = f"several logs read {place}, and this one does not say which lines are its"
                document.complain(("logs", index), message, "add `when: {<key>: <value>}`")
            whens.extend((index, item) for item in when.items())
        for (first, one), (index, other) in pairwise(whens):
            if one[0] != other[0]:
                line = document.line(("logs", first))
                message = f"lines of {place} are told apart by {one[0]!r} on line {line}"
                document.complain(("logs", index, "when"), message, "use the same key")
        conditions = [(index, f"{key}: {value}") for index, (key, value) in whens]
        _check_repeats(document, ("logs",), conditions, "condition", "when")


def _check_repeats(document: Document, path: Path, found: Sequence[tuple[int, str]], what: str, *below: str) -> None:
    first: dict[str, int] = {}
    for index, text in found:
        if text in first:
            before = (*path, first[text], *below)
            line = document.line(before)
            message = f"{what} {text!r} stands here a second time, after {show(before)} on line {line}"
            document.complain((*path, index, *below), message, "keep one of them")
        first.setdefault(text, index)


def _values(documents: Sequence[Document], key: str) -> set[str]:
    return {value for document in documents if isinstance(value := _mapping(document.data).get(key), str)}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if isinstance(value, list):
        yield from ((index, item) for index, item in enumerate(value) if isinstance(item, dict))


def _texts(value: Any) -> Iterator[tuple[int, str]]:
    if isinstance(value, list):
        yield from ((index, item) for index, item in enumerate(value) if isinstance(item, str))


def _seconds(value: Any) -> float | None:
    if isinstance(value, str) and re.match(r"\d", value):
        try:
            return parse_duration(value)
        except ValueError:
            return None
    return None
