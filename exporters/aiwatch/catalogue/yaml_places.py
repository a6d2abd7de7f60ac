"""YAML read with the place of every key and value, and with its traps explained."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import Reader

from aiwatch.catalogue.problems import Problem

Path = tuple[str | int, ...]

_TAG = "tag:yaml.org,2002:"
_MOST_NODES = 50_000
_HINTS = (
    ("found character that cannot start any token", "quote a text that begins with @, `, % or |"),
    ("mapping values are not allowed", "quote a text that contains ': ', and indent keys of one level alike"),
    ("did not find expected key", "check indentation and quotes just above"),
    ("could not find expected ':'", "a key is followed by ': '; check the quotes just above"),
    ("did not find expected '-' indicator", "items of one list begin with '- ' at one indentation"),
    ("did not find expected ',' or", "a bracket is not closed, or a comma is missing"),
    ("found unexpected end of stream", "a quote is not closed"),
    ("undefined alias", "an anchor (&name) must stand above its alias (*name)"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands, and the text of a plain scalar."""

    line: int
    text: str | None = None


@dataclass(slots=True)
class Document:
    """What one YAML file says, and where.

    ``data`` is None for a file without content. ``values`` and ``keys`` give the place of every value and of
    every key by its path from the top. ``misread`` holds the paths of values that YAML itself gets wrong: a
    problem says so, and there is no use in others about them.
    """

    file: str
    data: Any = None
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, int] = field(default_factory=dict)
    misread: set[Path] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def complain(self, path: Path, message: str, hint: str = "", *, key: bool = False) -> None:
        """Note a problem with the value at ``path``, or with its key."""
        line = self.keys.get(path, 0) if key else 0
        self.problems.append(Problem(self.file, line or self.line(path), show(path), message, hint))

    def line(self, path: Path) -> int:
        """Return the line of the value at ``path``, or of the closest thing around it that has a place.

        A mapping's or a list's line is that of its key.
        """
        for length in range(len(path), -1, -1):
            place = self.values.get(path[:length])
            if place is not None:
                return place.line if place.text is not None else self.keys.get(path[:length], place.line)
        return 1

    def text(self, path: Path) -> str | None:
        """Return what is written at ``path``, before YAML interprets it, when that is a plain scalar."""
        place = self.values.get(path)
        return place.text if place else None


def show(path: Path) -> str:
    """Return a path as people write it.

    >>> show(("slos", 0, "objective"))
    'slos[0].objective'
    """
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def parse(content: bytes, file: str) -> Document:
    """Read one YAML document; everything wrong with it is in the document's ``problems``.

    >>> document = parse(b"name: bot\\nkpis: [1, no]\\n", "bot.yml")
    >>> document.data, document.line(("kpis", 1)), document.text(("kpis", 1))
    ({'name': 'bot', 'kpis': [1, False]}, 2, 'no')
    """
    document = Document(file)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        bad = content[error.start]
        what, hint = f"byte 0x{bad:02x} is not UTF-8", "save the file as UTF-8"
        document.problems.append(Problem(file, line, "", what, hint))
        return document
    if bad_character := Reader.NON_PRINTABLE.search(text):
        line = text.count("\n", 0, bad_character.start()) + 1
        what = f"the control character {bad_character.group()!r} stands here"
        document.problems.append(Problem(file, line, "", what, "remove it, or quote the text and write an escape"))
        return document
    loader = yaml.CSafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is not None:
            document.data = _Builder(loader, document).build(node, ())
    except yaml.YAMLError as error:
        document.problems.append(_syntax(error, text, file))
    finally:
        loader.dispose()
    return document


def _syntax(error: yaml.YAMLError, text: str, file: str) -> Problem:
    context = str(getattr(error, "context", None) or "")
    begun = "quoted scalar" in context  # where a quote was opened says more than the end of the file
    mark = getattr(error, "context_mark" if begun else "problem_mark", None)
    line = mark.line + 1 if mark else 1
    what = str(getattr(error, "problem", None) or error)
    if "single document" in what + context:
        hint = "one file holds one document: remove the '---'"
        return Problem(file, line, "", "a second document begins here", hint)
    lines = text.split("\n")
    if mark and line <= len(lines) and "\t" in lines[line - 1][: mark.column + 1]:
        return Problem(file, line, "", "a tab stands here, which YAML does not allow", "indent with spaces")
    hint = next((hint for start, hint in _HINTS if start in what), "")
    return Problem(file, line, "", f"not valid YAML: {what}", hint)


class _Builder:
    """Turns composed nodes into plain data and notes their places."""

    def __init__(self, loader: yaml.CSafeLoader, document: Document) -> None:
        self._loader = loader
        self._document = document
        self._open: set[int] = set()
        self._count = 0

    def build(self, node: Node, path: Path) -> Any:
        self._count += 1
        if self._count > _MOST_NODES:
            what = "too many values, aliases counted"
            raise yaml.MarkedYAMLError(problem=what, problem_mark=node.start_mark)
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        self._document.values[path] = Place(node.start_mark.line + 1)
        if node.tag not in (f"{_TAG}map", f"{_TAG}seq"):
            self._complain_of_tag(node, path)
        if id(node) in self._open:
            self._misread(path, "an alias that contains itself")
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, SequenceNode):
                return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
            return self._mapping(node, path)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: Node, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        own: dict[str, int] = {}
        merged: list[tuple[ScalarNode, Node]] = []
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag == f"{_TAG}merge":
                merged.extend(self._merged(value, path))
            elif not isinstance(key, ScalarNode):
                self._document.problems.append(
                    Problem(
                        self._document.file,
                        line,
                        show(path),
                        "a key must be text",
                        "quote a text with brackets",
                    )
                )
            elif key.value in own:
                self._document.problems.append(
                    Problem(
                        self._document.file,
                        line,
                        show((*path, key.value)),
                        f"the key stands here a second time, after line {own[key.value]}",
                        "keep one of them",
                    )
                )
            else:
                own[key.value] = line
                self._put(data, key, value, path)
        for key, value in merged:
            if key.value not in data:
                self._put(data, key, value, path)
        return data

    def _put(self, data: dict[str, Any], key: ScalarNode, value: Node, path: Path) -> None:
        here = (*path, key.value)
        self._document.keys[here] = key.start_mark.line + 1
        data[key.value] = self.build(value, here)

    def _merged(self, node: Node, path: Path) -> Iterator[tuple[ScalarNode, Node]]:
        for source in node.value if isinstance(node, SequenceNode) else [node]:
            if not isinstance(source, MappingNode):
                self._misread(path, "'<<' takes a mapping or a list of mappings, by alias")
                continue
            yield from ((key, value) for key, value in source.value if isinstance(key, ScalarNode))

    def _misread(self, path: Path, message: str, hint: str = "") -> None:
        self._document.misread.add(path)
        self._document.complain(path, message, hint)

    def _complain_of_tag(self, node: Node, path: Path) -> None:
        self._misread(path, f"the tag {node.tag.replace(_TAG, '!!')} is not supported", "remove it")

    def _scalar(self, node: ScalarNode, path: Path) -> Any:
        text: str = node.value
        self._document.values[path] = Place(node.start_mark.line + 1, text)
        kind = node.tag.removeprefix(_TAG)
        if kind in ("str", "timestamp", "value"):
            return text
        if kind not in ("int", "float", "bool", "null"):
            self._complain_of_tag(node, path)
            return text
        try:
            value = self._loader.construct_object(node)
        except (ValueError, KeyError, IndexError):
            self._misread(path, f"{text!r} is not a value of type {kind}")
            return text
        if kind in ("int", "float") and (":" in text or re.match(r"[-+]?0[0-9_]", text)):
            base = "60" if ":" in text else "8"
            self._misread(
                path,
                f"YAML reads {text} as the number {value:g}, in base {base}",
                f"quote it for text: {text!r}",
            )
        elif isinstance(value, float) and not math.isfinite(value):
            self._misread(path, f"{text} is not a finite number")
            return 0.0
        return value
