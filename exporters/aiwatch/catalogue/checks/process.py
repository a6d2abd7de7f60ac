"""What must hold within the file of one process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from aiwatch import names
from aiwatch.catalogue.checks.logs import check_logs
from aiwatch.catalogue.checks.plain import check_repeats, mapping, mappings, seconds, texts
from aiwatch.catalogue.yaml_places import Document
from aiwatch.hints import did_you_mean
from aiwatch.kinds.base import Kind
from aiwatch.kinds.drift import CategoricalTest, Test
from aiwatch.kinds.options import AlertSettings

_SHORTEST_WINDOW = 60.0
_SHORTEST_PERIOD = 86400.0


def check_process(document: Document, kind: Kind) -> None:
    """Note what contradicts itself within one process file."""
    data = document.data
    _check_failure_modes(document, data, kind)
    _check_alert_windows(document, data)
    check_logs(document, data, kind)
    _check_slos(document, data)
    _check_drift(document, data, kind)
    for key in ("intents", "decisions"):
        check_repeats(document, (key,), [(index, text) for index, text in texts(data.get(key))], "entry")


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
    written = mapping(data.get("alerts"))
    for index, mode in mappings(data.get("failure_modes")):
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
        elif mapping(written.get(keys[alert])).get("enabled") is False:
            at = ("alerts", keys[alert], "enabled")
            message = f"{alert} never fires, for it is disabled on line {document.line(at)}"
            document.complain(path, message, "enable it, or name another alert")


def _check_alert_windows(document: Document, data: Mapping[str, Any]) -> None:
    for key, settings in mapping(data.get("alerts")).items():
        window = seconds(mapping(settings).get("window"))
        if window is not None and window < _SHORTEST_WINDOW:
            message = "a window is at least 1m, so that it holds some scrapes"
            document.complain(("alerts", key, "window"), message)


def _check_slos(document: Document, data: Mapping[str, Any]) -> None:
    slos = list(mappings(data.get("slos")))
    titles = [(index, slo["name"]) for index, slo in slos if isinstance(slo.get("name"), str)]
    check_repeats(document, ("slos",), titles, "SLO", "name")
    for index, slo in slos:
        threshold, period = seconds(slo.get("threshold")), seconds(slo.get("period"))
        if period is not None and period < _SHORTEST_PERIOD:
            document.complain(("slos", index, "period"), "must be at least 1d", "30d is usual")
        if threshold is not None and not 0 < threshold <= 3600:
            message = "a latency threshold lies above 0s and is at most 1h"
            document.complain(("slos", index, "threshold"), message, "2s, for example")


def _check_drift(document: Document, data: Mapping[str, Any], kind: Kind) -> None:
    """What is looked at apart, or by another test, must be there and of a type that can be."""
    drift, features = mapping(data.get("drift")), mapping(data.get("features"))
    types = {name: str(mapping(feature).get("type")) for name, feature in features.items()}
    segments = list(texts(drift.get("segments")))
    check_repeats(document, ("drift", "segments"), segments, "segment")
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
    for name, test in mapping(drift.get("tests")).items():
        if name not in types:
            message, hint = f"no feature is called {name!r}", did_you_mean(name, types)
            document.complain(("drift", "tests", name), message, hint, key=True)
        elif types[name] == "categorical" and test in get_args(Test) and test not in get_args(CategoricalTest):
            message = f"{test} is no test of a categorical feature"
            document.complain(("drift", "tests", name), message, f"one of {', '.join(get_args(CategoricalTest))}")
