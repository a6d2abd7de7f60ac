"""Plain data as far as it has the type that it should have, and the check for what stands there twice."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aiwatch.catalogue.yaml_places import Document, Path, show
from aiwatch.kinds.options import parse_duration


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a mapping as it is, and an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the items of a list that are mappings, each with its place."""
    if isinstance(value, list):
        yield from ((index, item) for index, item in enumerate(value) if isinstance(item, dict))


def texts(value: Any) -> Iterator[tuple[int, str]]:
    """Yield the items of a list that are texts, each with its place."""
    if isinstance(value, list):
        yield from ((index, item) for index, item in enumerate(value) if isinstance(item, str))


def seconds(value: Any) -> float | None:
    """Return the seconds of a duration, None for what is none.

    >>> seconds("1h30m"), seconds(90)
    (5400.0, None)
    """
    if isinstance(value, str) and re.match(r"\d", value):
        try:
            return parse_duration(value)
        except ValueError:
            return None
    return None


def values_of(documents: Sequence[Document], key: str) -> set[str]:
    """Return the texts that the files have under ``key``, at their top."""
    return {value for document in documents if isinstance(value := mapping(document.data).get(key), str)}


def check_repeats(document: Document, path: Path, found: Sequence[tuple[int, str]], what: str, *below: str) -> None:
    """Note each text that stands in the list at ``path`` a second time.

    Args:
        document: where problems are noted.
        path: the list.
        found: the texts, each with the place of its item in the list.
        what: what the texts name, for the message.
        below: where in its item the text stands, if the item is no text itself.
    """
    first: dict[str, int] = {}
    for index, text in found:
        if text in first:
            before = (*path, first[text], *below)
            line = document.line(before)
            message = f"{what} {text!r} stands here a second time, after {show(before)} on line {line}"
            document.complain((*path, index, *below), message, "keep one of them")
        first.setdefault(text, index)
