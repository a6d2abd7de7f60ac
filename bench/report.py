"""Print the figures of a benchmark as a table, and keep them in build/bench/<name>.json."""

from __future__ import annotations

import json
import operator
from dataclasses import dataclass
from pathlib import Path

_COMPARISONS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure, and what it should be.

    Args:
        figure: what was measured.
        value: the measured value, in ``unit``.
        unit: the unit, such as ``µs``; ``ratio`` for a quotient.
        target: a comparison such as ``< 20``, or None for a figure that is only shown.

    >>> Figure("interaction, median", 14.2, "µs", "< 20").reached
    True
    >>> Figure("baseline, median", 30.0, "µs").reached is None
    True
    """

    figure: str
    value: float
    unit: str
    target: str | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the target was reached; None where there is none."""
        if self.target is None:
            return None
        comparison, bound = self.target.split()
        return bool(_COMPARISONS[comparison](self.value, float(bound)))


def report(name: str, figures: list[Figure], folder: Path = Path("build/bench")) -> bool:
    """Print ``figures``, write them to ``folder/<name>.json``, and tell whether all targets were reached."""
    rows = [("figure", "value", "unit", "target", "reached")]
    rows += [
        (f.figure, f"{f.value:,.2f}", f.unit, f.target or "", {None: "", True: "yes", False: "NO"}[f.reached])
        for f in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        cells = [row[0].ljust(widths[0]), row[1].rjust(widths[1]), *map(str.ljust, row[2:], widths[2:])]
        print("  ".join(cells).rstrip())
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    content = [
        {"figure": f.figure, "value": f.value, "unit": f.unit, "target": f.target, "reached": f.reached}
        for f in figures
    ]
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"written to {path}")
    return all(f.reached is not False for f in figures)
