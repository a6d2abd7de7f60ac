"""Which files there are: those that a pattern finds, and those beside where a stream was."""

from __future__ import annotations

import glob
import os
import stat as modes
from collections.abc import Callable, Iterator

from aiwatch.ingest.contracts import Position
from aiwatch.ingest.sources.comparing import Sighting
from aiwatch.ingest.sources.identity import family
from aiwatch.ingest.sources.stream import Key, key_of
from aiwatch.ingest.sources.trouble import Problems


def find_files(pattern: str, problems: Problems, name_of: Callable[[Key], str]) -> dict[Key, Sighting]:
    """Return the files that a pattern finds: one sighting each, however many names lead to it.

    ``name_of`` is under which name a file was seen the last time, if it was: that one is preferred. What cannot be
    looked at goes to ``problems``; what is gone is taken from them.
    """
    folder = fixed_folder(pattern)
    try:
        os.scandir(folder).close()
        problems.pop(folder, None)
    except OSError as error:
        problems.report(folder, error)
    found: dict[Key, Sighting] = {}
    for path in sorted(glob.glob(pattern, recursive=True)):
        try:
            stat = os.stat(path)
        except FileNotFoundError:
            continue  # gone since it was listed, or a link that leads nowhere
        except OSError as error:
            problems.report(path, error)
            continue
        if not modes.S_ISREG(stat.st_mode):
            continue
        key = key_of(stat)
        if key not in found or name_of(key) == path:
            found[key] = Sighting(path, stat)
    for path in [path for path in problems if not os.path.lexists(path) and path != folder]:
        del problems[path]
    return found


def fixed_folder(pattern: str) -> str:
    """Return the folder of ``pattern`` before its first wildcard.

    >>> fixed_folder("/logs/*/a-*.jsonl"), fixed_folder("a.jsonl")
    ('/logs', '.')
    """
    folder = os.path.dirname(pattern)
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    return folder or "."


def is_rotated(path: str, paths: set[str]) -> bool:
    """Tell whether ``path`` is the name of another log with something added.

    >>> is_rotated("/logs/x.jsonl.1", {"/logs/x.jsonl"}), is_rotated("/logs/x.jsonl", {"/logs/y.jsonl"})
    (True, False)
    """
    start = len(os.path.dirname(path)) + 2
    return any(path[cut] in ".-_" and path[:cut] in paths for cut in range(start, len(path)))


class Folder:
    """A folder's entries by inode and by family, listed once."""

    def __init__(self, path: str) -> None:
        """List the folder at ``path``."""
        self._by_inode: dict[int, list[str]] = {}
        self._by_family: dict[str, list[str]] = {}
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    self._by_inode.setdefault(entry.inode(), []).append(entry.path)
                    self._by_family.setdefault(family(entry.path), []).append(entry.path)
        except OSError:
            pass  # gone with all its files, or reported by the look at the pattern

    def likely(self, position: Position) -> Iterator[Sighting]:
        """Yield the regular files that have the position's inode or, if it is not read to its end, its family."""
        paths = self._by_inode.get(position.inode, [])
        if not position.finished:
            paths = paths + self._by_family.get(family(position.path), [])
        for path in dict.fromkeys(paths):
            try:
                stat = os.lstat(path)
            except OSError:
                continue  # gone since it was listed
            if modes.S_ISREG(stat.st_mode):
                yield Sighting(path, stat)
