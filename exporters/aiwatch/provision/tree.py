"""The one place that writes generated files, and that compares them with what they should be."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from aiwatch.provision.contracts import Tree

COMMAND = "aiwatch provision"
"""What a person runs to mend every difference."""


class TreeError(Exception):
    """The tree cannot be written or compared; nothing was written."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that is not what it should be. ``diff`` is a unified diff from what is there to what should be."""

    path: str
    state: Literal["stale", "missing", "orphan"]
    diff: str = ""

    def __str__(self) -> str:
        """Return the state and the path, and the diff below."""
        words = {
            "stale": "is stale",
            "missing": "is missing",
            "orphan": "is an orphan: nothing in the catalogue asks for it",
        }
        return f"{self.path} {words[self.state]}\n{self.diff}".rstrip("\n")


@dataclass(frozen=True, slots=True)
class Written:
    """What a write changed: files written and files removed, as paths relative to the root."""

    changed: tuple[str, ...]
    removed: tuple[str, ...]


def check(tree: Tree, root: Path, owned: Sequence[str]) -> list[Difference]:
    """Return how the files below ``root`` differ from ``tree``, sorted by path.

    Args:
        tree: every generated file.
        root: the project's folder.
        owned: folders and files, relative to ``root``, that hold what is generated and nothing else.

    Raises:
        TreeError: ``tree`` holds a path outside of ``owned``, or a symbolic link leads away from ``root``.
    """
    _refuse_unowned(tree, owned)
    _refuse_links(root, [*tree, *owned])
    found = []
    for path, text in tree.items():
        target = root / path
        if not target.is_file() or target.is_symlink():
            found.append(Difference(path, "missing", _diff(path, "", text)))
        elif target.read_bytes() != text.encode():
            found.append(Difference(path, "stale", _diff(path, _read(target), text)))
    for path in _existing(root, owned):
        if path not in tree:
            found.append(Difference(path, "orphan"))
    return sorted(found, key=lambda difference: difference.path)


def describe(differences: Sequence[Difference]) -> str:
    """Return the differences for a person, and last the command that mends them.

    >>> print(describe([Difference("prometheus/generated/old.yml", "orphan")]))
    prometheus/generated/old.yml is an orphan: nothing in the catalogue asks for it
    <BLANKLINE>
    1 generated file differs from the catalogue; to mend it, run: aiwatch provision
    """
    files, differ, them = ("file", "differs", "it") if len(differences) == 1 else ("files", "differ", "them")
    last = f"{len(differences)} generated {files} {differ} from the catalogue; to mend {them}, run: {COMMAND}"
    return "\n\n".join([*map(str, differences), last])


def write(tree: Tree, root: Path, owned: Sequence[str]) -> Written:
    """Make the files below ``root`` what ``tree`` says; files that are right already are not touched.

    Each file is replaced in one step, so that a reader sees the old or the new one. Files in an owned folder
    that ``tree`` does not hold are removed, and folders that this leaves empty.

    Args:
        tree: every generated file.
        root: the project's folder.
        owned: folders and files, relative to ``root``, that hold what is generated and nothing else.

    Raises:
        TreeError: ``tree`` holds a path outside of ``owned``, or a symbolic link leads away from ``root``.
        OSError: a file cannot be written or removed.
    """
    differences = check(tree, root, owned)
    changed = [difference.path for difference in differences if difference.state != "orphan"]
    removed = [difference.path for difference in differences if difference.state == "orphan"]
    for path in changed:
        _replace(root / path, tree[path].encode())
    for path in removed:
        (root / path).unlink()
    for path in owned:
        _remove_empty_folders(root / path)
    return Written(tuple(changed), tuple(removed))


def _refuse_unowned(tree: Tree, owned: Sequence[str]) -> None:
    for path in tree:
        pure = PurePosixPath(path)
        inside = any(pure.is_relative_to(place) for place in owned)
        if not inside or pure.is_absolute() or ".." in pure.parts or str(pure) != path:
            raise TreeError(f"{path!r} lies outside of what is generated: {', '.join(owned)}")


def _refuse_links(root: Path, paths: Sequence[str]) -> None:
    """A folder on the way to a generated file may not be a link: what is behind it is not ours."""
    ways = {way for path in paths for way in PurePosixPath(path).parents}
    for way in sorted(ways | {PurePosixPath(path) for path in paths if (root / path).is_dir()}):
        if way != PurePosixPath(".") and (root / way).is_symlink():
            raise TreeError(f"{root / way} is a symbolic link: replace it by a real folder")


def _existing(root: Path, owned: Sequence[str]) -> Iterator[str]:
    """Yield the files and links in owned folders, and owned files; a link is not followed."""
    for place in owned:
        top = root / place
        if top.is_symlink() or top.is_file():
            yield place
        for folder, folders, files in os.walk(top):
            links = [name for name in folders if (Path(folder) / name).is_symlink()]
            for name in [*files, *links]:
                yield (Path(folder) / name).relative_to(root).as_posix()


def _read(path: Path) -> str:
    return path.read_bytes().decode(errors="replace")


def _diff(path: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"{path} (is)", f"{path} (should be)", lineterm=""
    )
    return "\n".join(lines)


def _replace(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _remove_empty_folders(top: Path) -> None:
    for folder, _, _ in os.walk(top, topdown=False):
        if not os.listdir(folder):
            os.rmdir(folder)
