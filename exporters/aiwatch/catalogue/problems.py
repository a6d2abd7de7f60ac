"""What is wrong with a catalogue: problems with their place, all of them reported at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to mend. ``line`` counts from 1; 0 stands for the file or folder as a whole.

    >>> print(Problem("processes/bot.yml", 12, "alerts.treshold", "unknown key", "did you mean 'threshold'?"))
    processes/bot.yml:12: alerts.treshold: unknown key; did you mean 'threshold'?
    """

    file: str
    line: int
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """Return the problem as one line: place, path, message and hint."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        path = f"{self.path}: " if self.path else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{place}: {path}{self.message}{hint}"


class CatalogueError(Exception):
    """The catalogue cannot be used; ``problems`` holds everything that is wrong, sorted by file and line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Sort ``problems`` and drop repeats; the message has one line for each."""
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))
