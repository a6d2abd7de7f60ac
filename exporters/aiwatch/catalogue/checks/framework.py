"""What must hold within the framework's file, and between it and the processes."""

from __future__ import annotations

from collections.abc import Sequence

from aiwatch import names
from aiwatch.catalogue.checks.plain import check_repeats, mapping, mappings, seconds, values_of
from aiwatch.catalogue.yaml_places import Document
from aiwatch.hints import did_you_mean

_SHORTEST_RETENTION = 86400.0
_SHORTEST_DRIFT_RETENTION = 62 * 86400.0


def check_framework(document: Document, processes: Sequence[Document]) -> None:
    """Note receivers that are given twice, and routes to or for something that does not exist."""
    data = mapping(document.data)
    retention = seconds(data.get("retention"))
    if retention is not None and retention < _SHORTEST_RETENTION:
        message = "must be at least 1d, for documents are deleted by whole days"
        document.complain(("retention",), message)
    drift_retention = seconds(data.get("drift_retention"))
    if drift_retention is not None and drift_retention < _SHORTEST_DRIFT_RETENTION:
        message = "must be at least 62d, for results are deleted by whole months and needed for one"
        document.complain(("drift_retention",), message)
    receivers = [
        (index, name)
        for index, receiver in mappings(data.get("receivers"))
        if isinstance(name := receiver.get("name"), str)
    ]
    check_repeats(document, ("receivers",), receivers, "receiver", "name")
    for index, name in receivers:
        if name == names.RECEIVER_RESPONDER:
            message = f"the receiver {name!r} is there already: it is the inbox, which always receives"
            document.complain(("receivers", index, "name"), message, "give it another name")
    known = {
        "receiver": {name for _, name in receivers},
        "process": values_of(processes, "name"),
        "business_unit": values_of(processes, "business_unit"),
    }
    for index, route in mappings(data.get("routes")):
        for key, allowed in known.items():
            value = route.get(key)
            if isinstance(value, str) and value not in allowed:
                what = key.replace("_", " ")
                hint = did_you_mean(value, allowed) or "describe it under receivers"
                document.complain(("routes", index, key), f"no {what} is called {value!r}", hint)
