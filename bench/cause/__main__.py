"""Plant every cause and print what was claimed: ``python -m bench.cause [--seeds N] [--data FOLDER]``."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from aiwatch.detect.files import Chunk
from aiwatch.profiles.result import Result
from bench.cause import held_out
from bench.cause.incident import Plant
from bench.cause.judge import judge, watch
from bench.cause.plants import plants
from bench.cause.worlds import World, worlds
from bench.report import Figure, report

CAUSES = ("pipeline", "population", "concept", "model", "upstream", "infrastructure")
NONE, SILENT = "none", "no alarm"
DATA = Path("build/nannyml/nannyml/datasets/data")
FETCH = "pip download --no-deps -d build/nannyml nannyml && unzip -q -d build/nannyml build/nannyml/*.whl"
CLEAN = 4  # streams without a cause for each world and seed
Confusion = Counter[tuple[str, str]]
Case = tuple[World, Plant | None, int, np.random.Generator]
Family = Callable[[World, np.random.Generator], Iterator[Plant]]
Judged = Callable[[World, Plant | None, int, np.random.Generator], Chunk | Result | None]


def _two_files(world: World, plant: Plant | None, rows: int, rng: np.random.Generator) -> Chunk:
    return judge(world, plant, 3 * rows, rng, 1)


PARTS: Mapping[str, tuple[str, bool, Judged]] = {
    "hours": ("first family, hour by hour", False, judge),
    "files": ("held-out family, two files", True, _two_files),
    "service": ("first family, the hourly service", False, watch),
    "service-held-out": ("held-out family, the hourly service", True, watch),
}
"""Name -> title, whether the generators are those held out, and what finds the causes."""


def main() -> int:
    """Run the benchmark; return 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.cause", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="Times that everything is planted (3).")
    parser.add_argument("--data", type=Path, default=DATA, help="Where NannyML's data lies.")
    parser.add_argument("--only", metavar="CAUSE|VARIANT", help="Plant nothing else.")
    parser.add_argument("--part", choices=PARTS, action="append", help="Run only this part; may be given again.")
    arguments = parser.parse_args()
    made = worlds(arguments.data)
    if not any(world.name == "loans" for world in made):
        print(f"{arguments.data} holds no car loans, so they are left out; to get them:\n  {FETCH}")
    figures = []
    for title, apart, judged in (PARTS[part] for part in arguments.part or PARTS):
        family, where = (held_out.plants, tuple(held_out.worlds())) if apart else (plants, made)
        cases = (case for world in where for case in _cases(world, family, arguments.seeds))
        figures += _run(title, cases, judged, arguments.only)
    return 0 if report("cause", figures) else 1


def _cases(world: World, family: Family, seeds: int) -> Iterator[Case]:
    for seed in range(seeds):
        rng = np.random.default_rng([seed, *world.name.encode()])
        for plant in [*family(world, rng), *[None] * CLEAN]:
            yield world, plant, int(rng.choice([400, 1000, 1500])), rng


def _run(title: str, cases: Iterable[Case], judged: Judged, only: str | None) -> list[Figure]:
    """Return the figures of a part; print its confusion matrix and every case that went wrong."""
    confusion: Confusion = Counter()
    print(title)
    for world, plant, rows, rng in cases:
        if only and (plant is None or only not in (plant.cause, plant.variant)):
            continue
        result = judged(world, plant, rows, rng)
        truth = plant.cause if plant else NONE
        found = SILENT if result is None else result.causes[0].cause if result.causes else NONE
        confusion[truth, found] += 1
        if result is not None and truth != found:
            drifted = sorted({each.feature for each in result.findings if each.drifted})
            ranked = ", ".join(f"{claim.cause}/{claim.kind} {claim.weight:.2f}" for claim in result.causes[:3])
            print(
                f"  {world.name}, {rows} rows, {truth} ({plant.variant if plant else '-'}): {ranked or NONE}; {drifted}"
            )
        elif result is None and plant is not None:
            print(f"  {world.name}, {rows} rows, {truth} ({plant.variant}): no alarm")
    _print(confusion)
    told = sum(number for (truth, found), number in confusion.items() if truth != NONE and found != SILENT)
    right = sum(confusion[cause, cause] for cause in CAUSES)
    clean = sum(number for (truth, _), number in confusion.items() if truth == NONE)
    figures = [Figure(f"{title}: right at rank 1 of {told}", 100 * right / max(told, 1), "%", ">= 90")]
    if clean:
        claimed = clean - confusion[NONE, NONE] - confusion[NONE, SILENT]
        figures.append(Figure(f"{title}: causes claimed in {clean} clean streams", claimed, "", "<= 0"))
    return figures


def _print(confusion: Confusion) -> None:
    columns = (*CAUSES, NONE, SILENT)
    print(f"{'planted':16}", *(f"{cause[:10]:>10}" for cause in columns), f"{'right':>8}")
    for truth in (*CAUSES, NONE):
        row = [confusion[truth, found] for found in columns]
        if any(row):
            right = confusion[truth, truth] + (confusion[truth, SILENT] if truth == NONE else 0)
            told = sum(row) - (confusion[truth, SILENT] if truth != NONE else 0)
            print(f"{truth:16}", *(f"{number:10}" for number in row), f"{right / max(told, 1):8.0%}")
    print(flush=True)


if __name__ == "__main__":
    sys.exit(main())
