"""Plant every cause and print what was claimed: ``python -m bench.cause [--seeds N] [--data FOLDER]``."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from bench.cause import held_out
from bench.cause.incident import Plant
from bench.cause.judge import judge
from bench.cause.plants import plants
from bench.cause.worlds import World, worlds
from bench.report import Figure, report

CAUSES = ("pipeline", "population", "concept", "model", "upstream", "infrastructure")
NONE = "none"
DATA = Path("build/nannyml/nannyml/datasets/data")
FETCH = "pip download --no-deps -d build/nannyml nannyml && unzip -q -d build/nannyml build/nannyml/*.whl"
CLEAN = 4  # streams without a cause for each world and seed
Confusion = Counter[tuple[str, str]]


def main() -> int:
    """Run the benchmark; return 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.cause", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="Times that everything is planted (3).")
    parser.add_argument("--data", type=Path, default=DATA, help="Where NannyML's data lies.")
    parser.add_argument("--only", metavar="CAUSE|VARIANT", help="Plant nothing else.")
    parser.add_argument("--skip-held-out", action="store_true", help="Only the first family of generators.")
    arguments = parser.parse_args()
    made = worlds(arguments.data)
    if not any(world.name == "loans" for world in made):
        print(f"{arguments.data} holds no car loans, so they are left out; to get them:\n  {FETCH}")
    first = (case for world in made for case in _cases(world, plants, arguments.seeds))
    figures = _run("first family, hour by hour", first, 14, arguments.only)
    if not arguments.skip_held_out:
        second = (case for world in held_out.worlds() for case in _cases(world, held_out.plants, arguments.seeds))
        figures += _run("held-out family, two files", second, 1, arguments.only)
    return 0 if report("cause", figures) else 1


def _cases(world: World, family: object, seeds: int) -> Iterator[tuple[World, Plant | None, int, np.random.Generator]]:
    for seed in range(seeds):
        rng = np.random.default_rng([seed, *world.name.encode()])
        for plant in [*family(world, rng), *[None] * CLEAN]:  # type: ignore[operator]
            yield world, plant, int(rng.choice([400, 1000, 1500])), rng


def _run(
    title: str, cases: Iterable[tuple[World, Plant | None, int, np.random.Generator]], hours: int, only: str | None
) -> list[Figure]:
    """Return the figures of a family; print its confusion matrix and every case that went wrong."""
    confusion: Confusion = Counter()
    print(title)
    for world, plant, rows, rng in cases:
        if only and (plant is None or only not in (plant.cause, plant.variant)):
            continue
        chunk = judge(world, plant, rows if hours > 1 else 3 * rows, rng, hours)
        truth, found = plant.cause if plant else NONE, chunk.causes[0].cause if chunk.causes else NONE
        confusion[truth, found] += 1
        if truth != found:
            drifted = sorted({each.feature for each in chunk.findings if each.drifted})
            ranked = ", ".join(f"{claim.cause}/{claim.kind} {claim.weight:.2f}" for claim in chunk.causes[:3])
            print(
                f"  {world.name}, {rows} rows, {truth} ({plant.variant if plant else '-'}): {ranked or NONE}; {drifted}"
            )
    _print(confusion)
    planted = sum(number for (truth, _), number in confusion.items() if truth != NONE)
    right = sum(confusion[cause, cause] for cause in CAUSES)
    clean = sum(number for (truth, _), number in confusion.items() if truth == NONE)
    figures = [Figure(f"{title}: right at rank 1", 100 * right / max(planted, 1), "%", ">= 90")]
    if clean:
        claimed = clean - confusion[NONE, NONE]
        figures.append(Figure(f"{title}: causes claimed in {clean} clean streams", claimed, "", "<= 0"))
    return figures


def _print(confusion: Confusion) -> None:
    columns = (*CAUSES, NONE)
    print(f"{'planted':16}", *(f"{cause[:10]:>10}" for cause in columns), f"{'right':>8}")
    for truth in columns:
        row = [confusion[truth, found] for found in columns]
        if any(row):
            print(f"{truth:16}", *(f"{number:10}" for number in row), f"{confusion[truth, truth] / sum(row):8.0%}")
    print(flush=True)


if __name__ == "__main__":
    sys.exit(main())
