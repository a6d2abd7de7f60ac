"""Compare what a server holds with what it should hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def type_conflicts(
    held: Mapping[str, Any], wanted: Mapping[str, Any], above: str = ""
) -> Iterator[tuple[str, str, str]]:
    """Yield the fields that two mappings give different types: path, type held, type wanted.

    >>> text, date = ({"a": {"properties": {"b": {"type": type_}}}} for type_ in ("text", "date"))
    >>> list(type_conflicts(text, date))
    [('a.b', 'text', 'date')]
    """
    for name, mapping in wanted.items():
        if name not in held:
            continue
        is_type, type_ = (each.get("type", "object") for each in (held[name], mapping))
        if is_type != type_:
            yield f"{above}{name}", is_type, type_
        else:
            below, wanted_below = held[name].get("properties", {}), mapping.get("properties", {})
            yield from type_conflicts(below, wanted_below, f"{above}{name}.")


def contains(held: Any, wanted: Any) -> bool:
    """Tell whether ``held`` says all that ``wanted`` says; a server adds defaults, and omits the type of objects.

    >>> contains({"log": {"enabled": "false", "x": 1}}, {"log": {"type": "object", "enabled": False}})
    True
    """
    if isinstance(wanted, Mapping):
        known = {"type": "object", **held} if isinstance(held, Mapping) and wanted.get("type") == "object" else held
        return isinstance(known, Mapping) and all(
            key in known and contains(known[key], value) for key, value in wanted.items()
        )
    return bool(plain(held) == plain(wanted))


def plain(value: Any) -> Any:
    """Return a value as the server shows it: scalars as text, which is how it keeps settings."""
    if isinstance(value, Mapping):
        return {key: plain(below) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [plain(below) for below in value]
    return str(value).lower() if isinstance(value, bool) else str(value)
