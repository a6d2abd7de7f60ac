"""What must hold between the files of processes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import PurePosixPath

from aiwatch import names
from aiwatch.catalogue.checks.plain import check_repeats, mapping, mappings, texts, values_of
from aiwatch.catalogue.yaml_places import Document
from aiwatch.hints import did_you_mean
from aiwatch.kinds.options import NAME_PATTERN


def check_neighbours(documents: Sequence[Document]) -> None:
    """Note what processes contradict each other in: names, what they are upstream of, standard input."""
    _check_names(documents)
    _check_upstream(documents)
    _check_circles(documents)
    _check_standard_input(documents)


def _check_names(documents: Sequence[Document]) -> None:
    """A name is given once, and is that of the file."""
    first: dict[str, Document] = {}
    for document in documents:
        name = mapping(document.data).get("name")
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


def _check_upstream(documents: Sequence[Document]) -> None:
    """A process can use the output of others that are described, and not of itself."""
    known = values_of(documents, "name")
    for document in documents:
        data = mapping(document.data)
        written = list(texts(data.get("upstream")))
        for index, name in written:
            if name == data.get("name"):
                document.complain(("upstream", index), "a process cannot be upstream of itself", "remove it")
            elif name not in known:
                hint = did_you_mean(name, known - {data.get("name")})
                document.complain(("upstream", index), f"no process is called {name!r}", hint)
        check_repeats(document, ("upstream",), written, "process")


def _check_circles(documents: Sequence[Document]) -> None:
    """No process can be upstream of itself by way of others."""
    named = [(mapping(document.data).get("name"), document) for document in documents]
    files = {name: document for name, document in named if isinstance(name, str)}
    upstream = {
        name: [other for _, other in texts(mapping(document.data).get("upstream")) if other != name]
        for name, document in files.items()
    }
    while True:
        try:
            TopologicalSorter(upstream).prepare()
            return
        except CycleError as error:
            circle: list[str] = error.args[1]  # each is upstream of the one that follows
        upper, lower = min(pairwise(circle), key=lambda pair: files[pair[1]].file)
        index = next(i for i, other in texts(mapping(files[lower].data)["upstream"]) if other == upper)
        way = " -> ".join(circle)
        files[lower].complain(("upstream", index), f"{lower!r} is upstream of itself: {way}", "remove one of them")
        upstream[lower] = [other for other in upstream[lower] if other != upper]


def _check_standard_input(documents: Sequence[Document]) -> None:
    """There is one standard input: several processes cannot have it."""
    first: str | None = None
    for document in documents:
        for index, log in mappings(mapping(document.data).get("logs")):
            if log.get("source") != "stdin":
                continue
            if first is not None:
                message = f"standard input is read already, by {first}"
                document.complain(("logs", index, "source"), message, "use `source: http`, or a path")
                break
            first = f"{document.file}:{document.line(('logs', index, 'source'))}"
            break  # the same process may read several records from it
